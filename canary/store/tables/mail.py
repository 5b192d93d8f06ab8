"""Mails as they came, and what each meant at each canary it reached."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from canary.store.tables.base import CanaryKey, Row, Time


class MailRow(Row, table=True):
    """One mail, stored once however many recipients; `key` is the spool's, so that each mail counts once.

    `digest` is the same for every copy of it, by whichever way that came; empty where there is nothing to compare.
    `inlet` names that way; it is empty for our own listener.
    """

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_digest", "digest", "inlet"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    sha256: str = Field(index=True)
    size: int
    received_at: datetime = Field(sa_type=Time, index=True)
    envelope: object = Field(sa_type=JSON)
    subject: str = ""
    sender_name: str = ""
    sender: str = ""
    message_id: str = ""
    text: str = ""
    identity_domain: str = Field(default="", index=True)
    identity: object = Field(sa_type=JSON)
    proofs: object = Field(sa_type=JSON)
    answers: dict[str, Any] = Field(default={}, sa_type=JSON)
    parts: dict[str, Any] = Field(sa_type=JSON)
    digest: str = ""
    inlet: str = ""
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id", index=True)


class MailSenderRow(Row, table=True):
    """A key under which the sender of a mail proved itself, so that a decision finds the mails it concerns."""

    __tablename__ = "mail_sender"
    key: str = Field(primary_key=True)
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")


class MailContentRow(Row, table=True):
    """The octets of a mail, zlib-compressed, in a table of their own so that lists stay quick.

    `content` is empty where the octets were deleted, as those of enough other copies are kept. `parsed` holds what was read in them and is not in the row of the mail, as `canary.store.parsed_mail` writes it.
    """

    __tablename__ = "mail_content"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    parsed: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))


class UnreadMailRow(Row, table=True):
    """A mail that was judged by its envelope alone, as its content could not be read; `why` is that oddity."""

    __tablename__ = "unread_mail"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    at: datetime = Field(sa_type=Time, index=True)
    why: str


class HitRow(Row, table=True):
    """One mail at one canary, with what it means and why; a probe has no mail.

    `decision` is the number of the newest decision on cases when the hit was given its case, or none; `burns` means
    that it counts as a leak of its canary, as its case was open.
    """

    __tablename__ = "hit"
    __table_args__ = (
        UniqueConstraint("mail_id", "canary_id"),
        Index("ix_hit_canary_at", "canary_id", "at"),
        Index("ix_hit_verdict_at", "verdict", "at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    mail_id: int | None = Field(default=None, foreign_key="mail.id", index=True)
    canary_id: int = Field(foreign_key="canary.id", sa_type=CanaryKey)
    at: datetime = Field(sa_type=Time, index=True)
    verdict: str
    confidence: float
    reasons: object = Field(sa_type=JSON)
    case_id: int | None = Field(default=None, foreign_key="leak_case.id", index=True)
    decision: int = Field(default=0)
    burns: bool = Field(default=False)


class RspamdCheckRow(Row, table=True):
    """A mail that rspamd was asked about; `fault` says why it has no opinion."""

    __tablename__ = "rspamd_check"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    at: datetime = Field(sa_type=Time)
    fault: str = ""


class SpoolPositionRow(Row, table=True):
    """How far the attempts of each spool have been counted, so that none is counted twice."""

    __tablename__ = "spool_position"
    spool: str = Field(primary_key=True)
    upto: int = 0
