"""What follows DATA: bounded whatever comes, and ended by one sequence only."""

# RFC 5321 4.1.1.4: nothing else ends a mail, so that nothing can be smuggled after a bare CR or LF.
END = b"\r\n.\r\n"

TOO_BIG = "552 5.3.4 Message size exceeds fixed limit"

_STUFFED = b"\r\n."
_CR, _LF, _DOT = b"\r\n."
_DOTS = 64  # looked at one by one before the search by sequence, which is a hundred times slower where dots are rare


class Body:
    """The octets of one mail on their way in: no more than `limit` are held, and none once it is refused.

    `last` says whether the mail is over when these are; `read` counts them all.
    """

    _octets: bytes | bytearray = b""
    last = True
    read = 0
    refusal = ""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @property
    def held(self) -> int:
        """The octets in memory."""
        return len(self._octets)

    def feed(self, chunk: bytes) -> bytes | None:
        """Takes a chunk; returns what came after the end, or None while it continues."""
        raise NotImplementedError

    def content(self) -> bytes:
        """The mail, after its end; it can be had once."""
        raise NotImplementedError

    def drop(self, refusal: str) -> int:
        """Drops everything, now and later; `refusal` becomes the reply. Returns the octets set free."""
        held = len(self._octets)
        self._octets = b""
        self.refusal = self.refusal or refusal
        return held

    def _take(self, chunk: bytes, closing: int = 0) -> None:
        """Adds a chunk, of whose octets the `closing` last may be no part of the mail."""
        self.read += len(chunk)
        if self.read - closing > self._limit:
            self.drop(TOO_BIG)
        if self.refusal:
            return
        if not self._octets:
            # Most mails come in one chunk, which need not be copied.
            self._octets = chunk
            return
        if isinstance(self._octets, bytes):
            self._octets = bytearray(self._octets)
        self._octets += chunk


class DataReader(Body):
    """What follows DATA, in chunks of any cut, up to the line that is a dot; its size counts as sent."""

    _tail = END[:2]
    _stuffed = False

    def feed(self, chunk: bytes) -> bytes | None:
        """Takes a chunk; returns what came after the end of the mail, or None while it continues."""
        after = self._end(chunk)
        if after < 0:
            self._tail = (self._tail + chunk[-4:])[-4:]
            # The last two octets may turn out to be the dot and CR of the end, which do not count.
            self._take(chunk, closing=2)
            return None
        self._take(chunk[:after] if after < len(chunk) else chunk, closing=3)
        return chunk[after:]

    def content(self) -> bytes:
        """The mail after its end has come, as it was before the transparency dots (RFC 5321 4.5.2)."""
        octets, self._octets = self._octets, b""
        begin = 1 if octets[0] == _DOT else 0
        end = max(begin, len(octets) - 3)  # of an empty mail the dot is all there is
        # A slice of what came in pieces would be one more copy.
        content = octets[begin:end] if isinstance(octets, bytes) else bytes(memoryview(octets)[begin:end])
        return content.replace(_STUFFED, END[:2]) if self._stuffed else content

    def _end(self, chunk: bytes) -> int:
        """Where in a chunk the mail has ended, or -1."""
        seam = (self._tail + chunk[:4]).find(END)
        if seam >= 0:
            return seam + len(END) - len(self._tail)
        at = chunk.find(b".")
        for _ in range(_DOTS):
            if at < 0:
                return -1
            if at < 2:
                self._stuffed = True
            elif chunk[at - 1] == _LF:
                if chunk[at - 2 : at + 3] == END:
                    return at + 3
                self._stuffed = self._stuffed or chunk[at - 2] == _CR
            at = chunk.find(b".", at + 1)
        if at < 0:
            return -1
        self._stuffed = True
        found = chunk.find(END, max(0, at - 2))
        return found + len(END) if found >= 0 else -1
