"""Where a stored mail came from and to whom it was sent: the envelope, recovered from what receivers wrote on top."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.authenticate.message import Message, split
from canary.authenticate.vouching.recipients import MAX_RECIPIENTS, addressees, text_of
from canary.authenticate.vouching.side import ReceivingSide, receiving_hop
from canary.mail.received import Hop, Trusted, read_received
from canary.model.mail import Client, Envelope

EARLIEST = datetime(1982, 8, 1, tzinfo=UTC)
"""Mail is not older than RFC 822; earlier dates are broken clocks."""

_ADDRESS = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@[a-z0-9][a-z0-9.-]{0,253}", re.IGNORECASE)
_ASCTIME = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+(?:([A-Z][a-z]{2})\s+(\d{1,2})|(\d{1,2})\s+([A-Z][a-z]{2}))\s+(?:(\d{4})\s+)?"
    r"(\d{1,2}:\d{2}(?::\d{2})?)\s*([+-]\d{4}|[A-Z]{2,5})?\s*([+-]\d{4})?\s*(\d{4})?",
)
NO_FORWARDERS = ForwarderRegistry()
_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class Border:
    """What is ours in an archive, with whose trace lines are trusted; `now` is when it is read."""

    side: ReceivingSide
    now: datetime


@dataclass(frozen=True, slots=True)
class Hints:
    """What the place of a mail says about it: the `From ` line of a mailbox, and when the file came or was written."""

    line: str = ""
    delivered: datetime | None = None
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stored mail came from; `ranks` say of each recipient of the envelope what names it, the best being 0.

    They are the groups of `Addressees`: who delivered it, who forwarded it, what is written, and what may be a plus sign.
    """

    envelope: Envelope
    ranks: tuple[int, ...]


def border(
    domains: Collection[str], trusted: Trusted, writers: Collection[str], now: datetime,
    forwarders: ForwarderRegistry = NO_FORWARDERS,
) -> Border:  # fmt: skip
    """Return the border of an archive: machines of our domains and the named receivers wrote its topmost lines."""
    ours = frozenset(domain.lower() for domain in domains)
    own = replace(trusted, hosts=tuple(dict.fromkeys((*trusted.hosts, *ours))))
    return Border(ReceivingSide(ours, own, (), forwarders).with_receivers(writers), now)


def origin(content: bytes, hints: Hints, where: Border) -> Origin | None:
    """Return the envelope of a stored mail, or None if no address of ours is named in its header."""
    end = _END.search(content)
    header = content[: end.end()] if end else content
    if not any(domain.encode() in header.lower() for domain in where.side.domains):
        return None
    message = split(header)
    hop = receiving_hop(message, where.side)
    groups = addressees(message, hop, where.side).within(where.side.domains)
    ranked = [(address, rank) for rank, group in enumerate(groups) for address in group][:MAX_RECIPIENTS]
    if not ranked:
        return None
    client, at = hop.client if hop else Client(""), _date(message, hop, hints, where.now)
    envelope = Envelope(_sender(message, hints), tuple(address for address, _ in ranked), client, at)
    return Origin(envelope, tuple(rank for _, rank in ranked))


def _sender(message: Message, hints: Hints) -> str:
    """Return the sender: the reverse-path where it was kept, else the `From ` line, else most likely the author."""
    paths = message.named(b"return-path")
    if paths:
        path = text_of(paths[0].value).strip("<> ")
        return path[:320] if "@" in path else ""
    told = hints.line.removeprefix("From ").partition(" ")[0]
    if "@" in told and not told.lower().startswith("mailer-daemon@") and not told.endswith("@xxx"):
        return told[:320]
    if told.lower().partition("@")[0] == "mailer-daemon":
        return ""
    authors = message.named(b"from")
    found = _ADDRESS.findall(text_of(authors[0].value)[:2000]) if authors else []
    return str(found[-1]) if found else ""


def _date(message: Message, hop: Hop | None, hints: Hints, now: datetime) -> datetime:
    """Return when it came: by the trusted line, its place, the mail itself, any trace; never later than now."""
    return next(filter(None, (_sane(at, now) for at in _dates(message, hop, hints))), now)


def _dates(message: Message, hop: Hop | None, hints: Hints) -> Iterator[datetime | None]:
    yield hop.at if hop else None
    yield from_line_date(hints.line)
    yield hints.delivered
    dates = message.named(b"date")
    yield _read_date(text_of(dates[0].value)) if dates else None
    for each in message.named(b"received")[:1]:
        yield read_received(text_of(each.value)).at
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
