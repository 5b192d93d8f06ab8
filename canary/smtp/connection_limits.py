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


class ConnectedClient(Protocol):
    """A session as far as it counts here; address and network are empty at a Unix socket."""

    ip: str
    network: str
    storing: bool
    gone: bool

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""

    def drop_body(self) -> int:
        """Drops that mail, to be sent again later; returns the octets set free."""

    def leave(self, farewell: str = "", *, at_once: bool = False) -> None:
        """Says goodbye when the transaction is over, or at once."""

    def send(self) -> None:
        """Sends its replies."""


@dataclass(slots=True)
class _ClientState:
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
        self, limits: Limits, exempt: Callable[[str], bool] = lambda _: False, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits, self.exempt = limits, exempt
        self.clients: dict[ConnectedClient, _ClientState] = {}
        self.empty = asyncio.Event()
        self.empty.set()
        self.octets = self.admitted = 0
        self.counts: Counter[Event] = Counter()
        self._now = now
        self._places: Counter[str] = Counter()
        self._going = 0
        self._speaking: list[ConnectedClient] = []
        self._networks: dict[str, _Allowances] = {}

    def enter(self, client: ConnectedClient) -> str:
        """Admits a session and returns nothing, or the 421 for one that has to come again and need not leave."""
        state = _ClientState(client.network, not client.network or self.exempt(client.ip), self._now())
        refused = self._too_often(state) or self._full(state)
        if refused:
            return self._refused(refused)
        self.clients[client] = state
        self._take(state, 1)
        self.admitted += 1
        self.empty.clear()
        return ""

    def leave(self, client: ConnectedClient) -> None:
        """Forgets a session, if it was admitted."""
        state = self.clients.pop(client, None)
        if state is None:
            return
        if state.going:
            self._going -= 1
        else:
            self._take(state, -1)
        if not self.clients:
            self.empty.set()

    def admit_mail(self, client: ConnectedClient) -> str:
        """Returns nothing for a MAIL that may begin, or the 4xx reply for one that has to come again."""
        state = self.clients.get(client)
        if state is None:
            return ""
        # A session that sends mail goes to the end of those that may have to make room.
        state.since = self._now()
        self.clients[client] = self.clients.pop(client)
        refused = None if state.exempt else self._too_much(state)
        return self._refused(refused) if refused else ""

    def count(self, client: ConnectedClient, event: Event) -> str:
        """Counts what a session did wrong; returns the 421 to end it with when that was too often, else nothing."""
        self.counts[event] += 1
        state = self.clients.get(client)
        if state is None:
            return ""
        if event is Event.ERRORS:
            state.errors += 1
            return _FAREWELLS[event] if state.errors > self.limits.errors else ""
        if event in (Event.UNKNOWN, Event.FOREIGN):
            state.refused += 1
            if self.limits.unknown_rate and not state.exempt:
                allowances = self._allowances(state.network)
                rest = take_token(allowances.unknown, self._now(), self.limits.unknown_rate)
                allowances.unknown = rest or allowances.unknown
            return _FAREWELLS[Event.UNKNOWN] if state.refused > self.limits.unknown else ""
        return ""

    def tarpit(self, client: ConnectedClient) -> float:
        """The seconds to wait before the next negative reply; none unless the limits say so."""
        state = self.clients.get(client)
        if state is None or state.exempt or not self.limits.tarpit:
            return 0.0
        return delay(self.limits, state.errors + state.refused)

    def hold(self, octets: int) -> None:
        """Counts octets used (or freed, if negative); past the limit the network that holds most drops a mail."""
        self.octets += octets
        if octets > 0 and self.octets > self.limits.memory:
            self.counts[Event.MEMORY] += 1
            while self.octets > self.limits.memory and (freed := self._heaviest().drop_body()):
                self.octets -= freed

    def _heaviest(self) -> ConnectedClient:
        held: Counter[str] = Counter()
        for client, state in self.clients.items():
            held[state.network] += client.held
        worst = max(held, key=lambda network: held[network])
        return max((m for m, state in self.clients.items() if state.network == worst), key=lambda client: client.held)

    def send_later(self, client: ConnectedClient) -> None:
        """Has it send its replies when the turn is over: many clients are often one machine, woken once."""
        if not self._speaking:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._speaking.append(client)

    def _send_all(self) -> None:
        speaking, self._speaking = self._speaking, []
        for client in speaking:
            client.send()

    def _refused(self, event: Event) -> str:
        self.counts[event] += 1
        return _FAREWELLS[event]

    def _full(self, state: _ClientState) -> Event | None:
        if not state.exempt and self._places[state.network] >= self.limits.connections_per_network:
            return Event.CONNECTIONS_PER_NETWORK
        if len(self.clients) - self._going < self.limits.connections:
            return None
        # Those asked to make room may take a moment to leave, but not for ever; our own machines come in later.
        if len(self.clients) > self.limits.connections * (10 if state.exempt else 9) // 8:
            return Event.CONNECTIONS
        return None if self._make_room(state) else Event.CONNECTIONS

    def _make_room(self, state: _ClientState) -> bool:
        """Ends a session for a newcomer: one of the network that has most, or one that has sent no mail for long."""
        network = network_to_evict(self._places, state.network)
        patience = state.since - self.limits.idle_when_full
        for client, other in self.clients.items():
            fixed = other.going or other.exempt or client.storing
            if not fixed and (other.network == network or other.since < patience):
                self._take(other, -1)
                self._going += 1
                other.going = True
                self.counts[Event.IDLE_WHEN_FULL] += 1
                client.leave(_DISPLACED, at_once=True)
                return True
        return state.exempt

    def _take(self, state: _ClientState, places: int) -> None:
        if state.exempt:
            return
        self._places[state.network] += places
        if not self._places[state.network]:
            del self._places[state.network]

    def _too_often(self, state: _ClientState) -> Event | None:
        if state.exempt or not self.limits.connection_rate:
            return None
        allowances = self._allowances(state.network)
        rest = take_token(allowances.connections, state.since, self.limits.connection_rate)
        allowances.connections = rest or allowances.connections
        return Event.CONNECTION_RATE if rest is None else None

    def _too_much(self, state: _ClientState) -> Event | None:
        if not (self.limits.mail_rate or self.limits.unknown_rate):
            return None
        allowances = self._allowances(state.network)
        if take_token(allowances.unknown, state.since, self.limits.unknown_rate) is None:
            return Event.UNKNOWN_RATE
        rest = take_token(allowances.mails, state.since, self.limits.mail_rate)
        allowances.mails = rest or allowances.mails
        return Event.MAIL_RATE if rest is None else None

    def _allowances(self, network: str) -> _Allowances:
        found = self._networks.pop(network, None) or _Allowances()
        self._networks[network] = found
        if len(self._networks) > _NETWORKS:
            del self._networks[next(iter(self._networks))]
        return found
