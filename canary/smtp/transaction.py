"""A transaction, from MAIL to what became of it."""

from dataclasses import dataclass, field

from canary.smtp.bdat import ChunkReader


@dataclass(slots=True)
class Draft:
    """What a client has sent so far; `recipients` maps each in lower case to how it was written.

    `session` names it and `protocol` is SMTP, ESMTP or LMTP. `accepted` counts every RCPT that was answered 250,
    `refused` the others by ruling. `began` and `ended` are times of the loop, at MAIL and at the last octet, which
    also sets `envelope` (JSON as the spool has it) and `size` in octets.
    """

    session: str
    protocol: str
    sender: str
    began: float
    ended: float = 0.0
    recipients: dict[str, str] = field(default_factory=dict)
    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    chunks: ChunkReader | None = None
    envelope: str = ""
    size: int = 0
