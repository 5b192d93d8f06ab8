"""A transaction, from MAIL to what became of it."""

from canary.smtp.bdat import ChunkReader


class Draft:
    """What a client has said so far; `recipients` maps each in lower case to how it was written.

    `session` names it and `protocol` is SMTP, ESMTP or LMTP. `accepted` counts every RCPT that was answered 250,
    `refused` the others by ruling. `began` and `ended` are times of the loop, at MAIL and at the last octet, which
    also sets `envelope` (JSON as the spool has it) and `size` in octets.

    There is one for every mail, so it is no dataclass: the constructor of one stays interpreted, whatever is compiled.
    """

    def __init__(self, session: str, protocol: str, sender: str, began: float) -> None:
        self.session = session
        self.protocol = protocol
        self.sender = sender
        self.began = self.ended = began
        self.recipients: dict[str, str] = {}
        self.accepted = 0
        self.refused: dict[str, int] = {}
        self.chunks: ChunkReader | None = None
        self.envelope = ""
        self.size = 0
