"""Recipients that a mail server was asked for, and whose mail did not follow: probes."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from canary.inlets.http.posted_mail import AskedRecipient

PATIENCE = timedelta(minutes=10)
"""So long a mail may follow its recipient; no stage says that a client is gone (RFC 5321 4.5.3.2)."""
_MOST = 10_000


@dataclass
class AskedRecipients:
    """Canaries that were asked for lately and whose mail may still come, oldest first; a restart forgets them."""

    _waiting: "OrderedDict[tuple[str, str], tuple[AskedRecipient, datetime]]" = field(default_factory=OrderedDict)

    def add(self, asked: AskedRecipient, now: datetime) -> None:
        """Note a recipient."""
        self._waiting[asked.connection, asked.address.lower()] = asked, now
        if len(self._waiting) > _MOST:
            self._waiting.popitem(last=False)

    def deliver(self, connection: str, addresses: tuple[str, ...]) -> None:
        """Note that a mail came."""
        for address in addresses:
            self._waiting.pop((connection, address.lower()), None)

    def overdue(self, now: datetime) -> list[AskedRecipient]:
        """Return those whose mail did not come, and forget them."""
        found = []
        while self._waiting:
            key, (asked, at) = next(iter(self._waiting.items()))
            if now - at < PATIENCE:
                break
            del self._waiting[key]
            found.append(asked)
        return found
