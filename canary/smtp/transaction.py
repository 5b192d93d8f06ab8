"""A transaction, from MAIL to what became of it."""

from aiosmtpd.smtp import Envelope

from canary.smtp.data import ChunkReader


class Transaction(Envelope):
    """An envelope that knows enough of its transaction for a line in the journal; its null sender is `<>`, as in aiosmtpd.

    `session` names it and `protocol` is SMTP, ESMTP or LMTP. `accepted` counts every RCPT that was answered 250,
    `refused` the others by ruling. `began` and `ended` are times of the loop, at MAIL and at the last octet; `text` is
    the envelope as the spool has it (JSON), `size` the octets of the mail. `roles` are the recipients that are roles
    alone, `largest` the octets that a mail to these recipients may have, where that is less than for others.
    """

    session = protocol = text = ""
    began = ended = 0.0
    accepted = size = 0
    largest: int | None = None
    chunks: ChunkReader | None = None

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, int] = {}
        self.roles: list[str] = []

    @property
    def for_roles_only(self) -> bool:
        """Whether no canary is among the recipients."""
        return len(self.roles) == len(self.rcpt_tos)

    @property
    def declared(self) -> int:
        """The octets that MAIL announced, 0 where it did not."""
        sizes = [option[5:] for option in self.mail_options if option[:5].upper() == "SIZE="]
        return int(sizes[0]) if sizes and sizes[0].isdecimal() else 0
