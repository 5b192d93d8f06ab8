"""The text of one Authentication-Results field: who wrote it and what it states (RFC 8601 section 2.2)."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_FIELD = 16 * 1024
MAX_STATEMENTS = 50

_PIECE = re.compile(r'\\.|[()";]|[^\\()";]+|\\', re.DOTALL)
# A value may follow after a blank, unless what follows is the next property.
_PAIR = re.compile(
    r"(?<![A-Za-z0-9._-])([A-Za-z][A-Za-z0-9._-]*)(?:/[0-9]+)? ?=(?: (?![A-Za-z]+\.[A-Za-z-]+ ?=))?(\S*)"
)
_ENCODED = re.compile(rb"=\?utf-8\?b\?([A-Za-z0-9+/]++=*+)\?=\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ResultStatement:
    """What one method found: `spf=pass (comment) smtp.mailfrom=example.com`; names are in lower case."""

    method: str
    word: str
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """One field: the id of its writer, empty where the writer leaves it out, and its statements in order."""

    writer: str
    statements: tuple[ResultStatement, ...]


def read_field(value: bytes) -> Results:
    """Return what a field states; never raises; what makes no sense is left out."""
    if b"=?" in value:
        # Outlook encodes the whole field as words when a domain in it is beyond ASCII.
        value = _ENCODED.sub(_word, value[:MAX_FIELD])
    parts = list(_parts(value[:MAX_FIELD].decode("utf-8", "replace")))[:MAX_STATEMENTS]
    if not parts:
        return Results("", ())
    writer = "" if "=" in parts[0][0] else parts.pop(0)[0].partition(" ")[0].lower()
    return Results(writer, tuple(_statements(parts)))


def _word(encoded: re.Match[bytes]) -> bytes:
    try:
        return base64.b64decode(encoded[1])
    except binascii.Error:
        return b""


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Split at semicolons outside of quotes and comments: each part's text and its comments, blanks made single."""
    plain, comment, depth, quoted = list[str](), list[str](), 0, False
    for piece in _PIECE.findall(text):
        if piece == '"' and not depth:
            quoted = not quoted
        elif quoted:
            # A blank within quotes does not end the value.
            plain.append("_".join(piece.removeprefix("\\").split(" ")))
        elif piece == "(" or (piece == ")" and depth):
            depth += 1 if piece == "(" else -1
            comment.append(" ")
        elif depth:
            comment.append(piece)
        elif piece == ";":
            yield _single(plain), _single(comment)
            plain, comment = [], []
        else:
            plain.append(piece)
    yield _single(plain), _single(comment)


def _single(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


def _statements(parts: list[tuple[str, str]]) -> Iterator[ResultStatement]:
    for text, comment in parts:
        pairs = [(name.lower(), value) for name, value in _PAIR.findall(text)]
        if pairs:
            method, word = pairs[0]
            yield ResultStatement(method, word.lower(), comment[:200], dict(reversed(pairs[1:])))
