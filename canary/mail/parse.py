"""Parse a mail without trusting it: any input gives facts and named oddities, never an exception."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from canary.mail.charset import decode_octets
from canary.mail.fields import RAISED, addresses_in, decode, type_of
from canary.mail.parts import PartReader
from canary.mail.scanner import MAX_HEADERS, Part, read_message
from canary.mail.text import MAX_TEXT, clean
from canary.model.mail import Mailbox, ParsedMail

MAX_VALUE = 16 * 1024
MAX_MAILBOXES = 100


def parse(content: bytes) -> ParsedMail:
    """Read the facts of a mail; every field is bounded, and what was malformed is named in `oddities`."""
    oddities = set(_octet_oddities(content))
    message = read_message(content, oddities)
    written = tuple(_headers(message, oddities))
    headers = tuple((name, decode(value, oddities) if "=?" in value else value.strip()) for name, value in written)
    parts = PartReader(oddities)
    parts.read(message)
    first = {name.lower(): value for name, value in reversed(headers)}
    # Addresses are read before encoded words are: what decodes to an address was never one (RFC 2047 section 5).
    raw = {name.lower(): value for name, value in reversed(written)}
    return ParsedMail(
        headers=headers,
        subject=first.get("subject", "")[:1000],
        senders=_mailboxes(raw.get("from", ""), oddities),
        recipients=_mailboxes(", ".join(filter(None, (raw.get("to"), raw.get("cc")))), oddities),
        date=_date(first.get("date", ""), oddities),
        message_id=first.get("message-id", "").strip()[:1000],
        type=type_of(message),
        text=parts.text,
        html=parts.html,
        links=parts.links,
        attachments=tuple(parts.attachments),
        oddities=tuple(sorted(oddities)),
        enclosed=tuple(parts.enclosed),
        own=parts.own,
    )


def _octet_oddities(content: bytes) -> Iterator[str]:
    if not content or content.isspace():
        yield "empty"
    if b"\0" in content:
        yield "nul"
    if content[:1] in (b" ", b"\t"):
        yield "leading-space"
    if max(map(len, content[:MAX_TEXT].split(b"\n"))) > 1000:
        yield "long-line"


def _headers(message: Part, oddities: set[str]) -> Iterator[tuple[str, str]]:
    items = list(message.raw_items())
    if not items:
        oddities.add("no-headers")
    if len(items) > MAX_HEADERS:
        oddities.add("many-headers")
    for name, value in items[:MAX_HEADERS]:
        text = str(value)[:MAX_VALUE]
        if not text.isascii():
            text = decode_octets(text.encode("utf-8", "surrogateescape"))
        yield clean(name[:200]), text if text.isprintable() else clean(text.replace("\r", "").replace("\n", ""))


def _mailboxes(value: str, oddities: set[str]) -> tuple[Mailbox, ...]:
    try:
        pairs = addresses_in(value)[:MAX_MAILBOXES] if value else ()
    except RAISED:
        oddities.add("bad-address")
        pairs = ()
    boxes = tuple(Mailbox(decode(name, oddities)[:300], address[:320]) for name, address in pairs if address or name)
    if value and not any("@" in box.address for box in boxes):
        oddities.add("bad-address")
    return boxes


def _date(value: str, oddities: set[str]) -> datetime | None:
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except RAISED:
        oddities.add("bad-date")
        return None
