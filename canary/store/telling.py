"""The tables of telling: what joined which message, what each destination may be told when, and what is hushed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field

from canary.store.rows import Row, Time


class JoinedRow(Row, table=True):
    """A fact that joined a delivery that was waiting with another one."""

    __tablename__ = "delivery_fact"
    delivery_id: int = Field(primary_key=True, foreign_key="delivery.id")
    outbox_id: str = Field(primary_key=True, foreign_key="outbox.id", index=True)


class DestinationRow(Row, table=True):
    """A destination since it was first seen in the settings; nothing is sent to it before `free_at`."""

    __tablename__ = "alert_destination"
    name: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Time)
    free_at: datetime = Field(sa_type=Time)


class ThreadRow(Row, table=True):
    """One matter at one destination: how many messages it has had, and when the next may go."""

    __tablename__ = "alert_thread"
    destination: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    messages: int = 0
    step: int = 0
    next_at: datetime = Field(sa_type=Time)


class HushRow(Row, table=True):
    """A case or vendor (`case:7`, `vendor:play`) of which nobody is told: for good, or kept back until a time."""

    __tablename__ = "alert_hush"
    subject: str = Field(primary_key=True)
    until: datetime | None = Field(default=None, sa_type=Time)
    who: str = ""
    at: datetime = Field(sa_type=Time)


class WatchRow(Row, table=True):
    """What was told of a case, so that only what changed is told again; `remind_at` ends with an acknowledgement."""

    __tablename__ = "case_watch"
    __table_args__ = (Index("ix_case_watch_remind_at", "remind_at"),)
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    topic: str
    told: dict[str, Any] = Field(default={}, sa_type=JSON)
    remind_at: datetime | None = Field(default=None, sa_type=Time)
    reminders: int = 0
    acknowledged_at: datetime | None = Field(default=None, sa_type=Time)
    acknowledged_by: str = ""
    resolved_at: datetime | None = Field(default=None, sa_type=Time, index=True)


class AilmentRow(Row, table=True):
    """Something that is not as it should be with the installation itself, since when, and for how many looks."""

    __tablename__ = "alert_ailment"
    subject: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Time)
    text: str = ""


class VendorTagRow(Row, table=True):
    """A word that an owner groups vendors by, such as `finance`."""

    __tablename__ = "vendor_tag"
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    tag: str = Field(primary_key=True)
