"""Header fields as the standard library's parser gives them: what it raises, encoded words, types of content."""

import re
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from canary.mail.charset import decode_octets
from canary.mail.text import clean

MAX_FIELDS = 50

# What the standard library was seen to raise on mutated mail, in spite of what its parser promises.
RAISED = (
    MessageError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
)
_ENCODING = re.compile(r"base64|quoted-printable|x-uuencode|uuencode|x-uue|uue")
_PLAIN = ("", "7bit", "8bit", "binary")
_EXACT = (*_PLAIN, "base64", "quoted-printable")


class _ReadPart(Message):
    """A part that reads its content type once: the parser alone asks for it several times, and the header stays as it is."""

    _known_type = ""

    def get_content_type(self) -> str:
        """Return the content type, in lower case."""
        self._known_type = self._known_type or super().get_content_type()
        return self._known_type


def read_message(octets: bytes) -> Message:
    """Parse octets; raises what is in `RAISED`."""
    return BytesParser(_ReadPart, policy=compat32).parsebytes(octets)


def decode(text: str, oddities: set[str] | None = None) -> str:
    """Decode the encoded words of an unfolded header value (RFC 2047); unknown or broken ones stay as they are."""
    if "=?" in text:
        try:
            text = "".join(_piece(piece, charset) for piece, charset in decode_header(text))
        except RAISED:
            if oddities is not None:
                oddities.add("bad-encoded-word")
    return clean(text).strip()


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
        return part.get_content_type()
    except RAISED:
        return "application/octet-stream"


def transfer_encoding(part: Message) -> str:
    """Return the transfer encoding that has to be undone, without what mail programs write around it, or nothing."""
    written = str(part.get("content-transfer-encoding", ""))[:100].lower()
    if written in _PLAIN:
        return ""
    found = _ENCODING.search(written)
    return found.group() if found else ""


def octets_of(part: Message) -> bytes:
    """Return the octets of a part that has no parts, with its transfer encoding undone."""
    written = part.get("content-transfer-encoding")
    if written is not None and str(written).lower() not in _EXACT and (encoding := transfer_encoding(part)):
        part.replace_header("content-transfer-encoding", encoding)
    octets = part.get_payload(decode=True)
    return octets if isinstance(octets, bytes) else b""
