"""Canaries, and the attempts at addresses that were never issued."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from canary.store.tables.base import Row, Time, random_seal


class CanaryRow(Row, table=True):
    """One address, in lower case, issued to a vendor or never to anybody: only the key of the decoys tells which.

    `seal` is drawn at random for an issued address and made with the key for a decoy (`canary.store.decoy_mac`). Decoys of
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
    burned_by_owner: bool = Field(default=False)
    seal: bytes = Field(default_factory=random_seal, sa_column=Column(LargeBinary, nullable=False))


class KeyMarkRow(Row, table=True):
    """By what a key that is kept elsewhere is known again; it does not tell the key."""

    __tablename__ = "key_mark"
    name: str = Field(primary_key=True)
    mark: str


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
