"""Parse a mail without trusting it: any input gives facts and named oddities, never an exception."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime

from canary.mail.text import MAX_HTML, MAX_LINKS, MAX_TEXT, clean, html_to_text, links_in
from canary.model.mail import Attachment, Enclosed, Mailbox, ParsedMail

MAX_HEADERS = 500
MAX_VALUE = 16 * 1024
MAX_PARTS = 1000
MAX_DEPTH = 50
MAX_MAILBOXES = 100
MAX_ENCLOSED = 10
MAX_FIELDS = 50

# What the standard library was seen to raise on mutated mail, in spite of what its parser promises.
_RAISED = (
    MessageError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
)


def parse(content: bytes) -> ParsedMail:
    """Read the facts of a mail; every field is bounded, and what was malformed is named in `oddities`."""
    oddities = set(_octet_oddities(content))
    message = _message(content, oddities)
    written = tuple(_headers(message, oddities))
    headers = tuple((name, decode(value, oddities)) for name, value in written)
    parts = _Parts(oddities)
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
        type=_type(message),
        text=parts.text,
        html=parts.html,
        links=parts.links,
        attachments=tuple(parts.attachments),
        oddities=tuple(sorted(oddities)),
        enclosed=tuple(parts.enclosed),
    )


def _octet_oddities(content: bytes) -> Iterator[str]:
    if not content.strip():
        yield "empty"
    if b"\0" in content:
        yield "nul"
    if content[:1] in (b" ", b"\t"):
        yield "leading-space"
    if max(map(len, content[:MAX_TEXT].split(b"\n"))) > 1000:
        yield "long-line"


def _message(content: bytes, oddities: set[str]) -> Message:
    try:
        return BytesParser(policy=compat32).parsebytes(content)
    except _RAISED:
        oddities.add("unparsable-body")
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    try:
        message = BytesParser(policy=compat32).parsebytes(head[: MAX_HEADERS * 1000] + b"\n\n", headersonly=True)
    except _RAISED:
        oddities.add("unparsable-headers")
        message = Message(policy=compat32)
    message.set_payload(body[:MAX_TEXT].decode("latin-1"))
    return message


def _headers(message: Message, oddities: set[str]) -> Iterator[tuple[str, str]]:
    items = list(message.raw_items())
    if not items:
        oddities.add("no-headers")
    if len(items) > MAX_HEADERS:
        oddities.add("many-headers")
    for name, value in items[:MAX_HEADERS]:
        octets = str(value)[:MAX_VALUE].encode("utf-8", "surrogateescape")
        yield clean(str(name))[:200], clean(_octets(octets, "utf-8").replace("\r", "").replace("\n", ""))


def decode(text: str, oddities: set[str] | None = None) -> str:
    """Decode the encoded words of an unfolded header value (RFC 2047); unknown or broken ones stay as they are."""
    if "=?" in text:
        try:
            pieces = decode_header(text)
            text = "".join(p if isinstance(p, str) else _octets(p, charset or "ascii") for p, charset in pieces)
        except _RAISED:
            if oddities is not None:
                oddities.add("bad-encoded-word")
    return clean(text).strip()


def _octets(octets: bytes, charset: str) -> str:
    try:
        return octets.decode(charset)
    except (LookupError, ValueError, AssertionError):
        return octets.decode("utf-8", "replace") if charset != "utf-8" else octets.decode("latin-1")


def _mailboxes(value: str, oddities: set[str]) -> tuple[Mailbox, ...]:
    try:
        pairs = getaddresses([value])[:MAX_MAILBOXES] if value else []
    except _RAISED:
        oddities.add("bad-address")
        pairs = []
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
    except _RAISED:
        oddities.add("bad-date")
        return None


def _header_only(text: str) -> Message:
    try:
        return HeaderParser(policy=compat32).parsestr(text, headersonly=True)
    except _RAISED:
        return Message(policy=compat32)


def _fields(message: object) -> list[tuple[str, str]]:
    items = list(message.raw_items())[:MAX_FIELDS] if isinstance(message, Message) else []
    return [(clean(str(name))[:200], decode(" ".join(str(value)[:2000].split()))) for name, value in items]


def _type(part: Message) -> str:
    try:
        return part.get_content_type()
    except _RAISED:
        return "application/octet-stream"


class _Parts:
    """Collects text, links and attachments of the parts, within bounds."""

    def __init__(self, oddities: set[str]) -> None:
        self.oddities = oddities
        self.plain: list[str] = []
        self.markup: list[str] = []
        self.attachments: list[Attachment] = []
        self.text = ""
        self.html = ""
        self.links: tuple[str, ...] = ()
        self.enclosed: list[Enclosed] = []

    def read(self, message: Message) -> None:
        for part in self._leaves(message):
            try:
                self._leaf(part)
            except _RAISED:
                self.oddities.add("bad-part")
        self._conclude()

    def _leaves(self, message: Message) -> Iterator[Message]:
        waiting, seen = [(message, 0)], 0
        while waiting and seen < MAX_PARTS:
            part, depth = waiting.pop()
            seen += 1
            children = part.get_payload() if part.is_multipart() else None
            self._enclose(part, children)
            if isinstance(children, list) and depth < MAX_DEPTH:
                waiting.extend((child, depth + 1) for child in reversed(children) if isinstance(child, Message))
            elif not isinstance(children, list):
                yield part
        if waiting:
            self.oddities.add("many-parts")

    def _enclose(self, part: Message, children: object) -> None:
        """Keep the fields of a report, or of a mail that is returned whole (message/*) or by its header alone."""
        kind = _type(part)
        if len(self.enclosed) >= MAX_ENCLOSED:
            return
        if kind.startswith("message/") and isinstance(children, list):
            pairs = [pair for group in children[:MAX_FIELDS] for pair in _fields(group)]
            self.enclosed.append(Enclosed(kind[:100], tuple(pairs[:MAX_FIELDS])))
        elif kind == "text/rfc822-headers" and isinstance(part.get_payload(), str):
            written = _header_only(str(part.get_payload())[: MAX_FIELDS * 1000])
            self.enclosed.append(Enclosed(kind, tuple(_fields(written))))

    def _leaf(self, part: Message) -> None:
        kind, octets = _type(part), part.get_payload(decode=True)
        octets = octets if isinstance(octets, bytes) else b""
        name = part.get_filename()
        if name or not kind.startswith("text/"):
            if octets or name:
                digest = hashlib.sha256(octets).hexdigest()
                self.attachments.append(Attachment(decode(name or "")[:300], kind[:100], len(octets), digest))
            return
        decoded = _octets(octets[:MAX_TEXT], str(part.get_content_charset() or "utf-8"))
        text = clean(decoded.replace("\r\n", "\n").replace("\r", "\n"))
        (self.markup if kind == "text/html" else self.plain).append(text)

    def _conclude(self) -> None:
        self.html = "".join(self.markup)[:MAX_HTML]
        shown, hrefs = html_to_text(self.html) if self.html else ("", ())
        written = "\n".join(self.plain)[:MAX_TEXT]
        self.text = written.strip() or shown
        found = dict.fromkeys((*hrefs, *links_in(written), *links_in(shown)))
        self.links = tuple(clean(link)[:2000] for link in found)[:MAX_LINKS]
