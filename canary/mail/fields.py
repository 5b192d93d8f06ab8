"""Header fields as the standard library's parser gives them: what it raises, encoded words, types of content."""

import binascii
import re
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from functools import lru_cache

from canary.mail import scanner
from canary.mail.charset import decode_octets
from canary.mail.scanner import Part
from canary.mail.text import clean

MAX_FIELDS = 50
MAX_UU_LINES = 600_000
"""Lines of uuencoded text that are decoded: those of 25 MB as encoders write them."""

RAISED = (MessageError, *scanner.RAISED)
_ENCODING = re.compile(r"base64|quoted-printable|x-uuencode|uuencode|x-uue|uue")
# A name of plain words before an address of plain letters: what most mail has, read without looking at each letter.
_USUAL_ADDRESS = re.compile(
    r"((?:[A-Za-z0-9_'!&+-]+ )*)<([A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)>"
)
_BEGIN = re.compile(rb"^begin [0-7]+ [^\n]*\n", re.MULTILINE)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_PLAIN = ("", "7bit", "8bit", "binary")


def decode(text: str, oddities: set[str] | None = None) -> str:
    """Decode the encoded words of an unfolded header value (RFC 2047); unknown or broken ones stay as they are."""
    if "=?" in text:
        try:
            text = "".join(_piece(piece, charset) for piece, charset in decode_header(text))
        except RAISED:
            if oddities is not None:
                oddities.add("bad-encoded-word")
    return clean(text).strip()


@lru_cache(maxsize=256)  # an author is asked for by more than one reader of a mail
def addresses_in(value: str) -> tuple[tuple[str, str], ...]:
    """Return the names and addresses in a header value; raises what is in `RAISED`."""
    if usual := _USUAL_ADDRESS.fullmatch(value):
        return ((usual[1].rstrip(" "), usual[2]),)
    return tuple(getaddresses([value]))


def _piece(piece: str | bytes, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    # What stands between encoded words was decoded already; the standard library hides its letters in escapes.
    return decode_octets(piece, charset) if charset else piece.decode("raw-unicode-escape", "replace")


def fields_of(message: object) -> list[tuple[str, str]]:
    """Return the first fields of a message or of a group of fields, unfolded and decoded."""
    items = list(message.raw_items())[:MAX_FIELDS] if isinstance(message, Message) else []
    return [(clean(str(name))[:200], decode(" ".join(str(value)[:2000].split()))) for name, value in items]


def type_of(part: Message) -> str:
    """Return the content type, in lower case."""
    try:
        return clean(part.get_content_type())
    except RAISED:
        return "application/octet-stream"


def transfer_encoding(part: Message) -> str:
    """Return the transfer encoding that has to be undone, without what mail programs write around it, or nothing."""
    written = str(part.get("content-transfer-encoding", ""))[:100].lower()
    if written in _PLAIN:
        return ""
    found = _ENCODING.search(written)
    return found.group() if found else ""


def octets_of(part: Part, most: int | None = None) -> bytes:
    """Return the octets of a part that has no parts, with its transfer encoding undone; the first of them is enough for text.

    Where undoing fails they are as they came.
    """
    # Eight octets are more than any encoding takes for one.
    return bytes(undone(part.written if most is None else part.written[: 8 * most], transfer_encoding(part))[:most])


def undone(written: memoryview, encoding: str) -> bytes | memoryview:
    """Return octets with a transfer encoding undone that `transfer_encoding` returned."""
    if encoding == "base64":
        return _base64(written)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(written)
    return _uuencoded(written) if encoding else written


def _base64(written: memoryview) -> bytes:
    try:
        return binascii.a2b_base64(written)
    except binascii.Error:
        pass
    try:  # What is missing at its end is added; too much does no harm.
        return binascii.a2b_base64(bytes(written) + b"==")
    except binascii.Error:
        return bytes(written)


def _uuencoded(written: memoryview) -> bytes:
    begin = _BEGIN.search(written)
    if begin is None:
        return bytes(written)
    made = bytearray()
    for line, _ in zip(_LINE.finditer(written, begin.end()), range(MAX_UU_LINES), strict=False):
        octets = line.group()
        if octets.strip(b" \t\r\n\f") == b"end":
            break
        made += _uu_line(octets)
    return bytes(made)


def _uu_line(octets: bytes) -> bytes:
    try:
        return binascii.a2b_uu(octets)
    except binascii.Error:
        pass
    try:  # Broken encoders write more than the length at the beginning of the line says.
        return binascii.a2b_uu(octets[: (((octets[0] - 32) & 63) * 4 + 5) // 3])
    except binascii.Error:
        return b""
