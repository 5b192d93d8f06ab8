"""Alerts: facts for destinations, and what must not be sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class OutboxRow(Row, table=True):
    """A fact worth an alert, committed together with what made it true; `id` is the idempotency key."""

    __tablename__ = "outbox"
    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Time)
    fact: dict[str, Any] = Field(sa_type=JSON)
    routed: bool = Field(default=False, index=True)
    topic: str = Field(default="")


class DeliveryRow(Row, table=True):
    """One message to one destination: a fact, and those that joined it; `ordinal` counts the messages of its topic."""

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
    topic: str = Field(default="")
    ordinal: int = Field(default=0)


class DeliveryFactRow(Row, table=True):
    """A fact that joined a waiting delivery of another one."""

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
    """One topic at one destination: how many messages it has had, and when the next may go."""

    __tablename__ = "alert_thread"
    destination: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    messages: int = 0
    step: int = 0
    next_at: datetime = Field(sa_type=Time)


class MuteRow(Row, table=True):
    """A case or vendor (`case:7`, `vendor:play`) without alerts: for good, or held until a time."""

    __tablename__ = "alert_mute"
    subject: str = Field(primary_key=True)
    until: datetime | None = Field(default=None, sa_type=Time)
    who: str = ""
    at: datetime = Field(sa_type=Time)


class HealthProblemRow(Row, table=True):
    """A problem of the installation itself, since when, and at how many checks it was there."""

    __tablename__ = "health_problem"
    subject: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Time)
    text: str = ""
