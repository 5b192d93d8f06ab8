"""The structure of a mail, found in one pass that costs no more than its octets: headers, parts, parts of parts.

The standard library's parser tries every line against every open boundary, keeps each line as an object, and reads
parameters in the square of their length. So only the pieces that are cut out here, all of them bounded, are read by it:
content types, parameters and addresses. Where a mail is malformed its structure is the one that parser finds.
"""

import re
from collections.abc import Iterator, Mapping
from email.message import Message
from email.policy import compat32
from types import MappingProxyType

from canary.mail.charset import codec_of

MAX_HEADER = 256 * 1024
"""Octets of one header that are read, and half of those of all headers in a mail."""
MAX_HEADERS = 500
"""Fields of one header."""
MAX_FIELD = 64 * 1024
"""Octets of a field."""
MAX_TYPED = 4 * 1024
"""Octets of a field that has parameters, which take the square of their length to read."""
MAX_PARAMETERS = 100
MAX_PARTS = 1000
MAX_DEPTH = 50
MAX_MARKS = 100_000
"""Lines that may be boundaries; real mail has a few dozen."""
MAX_GROUPS = 100
"""Groups of fields in a delivery report."""

# What the standard library was seen to raise on mutated mail, in spite of what its parser promises.
RAISED = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError, AssertionError)

_FIELDS = re.compile(rb"(?:(?:From |[!-9;-~]*+:|[\t ])[^\r\n]*+(?:\r\n?+|\n|\Z))*+")
_FIELD_END = re.compile(r"(?:\r\n?+|\n)(?![\t ])")
_MARK = re.compile(rb"--(?<![^\r\n]--)([^\r\n]*+)(?:\r\n?+|\n)?+")
_EMPTY_LINE = re.compile(rb"\n\r?\n|\r\r")
_GROUP = re.compile(rb"((?:[^\r\n]++(?:\r\n?+|\n|\Z))*+)(?:\r\n?+|\n)?+")
_TYPED = ("content-type", "content-disposition")


class Part(Message):
    """A part of a mail; `written` is its body as it came, in its transfer encoding."""

    written: memoryview = memoryview(b"")
    _type = ""
    _about: Mapping[str, str] = MappingProxyType({})

    def describe(self, fields: list[tuple[str, str]]) -> None:
        """Set the fields of its header."""
        for name, value in fields:
            self.set_raw(name, value)
        self._about = {key: value for name, value in reversed(fields) if (key := name.lower()).startswith("content-")}

    # These names and types are those of the standard library, whose own methods call them.
    def get(self, name, failobj=None):  # type: ignore[no-untyped-def]
        """Return the first field of a name; those that describe the content are asked for often."""
        key = name.lower()
        if not key.startswith("content-"):
            return super().get(name, failobj)
        return self.policy.header_fetch_parse(name, self._about[key]) if key in self._about else failobj

    @property
    def parts(self) -> list["Part"] | None:
        """What it consists of, None for a part that has a body of its own."""
        inner = self.get_payload() if self.is_multipart() else None
        return [each for each in inner if isinstance(each, Part)] if isinstance(inner, list) else None

    def get_content_type(self) -> str:
        """Return the content type in lower case; it is asked for several times, and read once."""
        self._type = self._type or super().get_content_type()
        return self._type

    def get_param(self, param, failobj=None, header="content-type", unquote=True):  # type: ignore[no-untyped-def]
        """Return a parameter of a field, decoded by no other charset than those of text."""
        if param not in str(self.get(header, "")).lower():  # type: ignore[no-untyped-call]
            return failobj
        value = super().get_param(param, failobj, header, unquote)
        return (codec_of(str(value[0] or "")) or "us-ascii", *value[1:]) if isinstance(value, tuple) else value


def read_message(octets: bytes, oddities: set[str] | None = None) -> Part:
    """Find the structure of a mail, which never raises; names of what was cut off are added to `oddities`."""
    return _Scanner(octets, set() if oddities is None else oddities).whole()


