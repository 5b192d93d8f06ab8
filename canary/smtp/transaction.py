"""A transaction, from MAIL to what became of it."""

from aiosmtpd.smtp import Envelope

from canary.smtp.data import ChunkReader


class Transaction(Envelope):
    """An envelope that knows enough of its transaction for a line in the journal; its null sender is `<>`, as in aiosmtpd.

    `session` names it and `protocol` is SMTP, ESMTP or LMTP. `accepted` counts every RCPT that was answered 250,
    `refused` the others by ruling. `began` and `ended` are times of the loop, at MAIL and at the last octet; `text` is
    the envelope as the spool has it (JSON), `size` the octets of the mail.
    """

    session = protocol = text = ""
    began = ended = 0.0
    accepted = size = 0
    chunks: ChunkReader | None = None

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, int] = {}
