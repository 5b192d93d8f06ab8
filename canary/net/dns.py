"""Live DNS: a `Lookup` with a bounded cache, and the bounded view of it that one mail gets."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rcode
import dns.rdata

from canary.authenticate.lookup import DnsAnswer, Record, Temporary, dns_name
from canary.net.dns_transport import DnsTransport

TTL = 5.0, 3600.0
FAILURE_TTL = 10.0
"""Seconds for which a failure is cached, so that one dead domain does not delay every mail of a wave (RFC 2308 7.1)."""

CACHED_OCTETS = 16 * 1024
"""Answers with more octets than this are not kept."""


class LiveLookup:
    """Asks the name servers (`address`, `address:port`, `[v6]:port`; none: those of the system) and caches by TTL."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        cached: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stub = DnsTransport(nameservers, timeout)
        self._cache = Cache(cached, clock)
        self._clock = clock

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        """Return the answer; SERVFAIL, refusal, timeout and no reachable server are `Temporary`."""
        answer = self.cached(name, kind)
        if answer is not None:
            return answer
        known = dns_name(name)
        outcome, ttl = await self._ask(known, kind)
        self._cache.put(known, kind, outcome, ttl)
        return _answer(outcome)

    def cached(self, name: str, kind: str) -> DnsAnswer | None:
        """Return what is known without asking, None where it is not; raises `Temporary` where that failed lately."""
        known = dns_name(name)
        if not known:
            return DnsAnswer(exists=False)
        outcome = self._cache.get(known, kind)
        return None if outcome is None else _answer(outcome)

    async def _ask(self, name: str, kind: str) -> tuple[DnsAnswer | Temporary, float]:
        try:
            response = await self._stub.ask(name, kind)
            found = response.resolve_chaining()
        except Temporary as failure:
            return failure, FAILURE_TTL
        except dns.exception.DNSException:  # an endless chain of aliases, or a response that contradicts itself
            return Temporary("SERVFAIL"), FAILURE_TTL
        records = tuple(_record(record) for record in found.answer or ())
        return DnsAnswer(records, exists=response.rcode() != dns.rcode.NXDOMAIN), found.minimum_ttl

    def for_mail(self, *, questions: int = 100, seconds: float = 20.0) -> "MailLookup":
        """Return a view that answers one mail's questions until their number or the time is spent."""
        return MailLookup(self, questions, self._clock() + seconds, self._clock)


class MailLookup:
    """Passes on a limited number of questions, and none after the deadline; any other is `Temporary`."""

    def __init__(self, lookup: LiveLookup, questions: int, deadline: float, clock: Callable[[], float]) -> None:
        self._lookup = lookup
        self._left = questions
        self._deadline = deadline
        self._clock = clock

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        """Return the answer, if the budget allows the question and the answer comes in time."""
        seconds = self._deadline - self._clock()
        if self._left <= 0 or seconds <= 0:
            raise Temporary("BUDGET")
        self._left -= 1
        # Most names of a mail are known from mails before; a timer for each costs more than the answer.
        if (answer := self._lookup.cached(name, kind)) is not None:
            return answer
        try:
            async with asyncio.timeout(seconds):
                return await self._lookup(name, kind)
        except TimeoutError as error:
            raise Temporary("BUDGET") from error


def _answer(outcome: DnsAnswer | Temporary) -> DnsAnswer:
    if isinstance(outcome, Temporary):
        raise Temporary(outcome.word)
    return outcome


class Cache:
    """DNS answers, for as long as their TTL says; the least recently used makes room."""

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[DnsAnswer | Temporary, float]] = OrderedDict()

    def get(self, name: str, kind: str) -> DnsAnswer | Temporary | None:
        """Return what is still valid, else None."""
        outcome, until = self._kept.get((name, kind), (None, 0.0))
        if outcome is None or until <= self._clock():
            return None
        self._kept.move_to_end((name, kind))
        return outcome

    def put(self, name: str, kind: str, outcome: DnsAnswer | Temporary, ttl: float) -> None:
        """Keep an outcome for its TTL, within our own bounds."""
        if isinstance(outcome, DnsAnswer) and sum(map(len, outcome.records)) > CACHED_OCTETS:
            return
        shortest, longest = TTL
        self._kept[name, kind] = outcome, self._clock() + min(max(ttl, shortest), longest)
        self._kept.move_to_end((name, kind))
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


_READERS: dict[str, Callable[[Any], Record]] = {
    "TXT": lambda record: b"".join(record.strings),
    "MX": lambda record: (record.preference, _host(record.exchange)),
    "PTR": lambda record: _host(record.target),
    "CNAME": lambda record: _host(record.target),
}


def _record(record: dns.rdata.Rdata) -> Record:
    return _READERS.get(record.rdtype.name, str)(record)


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
