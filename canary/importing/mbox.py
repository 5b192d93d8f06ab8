"""Split a mailbox file (mbox) while it is read: one message at a time, in bounded memory, whatever is in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 1 << 20
LOOK = 2048
"""Octets that must follow a `From ` line before it is judged, so that it and the line after it are whole."""

_LINE = re.compile(
    rb"From (?:[^\n]{0,998} )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\n]{0,40}\d\d?:\d\d[^\n]{0,60}",
    re.IGNORECASE,
)
_YEAR = re.compile(rb"\b(?:19[6-9]|20\d)\d\b")
_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,12})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_EMPTY_LINE = re.compile(rb"\n\r?\n")


class Stream(Protocol):
    """A source of octets."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many octets, none at the end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a mailbox: `line` is its `From ` line (empty for anything before the first), `content` the rest.

    `number` counts from 1, `offset` is where its line begins, `length` how many octets it takes up to the next one.
    Beyond the size allowed, `content` is only the beginning and `whole` is false.
    """

    number: int
    offset: int
    length: int
    line: bytes
    content: bytes
    whole: bool = True


def is_from_line(line: bytes) -> bool:
    """Whether a line begins a message: `From `, whatever names the sender, and a date."""
    return _LINE.match(line) is not None and _YEAR.search(line) is not None


def read_mbox(stream: Stream, cap: int, offset: int = 0, number: int = 0) -> Iterator[Piece]:
    """Yield the messages of a mailbox; `offset` and `number` give the position from which reading continues.

    A message ends before a `From ` line that looks like one and follows an empty line; Content-Length only decides
    where such a line is not followed by a header. At most twice `cap` octets are held.
    """
    splitter = _Splitter(cap, offset, number)
    while block := stream.read(BLOCK):
        yield from splitter.feed(block)
    yield from splitter.end()


def unwrap(raw: bytes) -> tuple[bytes, bytes]:
    """Return the `From ` line and the message of one piece, with `>From ` unquoted and without the last empty line."""
    line, begin, end = b"", 0, len(raw)
    if raw.startswith(b"From "):
        begin = raw.find(b"\n") + 1 or end
        line = raw[: begin - 1] if begin < end or raw.endswith(b"\n") else raw
    if raw.endswith((b"\n\n", b"\n\r\n")) and end - begin > 1:
        end -= 2 if raw.endswith(b"\r\n") else 1
    # One copy and no more: a message may be tens of megabytes.
    content = raw[begin:end]
    if b">From " in content:
        content = _ESCAPED.sub(rb"\1", content)
    return line.rstrip(b"\r"), content


class _Splitter:
    """Holds the octets from the beginning of the current message; `seen` is how far they were searched."""

    def __init__(self, cap: int, offset: int, number: int) -> None:
        self.cap = cap
        self.offset = offset
        self.number = number
        self.held = b""
        self.seen = 0
        self.lost = 0  # octets in the middle of a message beyond the cap
        self.head = b""

    def feed(self, block: bytes) -> Iterator[Piece]:
        self.held = self.held + block if self.held else block
        yield from self._split(len(self.held) - LOOK)
        if len(self.held) > self.cap + BLOCK:
            self._shed()

    def end(self) -> Iterator[Piece]:
        yield from self._split(len(self.held))
        if self.held:
            yield from self._piece(self.held)

    def _split(self, upto: int) -> Iterator[Piece]:
        """Yield the messages that end before a position; what is left begins a message."""
        held, start, at = self.held, 0, self.seen
        while True:
            at = held.find(b"\nFrom ", at)
            if at < 0 or at >= upto:
                break
            if held[at - 1 : at] in (b"\n", b"\r") and self._begins(start, at):
                raw, start = held[start : at + 1], at + 1
                if len(raw) > BLOCK:
                    # A large message is not held twice while it is processed.
                    self.held = held = held[start:]
                    start, at, upto = 0, -1, upto - start
                yield from self._piece(raw)
                raw = b""
            at += 1
        self.held = held[start:] if start else held
        # One octet back: the line end that a `From ` line needs before it may be the last octet searched.
        self.seen = max(0, max(start, upto) - start - 1)

    def _begins(self, start: int, at: int) -> bool:
        """Whether the line after an empty one, which ends at a position, begins the next message."""
        if not self._is_empty_line(at):
            return False
        line, _, rest = self.held[at + 1 : at + 1 + LOOK].partition(b"\n")
        if not is_from_line(line):
            return False
        return _FIELD.match(rest) is not None or not self._inside(start, at)

    def _is_empty_line(self, at: int) -> bool:
        before = self.held[max(0, at - 2) : at]
        return before.endswith(b"\n") or before == b"\n\r"

    def _inside(self, start: int, at: int) -> bool:
        """Whether the message itself says that it continues beyond a position."""
        if self.lost:
            return False
        end = _EMPTY_LINE.search(self.held, start, at + 1)
        told = _LENGTH.search(self.held, start, end.start() + 1) if end else None
        return end is not None and told is not None and end.end() + int(told[1]) > at + 1

    def _piece(self, raw: bytes) -> Iterator[Piece]:
        whole, length = not self.lost and len(raw) <= self.cap, self.lost + len(raw)
        line, content = unwrap(raw) if not self.lost else unwrap(self.head)
        offset, self.offset = self.offset, self.offset + length
        self.lost, self.head = 0, b""
        if not line and not content.strip():
            return
        self.number += 1
        yield Piece(self.number, offset, length, line, content if whole else content[: self.cap], whole)

    def _shed(self) -> None:
        """Drop the middle of a message that is larger than allowed."""
        self.head = self.head or self.held[: self.cap]
        gone = max(0, self.seen - 2)
        self.lost += gone
        self.held, self.seen = self.held[gone:], self.seen - gone
