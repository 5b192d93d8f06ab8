"""Where a stored mail came from and to whom it was sent: the envelope, recovered from what receivers wrote on top."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from canary.authenticate.message import Message, split
from canary.authenticate.results.trusted import sender_ip
from canary.mail.received import Hop, Trusted, read_received, trusted_hop
from canary.mail.text import clean
from canary.model.mail import Client, Envelope, ParsedMail

MAX_RECIPIENTS = 100
MAX_RECEIVED = 50
EARLIEST = datetime(1982, 8, 1, tzinfo=UTC)
"""Mail is not older than RFC 822; earlier dates are broken clocks."""

_DELIVERED_TO = (b"delivered-to", b"x-original-to", b"envelope-to", b"x-envelope-to")
_WRITTEN_TO = (b"to", b"cc")
_ADDRESS = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@[a-z0-9][a-z0-9.-]{0,253}", re.IGNORECASE)
_FOR = re.compile(r"\sfor\s+<?([^\s<>;]{1,320})>?", re.IGNORECASE)
_ASCTIME = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+(?:([A-Z][a-z]{2})\s+(\d{1,2})|(\d{1,2})\s+([A-Z][a-z]{2}))\s+(?:(\d{4})\s+)?"
    r"(\d{1,2}:\d{2}(?::\d{2})?)\s*([+-]\d{4}|[A-Z]{2,5})?\s*([+-]\d{4})?\s*(\d{4})?",
)
_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class Border:
    """Which addresses are ours, and whose trace lines are trusted.

    `writers` are the ids of receivers whose results are trusted as well; `now` is when the archive is read.
    """

    domains: frozenset[str]
    trusted: Trusted
    writers: tuple[str, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Hints:
    """What the place of a mail says about it: the `From ` line of a mailbox, and when the file came or was written."""

    line: str = ""
    delivered: datetime | None = None
    written: datetime | None = None


def border(domains: Collection[str], trusted: Trusted, writers: Collection[str], now: datetime) -> Border:
    """Return the border of an archive: machines of our domains and the named receivers wrote its topmost lines."""
    ours = frozenset(domain.lower() for domain in domains)
    hosts = tuple(dict.fromkeys((*trusted.hosts, *ours, *(writer.lower() for writer in writers))))
    return Border(ours, replace(trusted, hosts=hosts), tuple(writers), now)


def origin(content: bytes, hints: Hints, where: Border) -> Envelope | None:
    """Return the envelope of a stored mail, or None if it was sent to no address of ours."""
    end = _END.search(content)
    header = content[: end.end()] if end else content
    if not any(domain.encode() in header.lower() for domain in where.domains):
        return None
    message = split(header)
    hop = _hop(message, where)
    above = _above(message, hop)
    recipients = _recipients(message, above, hop, where)
    if not recipients:
        return None
    sender = _sender(message, hints)
    return Envelope(sender, recipients, hop.client if hop else Client(""), _date(message, hop, hints, where.now))


def _hop(message: Message, where: Border) -> Hop | None:
    """Return the host that handed the mail to the one that stored it, and the line that says so."""
    fields = message.fields[:400]
    lines = tuple((f.key.decode(), _text(f.value) if f.key == b"received" else "") for f in fields)
    hop = trusted_hop(ParsedMail(headers=lines), where.trusted)
    if hop is not None or not where.writers:
        return hop
    ip = sender_ip(message, where.writers)
    if not ip:
        return None
    for at, (name, value) in enumerate(lines):
        seen = read_received(value) if name == "received" else None
        if seen and seen.ip == ip:
            return Hop(Client(ip, helo=seen.helo, tls="TLS" if seen.tls else None), seen.at, at)
    return Hop(Client(ip))


def _above(message: Message, hop: Hop | None) -> int:
    """Return how many fields may be trusted: those that our side wrote above its own line, or all where no line is ours."""
    return hop.line if hop and hop.line >= 0 else len(message.fields)


def _recipients(message: Message, above: int, hop: Hop | None, where: Border) -> tuple[str, ...]:
    believed = message.fields[:above]
    told = [_text(f.value) for key in _DELIVERED_TO for f in believed if f.key == key]
    told += _for(message, above, hop)
    found = tuple(_ours(told, where.domains)) or tuple(_ours(_written(message), where.domains))
    return found[:MAX_RECIPIENTS]


def _for(message: Message, above: int, hop: Hop | None) -> Iterator[str]:
    """Return the recipients in the trusted lines; where none is known to be ours, in the topmost, the last receiver's."""
    received = [(at, f) for at, f in enumerate(message.fields) if f.key == b"received"]
    believed = [f for at, f in received[:MAX_RECEIVED] if at <= above] if hop else [f for _, f in received[:1]]
    for each in believed:
        found = _FOR.search(_text(each.value).rpartition(";")[0])
        if found:
            yield found[1]


def _written(message: Message) -> list[str]:
    return [_text(f.value)[:16_000] for key in _WRITTEN_TO for f in message.named(key)[:3]]


def _ours(texts: Sequence[str], domains: frozenset[str]) -> Iterator[str]:
    found = (match.lower().strip(".'") for text in texts for match in _ADDRESS.findall(text))
    return iter(dict.fromkeys(address for address in found if address.rpartition("@")[2] in domains))


def _sender(message: Message, hints: Hints) -> str:
    """Return the sender: the reverse-path where it was kept, else the `From ` line, else most likely the author."""
    paths = message.named(b"return-path")
    if paths:
        path = _text(paths[0].value).strip("<> ")
        return path[:320] if "@" in path else ""
    told = hints.line.removeprefix("From ").partition(" ")[0]
    if "@" in told and not told.lower().startswith("mailer-daemon@") and not told.endswith("@xxx"):
        return told[:320]
    if told.lower().partition("@")[0] == "mailer-daemon":
        return ""
    authors = message.named(b"from")
    found = _ADDRESS.findall(_text(authors[0].value)[:2000]) if authors else []
    return str(found[-1]) if found else ""


def _date(message: Message, hop: Hop | None, hints: Hints, now: datetime) -> datetime:
    """Return when it came: by the trusted line, its place, the mail itself, any trace; never later than now."""
    return next(filter(None, (_sane(at, now) for at in _dates(message, hop, hints))), now)


def _dates(message: Message, hop: Hop | None, hints: Hints) -> Iterator[datetime | None]:
    yield hop.at if hop else None
    yield from_line_date(hints.line)
    yield hints.delivered
    dates = message.named(b"date")
    yield _read_date(_text(dates[0].value)) if dates else None
    for each in message.named(b"received")[:1]:
        yield read_received(_text(each.value)).at
    yield hints.written


def _sane(at: datetime | None, now: datetime) -> datetime | None:
    # A clock may be wrong by a day; a line that is later than that has no usable clock.
    return min(at, now) if at and EARLIEST <= at <= now + timedelta(days=1) else None


def from_line_date(line: str) -> datetime | None:
    """Read the date of a `From ` line, which is asctime's with or without a zone; without one it is read as UTC."""
    # What Thunderbird writes ("From - ") is the time at which it copied the mail, years later perhaps.
    found = _ASCTIME.search(line[:1000]) if line and not line.startswith("From - ") else None
    if found is None:
        return None
    month, day = found[1] or found[4], found[2] or found[3]
    zone = next((z for z in (found[7], found[8]) if z), "+0000")
    year = found[5] or found[9]
    return _read_date(f"{day} {month} {year} {found[6]} {zone}") if year else None


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text.strip()[:100])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _text(value: bytes) -> str:
    return clean(" ".join(value[:20_000].decode("utf-8", "replace").split()))
