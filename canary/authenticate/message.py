"""A mail as octets: its header fields in order and its body, split without judging it; never raises."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_HEADER = 256 << 10
"""Octets of header that are read; what comes after is in no field (`Message.overlong`)."""

MAX_FIELDS = 4000
"""Header fields that are read; real mail has a hundred."""

_WSP = b" \t"
_NAME_OCTETS = bytes(octet for octet in range(33, 127) if octet != ord(":"))
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")


class Field(NamedTuple):
    """One header field, unchanged: what is before the colon, and what follows it up to the last CRLF.

    Folds stay in `value` as CRLF; `key` is the name to compare by: lower case, no trailing blank. A plain tuple,
    because dozens are made for each mail.
    """

    name: bytes
    value: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A mail split once for all who verify it: fields with CRLF line ends, and the body as it came.

    `overlong` says that the header goes on beyond our limits, so that nothing can be proven about it. `forms` and
    `digests` keep canonical bodies and their hashes, so that several signatures share the work.
    """

    fields: tuple[Field, ...]
    body: bytes
    overlong: bool = False
    index: Mapping[bytes, tuple[Field, ...]] = field(default_factory=dict, repr=False, compare=False)
    forms: dict[str, bytes | bytearray] = field(default_factory=dict, repr=False, compare=False)
    digests: dict[tuple[str, int], bytes] = field(default_factory=dict, repr=False, compare=False)

    def named(self, key: bytes) -> tuple[Field, ...]:
        """The fields of a lower-case name, from top to bottom."""
        return self.index.get(key, ())


def split(content: bytes) -> Message:
    """Split a mail (CRLF or LF line ends) into fields and body; a line that is no field is left out."""
    header, body = _halves(content)
    chunks = _FIELD_END.split(with_crlf(header[:MAX_HEADER]), MAX_FIELDS)
    fields = tuple(found for chunk in chunks[:MAX_FIELDS] if (found := _field(chunk)))
    return Message(fields, body, len(header) > MAX_HEADER or len(chunks) > MAX_FIELDS, _by_name(fields))


def _halves(content: bytes) -> tuple[bytes, bytes]:
    """Header without its last line end, and body; the empty line between belongs to neither."""
    if content.startswith((b"\n", b"\r\n")):
        return b"", content[content.index(b"\n") + 1 :]
    end = _EMPTY_LINE.search(content)
    header, body = (content[: end.start()], content[end.end() :]) if end else (content.removesuffix(b"\n"), b"")
    return header.removesuffix(b"\r"), body


def with_crlf(text: bytes) -> bytes:
    """Return a text with every line end, CRLF or LF, as CRLF; a lone CR is no line end."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _field(chunk: bytes) -> Field | None:
    name, colon, value = chunk.partition(b":")
    bare = name.rstrip(_WSP)
    # RFC 5322 section 4.5 allows blanks before the colon; a first line ` folded` or `From x` has no name at all.
    if not colon or not bare or bare.translate(None, _NAME_OCTETS):
        return None
    return Field(name, value, bare.lower())


def _by_name(fields: tuple[Field, ...]) -> dict[bytes, tuple[Field, ...]]:
    found: dict[bytes, list[Field]] = {}
    for each in fields:
        found.setdefault(each.key, []).append(each)
    return {key: tuple(group) for key, group in found.items()}
