"""Lookup: the only questions we may ask of DNS, and lookups that need no network.

Two of them let a mail be judged again years later: what `RecordingLookup` records is stored with the mail, and
`ReplayLookup` answers from it. The record has the form of a zone file, so `ZoneLookup` reads it as well.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from canary.authenticate.dns_answer import DnsAnswer, Record, Temporary, read_records, write_records

__all__ = [
    "DnsAnswer",
    "Lookup",
    "OfflineLookup",
    "Record",
    "RecordingLookup",
    "ReplayLookup",
    "Temporary",
    "Zone",
    "ZoneLookup",
    "dns_name",
    "zone_json",
]

Zone = dict[str, dict[str, str | list[object]]]
"""Names to record kinds to records, or to a word for a kind that failed: `TIMEOUT`, `SERVFAIL`, `NXDOMAIN` ..."""

MAX_CHAIN = 8
"""CNAMEs followed for one question; resolvers stop at about as many."""


class Lookup(Protocol):
    """Asks DNS one question; raises `Temporary` when it could not be answered."""

    async def __call__(self, name: str, kind: str, /) -> DnsAnswer:
        """Return the answer for a name and a record type (`TXT`, `A`, `AAAA`, `MX`, `PTR`)."""


NOTHING = DnsAnswer(exists=False)
EMPTY = DnsAnswer()


def dns_name(name: str) -> str:
    """Return a name as DNS compares it: lower case, A-labels, no final dot; empty if DNS cannot hold it."""
    plain = name.removesuffix(".")
    return _dns_name(plain) if 0 < len(plain) <= 253 else ""


@lru_cache(maxsize=2048)  # a mail names the same few domains over and over; what is longer never comes here
def _dns_name(name: str) -> str:
    plain = name if name.isascii() else _a_labels(name)
    fits = all(0 < len(label) <= 63 for label in plain.split("."))
    return plain.lower() if fits and plain.isprintable() and len(plain) <= 253 else ""


def _a_labels(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def zone_json(zone: Mapping[str, object]) -> str:
    """Return a zone or a record of answers as JSON that is the same, byte for byte, whenever the answers are."""
    return json.dumps(zone, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class OfflineLookup:
    """Answers nothing: every question is `Temporary`, so nothing is held against a mail."""

    async def __call__(self, name: str, kind: str) -> DnsAnswer:  # noqa: ARG002 - the shape of a Lookup
        """Raise `Temporary`."""
        raise Temporary("OFFLINE")


class RecordingLookup:
    """Passes questions on, and keeps every answer and failure; asked again, it repeats them."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._kept: dict[tuple[str, str], DnsAnswer | Temporary] = {}

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        """Return or raise what the lookup behind it answered the first time."""
        if not (known := dns_name(name)):
            return NOTHING
        question = (known, kind)
        if question not in self._kept:
            outcome = await self._ask(known, kind)
            self._kept.setdefault(question, outcome)  # of two simultaneous questions the first counts
        return _told(self._kept[question])

    async def _ask(self, name: str, kind: str) -> DnsAnswer | Temporary:
        try:
            return await self._lookup(name, kind)
        except Temporary as failure:
            return failure

    @property
    def answers(self) -> Zone:
        """Everything that was answered, as a zone in sorted order."""
        zone: Zone = {}
        for (name, kind), outcome in sorted(self._kept.items(), key=lambda item: item[0]):
            zone.setdefault(name, {})[kind] = _written(outcome)
        return zone


def _told(outcome: DnsAnswer | Temporary) -> DnsAnswer:
    if isinstance(outcome, Temporary):
        raise Temporary(outcome.word)
    return outcome


def _written(outcome: DnsAnswer | Temporary) -> str | list[object]:
    if isinstance(outcome, Temporary):
        return outcome.word
    return write_records(outcome.records) if outcome.exists else "NXDOMAIN"


class ReplayLookup:
    """Answers from a record of answers only; a question that was not asked then is `Temporary`."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self._zone = _checked(answers)

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        """Return or raise what was answered then."""
        if not (known := dns_name(name)):
            return NOTHING
        kinds = self._zone.get(known, {})
        return _told(kinds.get(kind) or kinds.get("*") or Temporary("OFFLINE"))


class ZoneLookup:
    """Answers from a zone as an authoritative server for all of DNS would; raises ValueError for a bad zone."""

    def __init__(self, zone: Mapping[str, object]) -> None:
        self._zone = _checked(zone)
        # A name above an existing one exists too, without records (RFC 8020 section 2).
        self._above = {above for name in self._zone for above in _ancestors(name)}

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        """Return the records of a name, through its CNAMEs; raise `Temporary` where the zone says so."""
        known = dns_name(name)
        for _ in range(MAX_CHAIN):
            answer, known = self._step(known, kind)
            if not known:
                return answer
        raise Temporary("SERVFAIL")

    def _step(self, name: str, kind: str) -> tuple[DnsAnswer, str]:
        """Return one name's answer, and the name to ask next if it is an alias."""
        kinds = self._zone.get(name)
        if kinds is None:
            return (EMPTY if name in self._above else NOTHING), ""
        alias = kinds.get("CNAME")
        if kind not in kinds and isinstance(alias, DnsAnswer) and alias.records:
            return EMPTY, dns_name(str(alias.records[0]))
        return _told(kinds.get(kind) or kinds.get("*") or EMPTY), ""


def _ancestors(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


_WORDS: dict[str, Callable[[str], DnsAnswer | Temporary]] = {
    "NXDOMAIN": lambda _: NOTHING,
    **dict.fromkeys(("TIMEOUT", "SERVFAIL", "BUDGET", "OFFLINE"), Temporary),
}


def _checked(zone: Mapping[str, object]) -> dict[str, dict[str, DnsAnswer | Temporary]]:
    """Return the zone with its records read; the kind `*` means all kinds of a failing name."""
    return {_zone_name(name): _kinds(name, value) for name, value in zone.items()}


def _zone_name(name: str) -> str:
    if not (known := dns_name(name)):
        raise ValueError(f"zone: {name!r} is not a DNS name; labels have 1 to 63 octets, names at most 253")
    return known


def _kinds(name: str, value: object) -> dict[str, DnsAnswer | Temporary]:
    if isinstance(value, str) and value in _WORDS:
        return {"*": _WORDS[value](value)}
    if not isinstance(value, Mapping):
        message = f"zone: {name!r} holds {value!r}; give a map of record kinds, TIMEOUT or SERVFAIL"
        raise ValueError(message)  # noqa: TRY004 - a bad value in a file, like all others here
    return {kind.upper(): _outcome(name, kind.upper(), records) for kind, records in value.items()}


def _outcome(name: str, kind: str, value: object) -> DnsAnswer | Temporary:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value](value)
    try:
        return DnsAnswer(read_records(kind, value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"zone: {name!r} {kind}: {error}") from error
