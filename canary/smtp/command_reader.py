"""What a client has sent and nobody has processed: lines of commands, and the beginning of a mail.

It stands in for asyncio's StreamReader, which cannot hand over what is there without waiting (1.2 us a line).
"""

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache

from canary.smtp.admission import Refusal

_LONGEST = 8192  # octets that are read to find the end of a line
_AHEAD = 65536  # octets that wait while the client is ahead of our answers, and one read more
_PROXY = 2048  # octets of addresses and TLVs after the first 16 of a PROXY header; of TLVs none is read
_PROXY_LINE = 107 - len("PROXY")  # version 1 has no more, as its protocol says
_LINE = 512  # RFC 5321 4.5.3.1.4, the CRLF included; addresses and parameters may need more
_LINES = {"MAIL": 1024, "RCPT": 1024, "EHLO": 1024, "HELO": 1024, "LHLO": 1024, "XCLIENT": 2048}
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# A browser tricked into connecting to port 25 is not a mail client.
_HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE", "TRACE", "HOST:"})


class CommandReader:
    """Holds octets until they are asked for; reads no more from a client that is far ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ended = self._paused = False
        self._octets, self._at, self._newline = b"", 0, b"\n"
        self._waiting: asyncio.Future[None] | None = None

    def set_transport(self, transport: asyncio.ReadTransport) -> None:
        """Reads from this connection from now on."""
        self._transport, self._paused = transport, False

    def feed_data(self, octets: bytes) -> None:
        """Takes what has come."""
        self._octets, self._at = self._octets[self._at :] + octets if self._octets else octets, 0
        if self._waiting:
            self._wake()
        elif len(self._octets) > _AHEAD:
            self._pause()

    def feed_eof(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self._wake()

    def clear(self) -> None:
        """Forgets what has come; reads no more before `set_transport`."""
        self._octets, self._at = b"", 0
        self._pause()

    def more(self) -> asyncio.Future[None]:
        """Is done when there is something new, or nothing more to come."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._waiting = self._loop.create_future()
        return self._waiting

    def next_line(self) -> bytes | None:
        """A whole line, if there is one; raises Refusal for one without end.

        A bare LF ends it only for a client that has never sent CRLF (RFC 5321 2.3.8 would have nobody heed it):
        within the commands of any other it is a control character, and starts nothing.
        """
        octets = self._octets
        if not octets:
            return None
        end = octets.find(self._newline, self._at)
        if end < 0:
            if len(octets) - self._at > _LONGEST:
                raise Refusal("421 4.7.0 Line too long")
            return None
        line = octets[self._at : end]
        self._at = end + len(self._newline)
        if self._at == len(octets):
            self._octets, self._at = b"", 0
        if self._newline == b"\n" and line.endswith(b"\r"):
            self._newline, line = b"\r\n", line[:-1]
        return line

    def next_piece(self) -> bytes:
        """All that has come."""
        octets = self._octets[self._at :] if self._at else self._octets
        self._octets, self._at = b"", 0
        return octets

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting and not waiting.done():
            waiting.set_result(None)

    # What aiosmtpd reads a PROXY header by; raises EOFError where there is none, and nothing without end.

    async def read(self, most: int) -> bytes:
        """Some octets, at most so many."""
        return await self._first(lambda: min(most, len(self._octets)), most)

    async def readexactly(self, count: int) -> bytes:
        """So many octets."""
        return await self._first(lambda: count * (len(self._octets) >= count), count)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Octets up to the end of a line."""
        return await self._first(lambda: self._octets.find(separator) + 1, _PROXY_LINE)

    async def _first(self, ready: Callable[[], int], most: int) -> bytes:
        if most > _PROXY:
            raise EOFError(f"{most} octets are too many")
        while not (count := ready()):
            if self.ended or len(self._octets) >= most:
                raise EOFError("no end of the header")
            await self.more()
        first, self._octets = self._octets[:count], self._octets[count:]
        return first


@lru_cache(maxsize=1024)
def read_command(line: bytes) -> tuple[str, str]:
    """The verb in capitals, and its argument; raises Refusal. Cached, as a busy client repeats itself."""
    verb, _, argument = line.decode("utf-8", "backslashreplace").partition(" ")
    verb = verb.upper()
    if verb in _HTTP:
        raise Refusal("421 4.7.0 This is SMTP")
    if len(line) + 2 > _LINES.get(verb, _LINE):
        raise Refusal("500 5.5.2 Line too long")
    if _CONTROL.search(line):
        raise Refusal("500 5.5.2 Control characters are not allowed")
    return verb, argument.strip()
