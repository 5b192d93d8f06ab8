"""What follows DATA, read by buffer: bounded whatever comes, and ended by one sequence only."""

# RFC 5321 4.1.1.4: nothing else ends a mail, so that nothing can be smuggled behind a bare CR or LF.
END = b"\r\n.\r\n"


class DataReader:
    """Collects one mail from chunks of any cut, and drops it when it grows past `limit` octets as sent."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._body = bytearray()
        self._tail = END[:2]
        self.read = 0
        self.refusal = ""

    @property
    def held(self) -> int:
        """The octets in memory."""
        return len(self._body)

    def feed(self, chunk: bytes) -> bytes | None:
        """Takes a chunk; answers what came behind the end of the mail, or None while it goes on."""
        window = self._tail + chunk
        found = window.find(END)
        if found < 0:
            self._tail = window[-4:]
            # The last two octets may yet turn out to be the dot and CR of the end, which count for nothing.
            self._take(chunk, closing=2)
            return None
        after = found + len(END) - len(self._tail)
        self._take(chunk[:after], closing=3)
        return chunk[after:]

    def drop(self, refusal: str) -> int:
        """Lets go of everything, now and later; `refusal` becomes the reply. Answers the octets set free."""
        held = len(self._body)
        self._body = bytearray()
        self.refusal = self.refusal or refusal
        return held

    def content(self) -> bytes:
        """The mail after its end has come, as it was before the transparency dots (RFC 5321 4.5.2)."""
        del self._body[-3:]
        body = bytes(self._body)
        self._body = bytearray()
        if body.startswith(b"."):
            body = body[1:]
        return body.replace(b"\r\n.", b"\r\n")

    def _take(self, chunk: bytes, closing: int) -> None:
        self.read += len(chunk)
        if self.read - closing > self._limit:
            self.drop("552 5.3.4 Message size exceeds fixed limit")
        if not self.refusal:
            self._body += chunk
