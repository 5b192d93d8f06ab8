"""Vendors with their domains, senders and tags, and the suppliers they pass addresses to."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class VendorRow(Row, table=True):
    """A party the owner gave an address to; `decisions` counts what the owner decided about it.

    One that `publishes` shows the addresses it was given in public, unless the owner said otherwise of an address.
    One that is `unconfirmed` was named by a program, and none of its addresses is confirmed.
    """

    __tablename__ = "vendor"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    created_at: datetime = Field(sa_type=Time)
    contract_ends: datetime | None = Field(default=None, sa_type=Time)
    erasure_requested: datetime | None = Field(default=None, sa_type=Time)
    unsubscribed: datetime | None = Field(default=None, sa_type=Time)
    grace_days: int | None = None
    publishes: bool = False
    unconfirmed: bool = Field(default=False)
    decisions: int = Field(default=0)


class FormerSlugRow(Row, table=True):
    """The short name of a vendor that was merged into another one, which is found by it since."""

    __tablename__ = "former_slug"
    slug: str = Field(primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id", index=True)


class VendorDomainRow(Row, table=True):
    """A domain a vendor is known to send from; `origin` says whether it was declared or learned."""

    __tablename__ = "vendor_domain"
    __table_args__ = (UniqueConstraint("vendor_id", "domain"),)
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    domain: str = Field(index=True)
    origin: str = "declared"
    created_at: datetime = Field(sa_type=Time)


class VendorBrandRow(Row, table=True):
    """Another name that a vendor writes under."""

    __tablename__ = "vendor_brand"
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    name: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=Time)


class SupplierRow(Row, table=True):
    """A party that vendors pass addresses on to."""

    __tablename__ = "supplier"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    created_at: datetime = Field(sa_type=Time)


class FormerSupplierRow(Row, table=True):
    """The short name of a supplier that was merged into another one: it is found by it since, and past mail shows it."""

    __tablename__ = "former_supplier"
    slug: str = Field(primary_key=True)
    supplier_id: int = Field(foreign_key="supplier.id", index=True)


class SupplierDomainRow(Row, table=True):
    """A domain that the owner said is a supplier's, so that a signature or SPF of it proves that supplier."""

    __tablename__ = "supplier_domain"
    domain: str = Field(primary_key=True)
    supplier_id: int = Field(foreign_key="supplier.id", index=True)
    created_at: datetime = Field(sa_type=Time)


class SupplierLinkRow(Row, table=True):
    """A vendor passes the addresses of a channel (empty: every channel) to a supplier, from and until a time."""

    __tablename__ = "supplier_link"
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
    """An identity that sends for a vendor, or may; `mail_id` is its first mail, `question` the group it is asked in.

    `before` is its state when the owner first decided about it, `unseen` where it had none, empty without a decision
    that can be taken back.
    """

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
    before: str = ""
    mail_id: int | None = Field(default=None, foreign_key="mail.id")
    question: str = Field(default="", index=True)
    plausibility: float = 0.0


class RejudgeJobRow(Row, table=True):
    """Past mail that a decision concerns and that is too much to be judged again at once; an empty `key` is all of a vendor's.

    Hits up to `upto` are done, those after `last` came after the decision; of `count` hits `done` are done.
    """

    __tablename__ = "rejudge_job"
    __table_args__ = (UniqueConstraint("vendor_id", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id")
    key: str = ""
    text: str
    who: str
    at: datetime = Field(sa_type=Time)
    upto: int = 0
    last: int = 0
    count: int = 0
    done: int = 0


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


class VendorTagRow(Row, table=True):
    """A word that an owner groups vendors by, such as `finance`."""

    __tablename__ = "vendor_tag"
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    tag: str = Field(primary_key=True)
