"""The octets of a mail on their way in, after DATA or in chunks (BDAT): bounded whatever comes."""

import re

from canary.smtp.admission import Event, Refusal

# RFC 5321 4.1.1.4: nothing else ends a mail, so that nothing can be smuggled after a bare CR or LF.
END = b"\r\n.\r\n"

TOO_BIG = "552 5.3.4 Message size exceeds fixed limit"

_LF = 10
_DOTS = 64
_SIZE = re.compile(r"(\d{1,20})(?:\s+(LAST))?", re.ASCII | re.IGNORECASE)


class Body:
    """The octets of one mail: no more than `limit` are held, and none once it is refused; `read` counts them all."""

    _octets: bytes | bytearray = b""
    read = 0
    refusal = ""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @property
    def held(self) -> int:
        """The octets in memory."""
        return len(self._octets)

    def feed(self, piece: bytes) -> bytes | None:
        """Takes a piece; returns what came after the end, or None while it continues."""
        raise NotImplementedError

    def content(self) -> bytes:
        """The mail, after its end; it can be had once."""
        octets, self._octets = self._octets, b""
        return bytes(octets)

    def drop(self, refusal: str) -> int:
        """Drops everything, now and later; `refusal` becomes the reply. Returns the octets set free."""
        held, self._octets = len(self._octets), b""
        self.refusal = self.refusal or refusal
        return held

    def _add(self, piece: bytes, closing: int = 0) -> None:
        """Adds a piece, of whose octets the `closing` last may be no part of the mail."""
        self.read += len(piece)
        if self.read - closing > self._limit:
            self.drop(TOO_BIG)
        elif not (self._octets or self.refusal):
            self._octets = piece  # most mails come in one piece, which need not be copied
        elif not self.refusal:
            if isinstance(self._octets, bytes):
                self._octets = bytearray(self._octets)
            self._octets += piece


class DataReader(Body):
    """What follows DATA, in pieces of any cut, up to the line that is a dot; its size counts as sent."""

    _tail = END[:2]
    _stuffed = False

    def feed(self, piece: bytes) -> bytes | None:
        """Takes a piece; returns what came after the end of the mail, or None while it continues."""
        # The end may lie across the seam; the tail is too short to hold it alone.
        seam = (self._tail + piece[:4]).find(END)
        end = self._find_end(piece) if seam < 0 else seam - len(self._tail)
        if seam < 0 and end < 0:
            self._tail = (self._tail + piece[-4:])[-4:]
            # The last two octets may turn out to be the dot and CR of the end, which do not count.
            self._add(piece, closing=2)
            return None
        after = end + len(END)
        self._add(piece[:after], closing=3)
        return piece[after:]

    def content(self) -> bytes:
        """The mail as it was before the transparency dots (RFC 5321 4.5.2)."""
        octets, self._octets = self._octets, b""
        begin = 1 if octets.startswith(b".") else 0
        # Of an empty mail the dot is all there is.
        content = bytes(memoryview(octets)[begin : max(begin, len(octets) - 3)])
        return content.replace(b"\r\n.", b"\r\n") if self._stuffed else content

    def _find_end(self, piece: bytes) -> int:
        """Where the end begins within a piece, or -1; also notices a dot that may have to go.

        From dot to dot 64 KB take .5 us, a search for the sequence 66; of many dots only the first are looked at.
        """
        at = piece.find(b".")
        for _ in range(_DOTS):
            if at < 0:
                return -1
            if at < 2 or piece[at - 1] == _LF:
                if piece[at - 2 : at + 3] == END and at >= 2:
                    return at - 2
                self._stuffed = True
            at = piece.find(b".", at + 1)
        self._stuffed = True
        return piece.find(END, max(0, at - 2)) if at >= 0 else -1


class ChunkReader(Body):
    """A mail in chunks (RFC 3030), each announced by `expect`; no sequence in them means anything."""

    _missing = 0

    def expect(self, size: int) -> None:
        """Begins a chunk."""
        self._missing = size

    def feed(self, piece: bytes) -> bytes | None:
        """Takes octets; returns what came after the end of the chunk, or None while it continues."""
        mine = piece[: self._missing]
        self._missing -= len(mine)
        self._add(mine)
        return piece[len(mine) :] if not self._missing else None


def chunk_size(argument: str) -> tuple[int, bool]:
    """How many octets follow BDAT and whether they are the last; raises Refusal."""
    found = _SIZE.fullmatch(argument)
    if found is None:  # nobody can tell where the next command begins, which must not be looked for within a mail
        raise Refusal("421 4.7.0 Size of chunk not understood", Event.ERRORS)
    return int(found[1]), found[2] is not None
