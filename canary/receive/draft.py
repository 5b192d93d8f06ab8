"""A transaction under way, from MAIL to the end of its mail."""

from dataclasses import dataclass, field

from canary.receive.bdat import ChunkReader


@dataclass(slots=True)
class Draft:
    """What a client has said so far; `recipients` maps each in lower case to how it was written.

    `accepted` counts every RCPT that was answered 250, `refused` the others by ruling; `began` and `ended` are
    times of the loop, at MAIL and at the last octet.
    """

    sender: str
    began: float
    ended: float = 0.0
    recipients: dict[str, str] = field(default_factory=dict)
    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    chunks: ChunkReader | None = None
