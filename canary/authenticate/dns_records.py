"""The DNS records of a domain that only receives mail, and whether they are set."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from canary.authenticate.dns_answer import DnsAnswer, Record, Temporary
from canary.authenticate.lookup import Lookup

EXAMPLE = "192.0.2.1"
"""In place of the address of the machine, which it cannot know itself behind address translation (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """A record to set, and what it is for."""

    name: str
    kind: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """A record, what DNS has in its place, and whether that is right; `fault` says why DNS could not be asked."""

    wanted: WantedRecord
    found: tuple[str, ...] = ()
    good: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The records of all domains that receive mail, and a way to ask DNS whether they are set."""

    records: tuple[WantedRecord, ...] = ()
    check: Callable[[], Awaitable[Sequence[CheckedRecord]]] | None = None


def wanted_records(domain: str, host: str) -> tuple[WantedRecord, ...]:
    """Return the records that direct a domain's mail to a host and let nobody send in its name."""
    return (
        WantedRecord(domain, "MX", f"10 {host}", "mail to the domain comes to this machine"),
        WantedRecord(host, "A", EXAMPLE, "the address of this machine, in place of the example"),
        WantedRecord(domain, "TXT", "v=spf1 -all", "no machine sends in its name"),
        WantedRecord(
            f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject; np=reject", "what claims to come from it is to be refused"
        ),
        WantedRecord(f"*._domainkey.{domain}", "TXT", "v=DKIM1; p=", "no signature of it is valid"),
    )


async def check_records(lookup: Lookup, records: Sequence[WantedRecord]) -> tuple[CheckedRecord, ...]:
    """Ask DNS for each of the records."""
    return tuple([await _check(lookup, record) for record in records])


async def _check(lookup: Lookup, wanted: WantedRecord) -> CheckedRecord:
    # Any name under the wildcard will do, if nobody has set it.
    name = wanted.name.replace("*", "canary-check", 1)
    try:
        answer = await lookup(name, wanted.kind)
    except Temporary as fault:
        return CheckedRecord(wanted, fault=fault.word)
    found = _written(answer)
    return CheckedRecord(wanted, found, any(_does(wanted, text) for text in found))


def _written(answer: DnsAnswer) -> tuple[str, ...]:
    return tuple(_text(record)[:200] for record in answer.records[:10])


def _text(record: Record) -> str:
    if isinstance(record, bytes):
        return record.decode("utf-8", "replace")
    return f"{record[0]} {record[1]}" if isinstance(record, tuple) else record


def _does(wanted: WantedRecord, text: str) -> bool:
    if wanted.value == EXAMPLE:
        return text != EXAMPLE
    if wanted.kind == "MX":
        return text.partition(" ")[2].lower() == wanted.value.partition(" ")[2].lower()
    tags, found = (text.replace(" ", "").lower().rstrip(";").split(";") for text in (wanted.value, text))
    return " ".join(wanted.value.lower().split()) == " ".join(text.lower().split()) or set(tags) <= set(found)
