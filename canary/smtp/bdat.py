"""What follows BDAT (RFC 3030): counted octets, chunk after chunk, in which no sequence means anything."""

import re

from canary.smtp.data import Body

_SIZE = re.compile(r"(\d{1,20})(?:\s+(LAST))?", re.ASCII | re.IGNORECASE)


def chunk_size(argument: str) -> tuple[int, bool] | None:
    """How many octets follow and whether they are the last; None where nobody can say what is content."""
    found = _SIZE.fullmatch(argument)
    return (int(found[1]), found[2] is not None) if found else None


class ChunkReader(Body):
    """A mail in chunks, each announced by `expect`."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._missing = 0
        self.last = False

    @classmethod
    def for_nothing(cls, size: int, refusal: str) -> "ChunkReader":
        """Reads one chunk that is not part of a mail: it may be sent before its refusal arrives."""
        reader = cls(0)
        reader.drop(refusal)
        reader.expect(size, last=False)
        return reader

    def expect(self, size: int, *, last: bool) -> None:
        """Begins a chunk."""
        self._missing, self.last = size, last

    def feed(self, chunk: bytes) -> bytes | None:
        """Takes octets; returns what came after the end of the chunk, or None while it continues."""
        mine = chunk[: self._missing]
        self._missing -= len(mine)
        self._take(mine)
        return chunk[len(mine) :] if not self._missing else None

    def content(self) -> bytes:
        """The mail, after its last chunk."""
        octets, self._octets = self._octets, b""
        return bytes(octets)
