"""Every table, as rows; the facts of `canary.model` are made from these by the module of each noun."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from canary.store.rows import Row, Time, random_seal


class VendorRow(Row, table=True):
    """A party the owner gave an address to."""

    __tablename__ = "vendor"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    created_at: datetime = Field(sa_type=Time)
    contract_ends: datetime | None = Field(default=None, sa_type=Time)
    erasure_requested: datetime | None = Field(default=None, sa_type=Time)
    unsubscribed: datetime | None = Field(default=None, sa_type=Time)
    grace_days: int | None = None


class VendorDomainRow(Row, table=True):
    """A domain a vendor is known to send from; `origin` says whether it was declared or learned."""

    __tablename__ = "vendor_domain"
    __table_args__ = (UniqueConstraint("vendor_id", "domain"),)
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    domain: str = Field(index=True)
    origin: str = "declared"
    created_at: datetime = Field(sa_type=Time)


class SupplierRow(Row, table=True):
    """A party that vendors hand addresses on to."""

    __tablename__ = "supplier"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    created_at: datetime = Field(sa_type=Time)


class SupplyRow(Row, table=True):
    """A vendor passes the addresses of a channel (empty: every channel) to a supplier, from and until a time."""

    __tablename__ = "supply"
    __table_args__ = (UniqueConstraint("vendor_id", "supplier_id", "channel"),)
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    supplier_id: int = Field(foreign_key="supplier.id", index=True)
    channel: str = ""
    account: str = ""
    since: datetime | None = Field(default=None, sa_type=Time)
    until: datetime | None = Field(default=None, sa_type=Time)
    origin: str = "declared"
    through: str = ""


class SenderRow(Row, table=True):
    """A proven identity that sends, or asks to be known to send, for a vendor; `mail_id` is the first mail of it."""

    __tablename__ = "sender"
    __table_args__ = (UniqueConstraint("vendor_id", "key"), Index("ix_sender_state", "state", "vendor_id"))
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    key: str
    state: str
    proof: str = "none"
    first_at: datetime | None = Field(default=None, sa_type=Time)
    last_at: datetime | None = Field(default=None, sa_type=Time)
    count: int = 0
    asked_at: datetime | None = Field(default=None, sa_type=Time)
    decided_at: datetime | None = Field(default=None, sa_type=Time)
    decided_by: str = ""
    mail_id: int | None = Field(default=None, foreign_key="mail.id")


class VendorEventRow(Row, table=True):
    """One line of a vendor's timeline: a new way of sending, a decision, mail that should have stopped."""

    __tablename__ = "vendor_event"
    __table_args__ = (Index("ix_vendor_event_vendor_at", "vendor_id", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    at: datetime = Field(sa_type=Time)
    kind: str
    who: str = "canary"
    text: str = ""


class AuditRow(Row, table=True):
    """What somebody decided: who, when, from where, what about, and what it changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_who", "who", "id"), Index("ix_audit_action", "action", "id"))
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Time, index=True)
    who: str
    action: str
    subject: str
    text: str = ""
    client: str = ""


class CanaryRow(Row, table=True):
    """One address, in lower case, issued to a vendor or never to anybody: only the key of the decoys tells which.

    `seal` is drawn at random for an issued address and made with the key for a decoy (`canary.store.seals`). Decoys of
    the first versions had no vendor, and rows without one are still taken for decoys.
    """

    __tablename__ = "canary"
    __table_args__ = (Index("ix_canary_vendor_channel", "vendor_id", "channel", "generation"),)
    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(unique=True)
    domain: str = Field(index=True)
    vendor_id: int | None = Field(default=None, foreign_key="vendor.id")
    channel: str = "signup"
    generation: int = 1
    style: str
    bits: float
    state: str = "active"
    published: bool = False
    persona: dict[str, str] | None = Field(default=None, sa_type=JSON)
    issued_at: datetime = Field(sa_type=Time)
    rotated_at: datetime | None = Field(default=None, sa_type=Time)
    burned_at: datetime | None = Field(default=None, sa_type=Time)
    seal: bytes = Field(default_factory=random_seal, sa_column=Column(LargeBinary, nullable=False))


class KeyMarkRow(Row, table=True):
    """By what a key that is kept elsewhere is known again; it does not tell the key."""

    __tablename__ = "key_mark"
    name: str = Field(primary_key=True)
    mark: str


class CampaignRow(Row, table=True):
    """Mails that are one sending; one that was found to be part of an older one says so and stays, for its number."""

    __tablename__ = "campaign"
    id: int | None = Field(default=None, primary_key=True)
    subject: str = ""
    first_at: datetime = Field(sa_type=Time)
    last_at: datetime = Field(sa_type=Time)
    mails: int = 0
    merged_into: int | None = Field(default=None, index=True)


class CampaignKeyRow(Row, table=True):
    """A pair of features that leads to a campaign; to none after a person has set mails that share it apart."""

    __tablename__ = "campaign_key"
    key: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")


class CampaignTextRow(Row, table=True):
    """A normal text that was seen, by its digest; it leads to a campaign as a key does."""

    __tablename__ = "campaign_text"
    digest: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")


class CampaignBandRow(Row, table=True):
    """A part of a signature by which texts that are alike meet; few texts are kept for each."""

    __tablename__ = "campaign_band"
    __table_args__: ClassVar[dict[str, bool]] = {"sqlite_with_rowid": False}
    band: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    digest: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


class CampaignMailRow(Row, table=True):
    """What one mail shows of its sending, and why it joined: campaign by campaign, as each was numbered then."""

    __tablename__ = "campaign_mail"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    digest: int | None = Field(default=None, sa_type=BigInteger)
    features: list[dict[str, Any]] = Field(default=[], sa_type=JSON)
    links: list[dict[str, Any]] = Field(default=[], sa_type=JSON)


class CampaignVerdictRow(Row, table=True):
    """A person said that two campaigns are one, or are not; `mails` are those that moved, `lifted_at` ends its force."""

    __tablename__ = "campaign_verdict"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Time)
    who: str
    one: bool
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    other_id: int = Field(foreign_key="campaign.id", index=True)
    mails: list[int] = Field(default=[], sa_type=JSON)
    note: str = ""
    lifted_at: datetime | None = Field(default=None, sa_type=Time)


class MailRow(Row, table=True):
    """One mail, kept once however many recipients; `key` is the spool's and makes every commit count once."""

    __tablename__ = "mail"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    sha256: str = Field(index=True)
    size: int
    received_at: datetime = Field(sa_type=Time, index=True)
    envelope: dict[str, Any] = Field(sa_type=JSON)
    subject: str = ""
    sender_name: str = ""
    sender: str = ""
    message_id: str = ""
    text: str = ""
    identity_domain: str = Field(default="", index=True)
    identity: dict[str, Any] = Field(sa_type=JSON)
    proofs: dict[str, Any] = Field(sa_type=JSON)
    answers: dict[str, Any] = Field(default={}, sa_type=JSON)
    parts: dict[str, Any] = Field(sa_type=JSON)
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id", index=True)


class MailSenderRow(Row, table=True):
    """A key under which the sender of a mail proved itself, so that a decision finds the mails it concerns."""

    __tablename__ = "mail_sender"
    key: str = Field(primary_key=True)
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")


class MailContentRow(Row, table=True):
    """The octets of a mail, zlib-compressed, apart so that lists stay quick."""

    __tablename__ = "mail_content"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CaseRow(Row, table=True):
    """A suspected leak; `vendor_id` is the vendor whose hit opened it."""

    __tablename__ = "leak_case"
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id", index=True)
    state: str = Field(default="new", index=True)
    outcome: str = Field(default="", sa_column_kwargs={"server_default": ""})
    owner: str = Field(default="", sa_column_kwargs={"server_default": ""})
    aware_at: datetime | None = Field(default=None, sa_type=Time)
    merged_into: int | None = None
    opened_at: datetime = Field(sa_type=Time)
    last_hit_at: datetime = Field(sa_type=Time, index=True)
    suspects: list[dict[str, Any]] = Field(default=[], sa_type=JSON)
    findings: dict[str, Any] = Field(default={}, sa_type=JSON, sa_column_kwargs={"server_default": "{}"})


class CaseVendorRow(Row, table=True):
    """A vendor whose canaries were hit in a case; the newest open one takes the vendor's next leak hits."""

    __tablename__ = "case_vendor"
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id", index=True)


class CaseEventRow(Row, table=True):
    """One line of a case's timeline: what happened, when, and by whom."""

    __tablename__ = "case_event"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="leak_case.id", index=True)
    at: datetime = Field(sa_type=Time)
    kind: str
    who: str = "canary"
    text: str = ""


class HitRow(Row, table=True):
    """One mail at one canary, with what it means and why; a probe has no mail."""

    __tablename__ = "hit"
    __table_args__ = (
        UniqueConstraint("mail_id", "canary_id"),
        Index("ix_hit_canary_at", "canary_id", "at"),
        Index("ix_hit_verdict_at", "verdict", "at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    mail_id: int | None = Field(default=None, foreign_key="mail.id", index=True)
    canary_id: int = Field(foreign_key="canary.id")
    at: datetime = Field(sa_type=Time, index=True)
    verdict: str
    confidence: float
    reasons: list[dict[str, str]] = Field(sa_type=JSON)
    case_id: int | None = Field(default=None, foreign_key="leak_case.id", index=True)


class AttemptRow(Row, table=True):
    """Recipients nobody was given, counted by domain, source network, kind and hour."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("domain", "source", "kind", "hour"),)
    id: int | None = Field(default=None, primary_key=True)
    domain: str
    source: str
    kind: str
    hour: datetime = Field(sa_type=Time)
    count: int = 0


class GuessRow(Row, table=True):
    """How many recipients of a domain that nobody was given were tried, by the shape of their local part."""

    __tablename__ = "guess"
    domain: str = Field(primary_key=True)
    shape: str = Field(primary_key=True)
    count: int = 0


class ProbeRow(Row, table=True):
    """A canary that a network asked for on one day without sending mail, how often, and the hit that tells of it."""

    __tablename__ = "probe"
    __table_args__ = (UniqueConstraint("canary_id", "day", "source"),)
    id: int | None = Field(default=None, primary_key=True)
    canary_id: int = Field(foreign_key="canary.id")
    day: datetime = Field(sa_type=Time)
    source: str
    count: int = 0
    hit_id: int = Field(foreign_key="hit.id", index=True)


class OpinionRow(Row, table=True):
    """A mail that rspamd was asked about; `fault` says why it has no opinion."""

    __tablename__ = "opinion"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    at: datetime = Field(sa_type=Time)
    fault: str = ""


class TakenRow(Row, table=True):
    """How far the attempts of each spool have been taken over, so that none is counted twice."""

    __tablename__ = "taken"
    spool: str = Field(primary_key=True)
    upto: int = 0


class OutboxRow(Row, table=True):
    """A fact worth telling, committed together with what made it true; `id` is the idempotency key."""

    __tablename__ = "outbox"
    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Time)
    fact: dict[str, Any] = Field(sa_type=JSON)
    routed: bool = Field(default=False, index=True)
    topic: str = Field(default="", sa_column_kwargs={"server_default": ""})


class DeliveryRow(Row, table=True):
    """One message on its way to one destination: a fact, and those that joined it; `ordinal` counts those of its topic."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("outbox_id", "destination"),
        Index("ix_delivery_state_due_at", "state", "due_at"),
        Index("ix_delivery_destination_state_due_at", "destination", "state", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    outbox_id: str = Field(foreign_key="outbox.id")
    destination: str
    state: str = "waiting"
    tries: int = 0
    due_at: datetime = Field(sa_type=Time)
    sent_at: datetime | None = Field(default=None, sa_type=Time)
    fault: str = ""
    topic: str = Field(default="", sa_column_kwargs={"server_default": ""})
    ordinal: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class LeaseRow(Row, table=True):
    """Who may do a thing that only one process may do at a time."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    until: datetime = Field(sa_type=Time)
