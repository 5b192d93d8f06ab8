"""Mail to postmaster and abuse, which anybody may send (RFC 5321 4.5.1): how much of it is accepted in a day."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from canary.smtp.admission import take_token

DAY = 86400.0
_NETWORKS = 10_000  # remembered for their quotas; the quota in all bounds what those that were forgotten send


@dataclass(frozen=True, slots=True)
class RoleLimits:
    """Octets of one mail, and mails a day of one network and of all; 0 sets no quota."""

    size: int = 256 * 1024
    network_quota: int = 20
    quota: int = 500


class RoleQuota:
    """Counts this mail; quotas may be used up at once and grow back evenly.

    `exempt` returns for an address whether it is one of our own, for which only the quota in all holds.
    """

    def __init__(
        self,
        limits: RoleLimits = RoleLimits(),
        exempt: Callable[[str], bool] = lambda _: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits, self.exempt, self._now = limits, exempt, now
        self._all = 0.0
        self._networks: dict[str, float] = {}

    def has_room(self, ip: str, network: str) -> bool:
        """Whether one more may come from there; both are empty at a Unix socket."""
        return self._taken(ip, network) is not None

    def count(self, ip: str, network: str) -> bool:
        """Counts a mail, unless there is no room for it; returns whether there was."""
        taken = self._taken(ip, network)
        if taken is None:
            return False
        self._all, mine = taken
        self._networks.pop(network, None)
        self._networks[network] = mine
        if len(self._networks) > _NETWORKS:
            del self._networks[next(iter(self._networks))]
        return True

    def _taken(self, ip: str, network: str) -> tuple[float, float] | None:
        now, own = self._now(), not network or self.exempt(ip)
        everyone = take_token(self._all, now, self.limits.quota, DAY)
        mine = take_token(self._networks.get(network, 0.0), now, 0 if own else self.limits.network_quota, DAY)
        return None if everyone is None or mine is None else (everyone, mine)
