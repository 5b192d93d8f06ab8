"""Canaries, and the attempts at addresses that were never issued."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    LargeBinary,
    UniqueConstraint,
    event,
    inspect,
    text,
    update,
)
from sqlalchemy.orm import Mapper
from sqlmodel import Field

from canary.store.tables.base import CanaryKey, Row, Time, metadata, random_canary_id, random_mac


class CanaryRow(Row, table=True):
    """One address, in lower case, issued to a vendor, or a decoy: only the key of the decoys can tell which.

    `mac` is drawn at random for an issued address and made with the key for a decoy (`canary.store.decoy_mac`). `id` is
    drawn at random as well, and so does not show when a row was written; the order of issue is that of `issued_at`. A row
    is never deleted, and what it says hardly ever changes: that it did is counted (`CanaryChangeRow`). `published` is the
    owner's word on whether it is shown in public, None where its vendor's `publishes` holds. One that is `undated` was
    given away at some time before `issued_at`. A `tentative` one was made by a program and is confirmed by nobody yet;
    `hidden` says why an address is out of the lists, since `hidden_at`; `note` is what a program said of it. No decoy is
    tentative.
    """

    __tablename__ = "canary"
    __table_args__ = (
        Index("ix_canary_issued_at", "issued_at", "id"),
        Index("ix_canary_domain", "domain", "id"),
        Index(
            "ix_canary_published",
            "id",
            sqlite_where=text("published IS NOT NULL"),
            postgresql_where=text("published IS NOT NULL"),
        ),
        Index("ix_canary_vendor_channel", "vendor_id", "channel", "generation", "issued_at", "id"),
        Index("ix_canary_vendor_issued", "vendor_id", "issued_at"),
        Index(
            "ix_canary_tentative",
            "issued_at",
            "id",
            sqlite_where=text("tentative = 1"),
            postgresql_where=text("tentative"),
        ),
        Index(
            "ix_canary_hidden",
            "issued_at",
            "id",
            sqlite_where=text("hidden_at IS NOT NULL"),
            postgresql_where=text("hidden_at IS NOT NULL"),
        ),
    )
    id: int | None = Field(
        default=None, sa_column=Column(CanaryKey, primary_key=True, autoincrement=False, default=random_canary_id)
    )
    address: str = Field(unique=True)
    domain: str
    vendor_id: int = Field(foreign_key="vendor.id")
    channel: str = "signup"
    generation: int = 1
    style: str
    bits: float
    state: str = "active"
    published: bool | None = None
    persona: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    issued_at: datetime = Field(sa_type=Time)
    undated: bool = False
    rotated_at: datetime | None = Field(default=None, sa_type=Time)
    burned_at: datetime | None = Field(default=None, sa_type=Time, index=True)
    burned_by_owner: bool = Field(default=False)
    tentative: bool = Field(default=False)
    hidden: str = ""
    hidden_at: datetime | None = Field(default=None, sa_type=Time)
    note: str = ""
    mac: bytes = Field(default_factory=random_mac, sa_column=Column(LargeBinary, nullable=False))


class CanaryChangeRow(Row, table=True):
    """How often something about a canary changed that `canary.store.canary_groups` counts by; one row."""

    __tablename__ = "canary_change"
    id: int | None = Field(default=None, primary_key=True)
    number: int = 0


_COUNTED_BY = ("vendor_id", "channel", "domain", "bits", "persona", "issued_at", "undated", "mac", "tentative")


@event.listens_for(CanaryRow, "before_update")
def _count_change(_: "Mapper[CanaryRow]", connection: Connection, row: CanaryRow) -> None:
    state = inspect(row)
    if any(state.attrs[name].history.has_changes() for name in _COUNTED_BY):
        count_canary_change(connection)


def count_canary_change(connection: Connection) -> None:
    """Count that what rows say of canaries changed, so that groups of them are read again."""
    counter = metadata.tables["canary_change"]
    if not connection.execute(update(counter).values(number=counter.c.number + 1)).rowcount:
        connection.execute(counter.insert().values(number=1))


class KeyFingerprintRow(Row, table=True):
    """The fingerprint of a key that is kept elsewhere; it does not give the key away."""

    __tablename__ = "key_fingerprint"
    name: str = Field(primary_key=True)
    fingerprint: str


class AttemptRow(Row, table=True):
    """Recipients that were never issued, counted by domain, source network, kind and hour."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("domain", "source", "kind", "hour"),)
    id: int | None = Field(default=None, primary_key=True)
    domain: str
    source: str
    kind: str
    hour: datetime = Field(sa_type=Time)
    count: int = 0


class GuessRow(Row, table=True):
    """How many never-issued recipients of a domain were tried, by the shape of their local part."""

    __tablename__ = "guess"
    domain: str = Field(primary_key=True)
    shape: str = Field(primary_key=True)
    count: int = 0


class ProbeRow(Row, table=True):
    """A canary that a network probed on one day without sending mail, how often, and the hit of it."""

    __tablename__ = "probe"
    __table_args__ = (UniqueConstraint("canary_id", "day", "source"),)
    id: int | None = Field(default=None, primary_key=True)
    canary_id: int = Field(foreign_key="canary.id", sa_type=CanaryKey)
    day: datetime = Field(sa_type=Time)
    source: str
    count: int = 0
    hit_id: int = Field(foreign_key="hit.id", index=True)
