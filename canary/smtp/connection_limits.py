"""All connected clients: which may connect, which give up memory, and what is counted against them."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from canary.smtp.admission import Event, Limits, delay, network_to_evict, take_token

_NETWORKS = 10_000  # remembered for their rates; the least recently seen are forgotten first
_FAREWELLS = {
    Event.CONNECTIONS: "421 4.7.0 Too many connections, try again later",
    Event.CONNECTIONS_PER_NETWORK: "421 4.7.0 Too many connections from your network, try again later",
    Event.CONNECTION_RATE: "421 4.7.0 Connecting too often, try again later",
    Event.MAIL_RATE: "450 4.7.1 Too much mail from your network, try again later",
    Event.UNKNOWN_RATE: "450 4.7.1 Too many unknown recipients from your network, try again later",
    Event.UNKNOWN: "421 4.7.0 Too many refused recipients",
    Event.ERRORS: "421 4.7.0 Too many errors",
}
_DISPLACED = "421 4.3.2 Too busy, try again later"


class Member(Protocol):
    """A session as far as it counts here: its address, what it holds, whether it is storing, whether it is gone."""

    storing: bool
    gone: bool

    @property
    def ip(self) -> str:
        """The client's address; empty at a Unix socket."""

    @property
    def network(self) -> str:
        """The client's network; empty at a Unix socket."""

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""

    def drop_body(self) -> int:
        """Drops that mail, to be sent again later; returns the octets set free."""

    def leave(self, farewell: str = "", *, at_once: bool = False) -> None:
        """Says goodbye when the transaction is over, or at once."""


@dataclass(slots=True)
class _Stay:
    """A session's time in the crowd: since when it has sent no mail, and whether it was asked to make room."""

    network: str
    exempt: bool
    since: float
    going: bool = False
    errors: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Allowances:
    """When a network's allowances will be whole again."""

    connections: float = 0.0
    mails: float = 0.0
    unknown: float = 0.0


