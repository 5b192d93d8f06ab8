"""Live DNS: a `Lookup` over dnspython with a bounded cache, and the bounded view of it that one mail gets."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver

from canary.authenticate.lookup import Answer, Lookup, Record, Temporary, dns_name

UDP_PAYLOAD = 1232
"""EDNS buffer that needs no fragments on any path; longer answers come by TCP."""

TTL = 5.0, 3600.0
FAILURE_TTL = 10.0
"""How long a failure is believed, so that one dead domain does not hold up every mail of a wave (RFC 2308 7.1)."""

CACHED_OCTETS = 16 * 1024
"""Answers with more octets than this are not kept."""


class LiveLookup:
    """Asks the name servers (`address`, `address:port`, `[v6]:port`; none: those of the system), keeps by TTL."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        cached: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = _resolver(nameservers, timeout)
        self._cache = Cache(cached, clock)
        self._clock = clock

    async def __call__(self, name: str, kind: str) -> Answer:
        """Return the answer; SERVFAIL, refusal, timeout and no reachable server are `Temporary`."""
        known = dns_name(name)
        if not known:
            return Answer(exists=False)
        outcome = self._cache.get(known, kind)
        if outcome is None:
            outcome, ttl = await self._ask(known, kind)
            self._cache.put(known, kind, outcome, ttl)
        if isinstance(outcome, Temporary):
            raise Temporary(outcome.word)
        return outcome

    async def _ask(self, name: str, kind: str) -> tuple[Answer | Temporary, float]:
        labels = (*name.encode("ascii").split(b"."), b"")
        try:
            found = await self._resolver.resolve(dns.name.Name(labels), kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            return Answer(exists=False), _negative_ttl(error)
        except dns.exception.Timeout:
            return Temporary("TIMEOUT"), FAILURE_TTL
        except (dns.exception.DNSException, OSError):
            return Temporary("SERVFAIL"), FAILURE_TTL
        return Answer(tuple(map(_record, found))), found.chaining_result.minimum_ttl

    def for_mail(self, *, questions: int = 100, seconds: float = 20.0) -> "MailLookup":
        """Return a view that answers one mail's questions until their number or the time is spent."""
        return MailLookup(self, questions, self._clock() + seconds, self._clock)


class MailLookup:
    """Passes on at most so many questions, and none after the deadline; beyond them all is `Temporary`."""

    def __init__(self, lookup: Lookup, questions: int, deadline: float, clock: Callable[[], float]) -> None:
        self._lookup = lookup
        self._left = questions
        self._deadline = deadline
        self._clock = clock

    async def __call__(self, name: str, kind: str) -> Answer:
        """Return the answer, if the budget allows to ask and it comes in time."""
        seconds = self._deadline - self._clock()
        if self._left <= 0 or seconds <= 0:
            raise Temporary("BUDGET")
        self._left -= 1
        try:
            async with asyncio.timeout(seconds):
                return await self._lookup(name, kind)
        except TimeoutError as error:
            raise Temporary("BUDGET") from error


class Cache:
    """What DNS said, for as long as it said; the question unused the longest makes room."""

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[Answer | Temporary, float]] = OrderedDict()

    def get(self, name: str, kind: str) -> Answer | Temporary | None:
        """Return what is still known, else None."""
        outcome, until = self._kept.get((name, kind), (None, 0.0))
        if outcome is None or until <= self._clock():
            return None
        self._kept.move_to_end((name, kind))
        return outcome

    def put(self, name: str, kind: str, outcome: Answer | Temporary, ttl: float) -> None:
        """Keep an outcome for its TTL, within our own bounds."""
        if isinstance(outcome, Answer) and sum(map(len, outcome.records)) > CACHED_OCTETS:
            return
        shortest, longest = TTL
        self._kept[name, kind] = outcome, self._clock() + min(max(ttl, shortest), longest)
        self._kept.move_to_end((name, kind))
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> float:
    responses: list[dns.message.QueryMessage] = error.kwargs["responses"].values()
    return min((float(response.resolve_chaining().minimum_ttl) for response in responses), default=FAILURE_TTL)


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


def _resolver(nameservers: Sequence[str], timeout: float) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=False)
    if nameservers:
        resolver.nameservers = [_nameserver(text) for text in nameservers]
    else:
        _read_system(resolver)
    resolver.use_edns(0, 0, UDP_PAYLOAD)
    # Two tries fit into the whole time, for a datagram may be lost.
    resolver.timeout, resolver.lifetime = timeout / 2, timeout
    return resolver


def _read_system(resolver: dns.asyncresolver.Resolver) -> None:
    try:
        resolver.read_resolv_conf("/etc/resolv.conf")
    except (dns.resolver.NoResolverConfiguration, OSError):
        resolver.nameservers = []  # every question is then `Temporary`, and the doctor names the cause


_NAMESERVER = re.compile(r"\[(?P<v6>[^\]]+)\](?::(?P<v6port>\d{1,5}))?|(?P<v4>[^:]+):(?P<v4port>\d{1,5})|(?P<plain>.+)")


def _nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    match = _NAMESERVER.fullmatch(text)
    parts = match.groupdict() if match else {}
    address = parts.get("v6") or parts.get("v4") or parts.get("plain") or ""
    port = int(parts.get("v6port") or parts.get("v4port") or "53")
    if not (dns.inet.is_address(address) and 0 < port < 65536):
        raise ValueError(f"name server {text!r}: write an address as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53")
    return dns.nameserver.Do53Nameserver(address, port)