class _Scanner:
    """One mail being read from its beginning to its end; nothing is looked at twice."""

    def __init__(self, octets: bytes, oddities: set[str]) -> None:
        self._octets, self._view, self._oddities = octets, memoryview(octets), oddities
        self._open: set[bytes] = set()
        self._marks = self._candidates()
        self._mark: re.Match[bytes] | None = None
        self._parts, self._left, self._started = 0, 2 * MAX_HEADER, False

    def whole(self) -> Part:
        part = self._entity(0, 0, "text/plain")[0]
        self._marks = iter(())  # it knows the scanner, which would stay with its octets until cycles are looked for
        return part

    def _candidates(self) -> Iterator[re.Match[bytes]]:
        """Find lines that begin like a boundary."""
        for number, mark in enumerate(_MARK.finditer(self._octets)):
            if number == MAX_MARKS:
                self._oddities.add("many-parts")
                return
            yield mark

    def _next(self) -> None:
        self._mark, self._started = next(self._marks, None), True

    def _meaning(self) -> tuple[bytes, bool] | None:
        """Return the open boundary that the present line is, and whether it is the last one of its part."""
        text = self._mark[1].rstrip(b" \t") if self._mark else b""
        if text in self._open:
            return text, False
        return (text[:-2], True) if text.endswith(b"--") and text[:-2] in self._open else None

    def _is(self, boundary: bytes) -> bool:
        meaning = self._meaning()
        return meaning is not None and meaning[0] == boundary

    def _stop(self, at: int, end: int) -> int:
        """Return where the first boundary is between two places, or the second of these."""
        if not self._open:
            return end
        if not self._started:
            self._next()
        while self._mark and self._mark.start() < end:
            if self._mark.start() >= at and self._meaning():
                return self._mark.start()
            self._next()
        return end

    def _entity(self, at: int, depth: int, default: str) -> tuple[Part, int]:
        """Read a part that begins at a place; return it and where it ends."""
        self._parts += 1
        part = Part(policy=compat32)
        part.set_default_type(default)
        body = self._header(part, at)
        end = self._body(part, body, depth)
        return part, end

    def _header(self, part: Part, at: int) -> int:
        """Read a header; return where the body begins."""
        room = min(MAX_HEADER, self._left)
        found = _FIELDS.match(self._octets, at, at + room)
        whole = found.end() if found else at
        end = self._stop(at, whole)
        self._left -= end - at
        self._fields(part, self._octets[at:end])
        if end == at + room < len(self._octets):
            self._oddities.add("long-header")
            rest = _EMPTY_LINE.search(self._octets, end)
            return self._stop(end, rest.end() if rest else len(self._octets))
        return end + _line_end(self._octets, end)

    def _fields(self, part: Part, header: bytes) -> None:
        text = header.decode("ascii", "surrogateescape")
        chunks = _FIELD_END.split(text, MAX_HEADERS + 2)[: MAX_HEADERS + 1]
        part.describe([self._field(each) for each in chunks if each[:1] not in "\t :" and not each.startswith("From ")])

    def _field(self, chunk: str) -> tuple[str, str]:
        name, _, value = chunk.partition(":")
        most = MAX_TYPED if (typed := name.lower() in _TYPED) else MAX_FIELD
        if len(value) > most:
            self._oddities.add("long-field")
        value = value[:most].lstrip(" \t").rstrip("\r\n")
        if typed and value.count(";") > MAX_PARAMETERS:
            self._oddities.add("many-parameters")
            value = ";".join(value.split(";", MAX_PARAMETERS + 1)[:-1])
        return name, value

    def _body(self, part: Part, at: int, depth: int) -> int:
        """Read what a part holds; return where it ends."""
        kind = part.get_content_maintype()
        if kind not in ("multipart", "message"):
            return self._leaf(part, at)
        if depth >= MAX_DEPTH:
            self._oddities.add("deep-nesting")
            return self._leaf(part, at)
        if kind == "multipart":
            return self._multipart(part, at, depth)
        if part.get_content_type() == "message/delivery-status":
            end = self._stop(at, len(self._octets))
            part.set_payload(list(self._groups(self._view[at:end])))
            return end
        inner, end = self._entity(at, depth + 1, "text/plain")
        part.written = self._view[at:end]
        part.set_payload([inner])
        return end

    def _leaf(self, part: Part, at: int) -> int:
        end = self._stop(at, len(self._octets))
        # The line end before a boundary belongs to the boundary (RFC 2046, section 5.1.1).
        within = self._open and part.get_content_maintype() != "multipart"
        part.written = self._view[at : end - _line_end_before(self._octets, at, end) if within else end]
        return end

    def _groups(self, written: memoryview) -> Iterator[Part]:
        """Read the groups of fields that a delivery report consists of (RFC 3464, section 2.1)."""
        octets, at = bytes(written[:MAX_HEADER]), 0
        for _ in range(MAX_GROUPS):
            part, found = Part(policy=compat32), _GROUP.match(octets, at)
            lines = found[1] if found else b""
            fields = _FIELDS.match(lines)
            self._fields(part, lines[: fields.end()] if fields else b"")
            part.written = memoryview(lines)[fields.end() if fields else 0 :]
            yield part
            at = found.end() if found else len(octets)
            if at >= len(octets):
                return

    def _multipart(self, part: Part, at: int, depth: int) -> int:
        boundary = self._boundary(part)
        if boundary is None or boundary in self._open:
            return self._leaf(part, at)
        self._open.add(boundary)
        self._stop(at, len(self._octets))
        if self._meaning() != (boundary, False):
            self._leaf(part, at)
        else:
            default = "message/rfc822" if part.get_content_subtype() == "digest" else "text/plain"
            part.set_payload(self._children(boundary, depth, default))
        closed = self._meaning() == (boundary, True)
        self._open.discard(boundary)
        if closed:
            self._next()
        # What follows the last boundary is read by nobody (RFC 2046, section 5.1.1).
        return self._stop(0, len(self._octets))

    def _boundary(self, part: Part) -> bytes | None:
        try:
            boundary = part.get_boundary()
            return None if boundary is None else boundary.encode("ascii", "surrogateescape")
        except RAISED:
            self._oddities.add("bad-part")
            return None

    def _children(self, boundary: bytes, depth: int, default: str) -> list[Message | str]:
        children: list[Message | str] = []
        while (mark := self._mark) is not None and self._meaning() == (boundary, False):
            if self._parts >= MAX_PARTS:
                self._oddities.add("many-parts")
                self._marks, self._mark = iter(()), None
                break
            at = mark.end()
            self._next()
            # Boundaries that follow at once have nothing between them.
            while self._mark is not None and self._mark.start() == at and self._is(boundary):
                at = self._mark.end()
                self._next()
            children.append(self._entity(at, depth + 1, default)[0])
        return children


def _line_end(octets: bytes, at: int) -> int:
    """Return how many octets of a line end are at a place."""
    return 2 if octets[at : at + 2] == b"\r\n" else 1 if octets[at : at + 1] in (b"\r", b"\n") else 0


def _line_end_before(octets: bytes, start: int, end: int) -> int:
    """Return how many octets of a line end are before a place, and after another."""
    if end - start >= 2 and octets[end - 2 : end] == b"\r\n":
        return 2
    return 1 if end > start and octets[end - 1 : end] in (b"\r", b"\n") else 0