class ConnectionLimits:
    """Counts sessions, what they do, and the octets of mails not yet stored; the biggest give up room.

    `exempt` returns for an address whether it is one of our own, to which only the limits on all together apply.
    """

    def __init__(
        self,
        limits: Limits,
        exempt: Callable[[str], bool] = lambda _: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.exempt = exempt
        self.members: dict[Member, _Stay] = {}
        self.empty = asyncio.Event()
        self.empty.set()
        self.octets = 0
        self.entered = 0
        self.counts: Counter[Event] = Counter()
        self._now = now
        self._places: Counter[str] = Counter()
        self._going = 0
        self._networks: dict[str, _Allowances] = {}

    # Coming and going.

    def enter(self, member: Member) -> str:
        """Admits a session and returns nothing, or returns the 421 for one that has to come again.

        A session counts as admitted only after the empty answer; one whose address changed (XCLIENT) leaves and enters
        again.
        """
        stay = _Stay(member.network, not member.network or self.exempt(member.ip), self._now())
        refused = self._too_often(stay) or self._full(stay)
        if refused:
            self.counts[refused] += 1
            return _FAREWELLS[refused]
        self.members[member] = stay
        self._take(stay, 1)
        self.entered += 1
        self.empty.clear()
        return ""

    def leave(self, member: Member) -> None:
        """Forgets a session, if it was admitted."""
        stay = self.members.pop(member, None)
        if stay is None:
            return
        if stay.going:
            self._going -= 1
        else:
            self._take(stay, -1)
        if not self.members:
            self.empty.set()

    # What they do.

    def admit_mail(self, member: Member) -> str:
        """Returns nothing for a MAIL that may begin, or the 4xx reply for one that has to come again."""
        stay = self.members.get(member)
        if stay is None:
            return ""
        # A session that sends mail goes to the end of those that may have to make room.
        stay.since = self._now()
        self.members[member] = self.members.pop(member)
        refused = None if stay.exempt else self._too_much(stay)
        if refused:
            self.counts[refused] += 1
            return _FAREWELLS[refused]
        return ""

    def count(self, member: Member, event: Event) -> str:
        """Counts what a session did wrong; returns the 421 to end it with when that was too often, else nothing."""
        self.counts[event] += 1
        stay = self.members.get(member)
        if stay is None:
            return ""
        if event is Event.ERRORS:
            stay.errors += 1
            return _FAREWELLS[event] if stay.errors > self.limits.errors else ""
        if event in (Event.UNKNOWN, Event.FOREIGN):
            stay.refused += 1
            if self.limits.unknown_rate and not stay.exempt:
                allowances = self._allowances(stay.network)
                rest = take_token(allowances.unknown, self._now(), self.limits.unknown_rate)
                allowances.unknown = rest or allowances.unknown
            return _FAREWELLS[Event.UNKNOWN] if stay.refused > self.limits.unknown else ""
        return ""

    def tarpit(self, member: Member) -> float:
        """The seconds to wait before the next negative reply; none unless the limits say so."""
        stay = self.members.get(member)
        if stay is None or stay.exempt or not self.limits.tarpit:
            return 0.0
        return delay(self.limits, stay.errors + stay.refused)

    def hold(self, octets: int) -> None:
        """Counts octets used (or freed, if negative); past the limit the network that holds most drops a mail.

        So a client that fills the memory loses its own mail, and small ones pass.
        """
        self.octets += octets
        if octets > 0 and self.octets > self.limits.memory:
            self.counts[Event.MEMORY] += 1
            while self.octets > self.limits.memory and (freed := self._heaviest().drop_body()):
                self.octets -= freed

    def _heaviest(self) -> Member:
        held: Counter[str] = Counter()
        for member, stay in self.members.items():
            held[stay.network] += member.held
        worst = max(held, key=lambda network: held[network])
        return max((m for m, stay in self.members.items() if stay.network == worst), key=lambda member: member.held)

    # Their steps.

    def _full(self, stay: _Stay) -> Event | None:
        if not stay.exempt and self._places[stay.network] >= self.limits.connections_per_network:
            return Event.CONNECTIONS_PER_NETWORK
        if len(self.members) - self._going < self.limits.connections:
            return None
        # Those that were asked to make room may take a moment to leave, but not for ever; our own machines are admitted
        # later.
        if len(self.members) > self.limits.connections * (10 if stay.exempt else 9) // 8:
            return Event.CONNECTIONS
        return None if self._make_room(stay) else Event.CONNECTIONS

    def _make_room(self, stay: _Stay) -> bool:
        """Ends a session for a newcomer: one of the network that has most, or one that has sent no mail for long."""
        network = network_to_evict(self._places, stay.network)
        patience = stay.since - self.limits.idle_when_full
        for member, other in self.members.items():
            fixed = other.going or other.exempt or member.storing
            if not fixed and (other.network == network or other.since < patience):
                self._take(other, -1)
                self._going += 1
                other.going = True
                self.counts[Event.IDLE_WHEN_FULL] += 1
                member.leave(_DISPLACED, at_once=True)
                return True
        return stay.exempt

    def _take(self, stay: _Stay, places: int) -> None:
        if stay.exempt:
            return
        self._places[stay.network] += places
        if not self._places[stay.network]:
            del self._places[stay.network]

    def _too_often(self, stay: _Stay) -> Event | None:
        if stay.exempt or not self.limits.connection_rate:
            return None
        allowances = self._allowances(stay.network)
        rest = take_token(allowances.connections, stay.since, self.limits.connection_rate)
        allowances.connections = rest or allowances.connections
        return Event.CONNECTION_RATE if rest is None else None

    def _too_much(self, stay: _Stay) -> Event | None:
        if not (self.limits.mail_rate or self.limits.unknown_rate):
            return None
        allowances = self._allowances(stay.network)
        if take_token(allowances.unknown, stay.since, self.limits.unknown_rate) is None:
            return Event.UNKNOWN_RATE
        rest = take_token(allowances.mails, stay.since, self.limits.mail_rate)
        allowances.mails = rest or allowances.mails
        return Event.MAIL_RATE if rest is None else None

    def _allowances(self, network: str) -> _Allowances:
        found = self._networks.pop(network, None) or _Allowances()
        self._networks[network] = found
        if len(self._networks) > _NETWORKS:
            del self._networks[next(iter(self._networks))]
        return found
