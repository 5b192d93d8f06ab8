"""Counts of what other tables hold, so that no page has to count a million rows."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Date, Index
from sqlmodel import Field

from canary.store.tables.base import CanaryKey, Row, Time

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of the last outside mail where none ever came, so that lists can continue after it."""

_PLAIN: dict[str, Any] = {"sqlite_with_rowid": False}


class CanaryCountRow(Row, table=True):
    """What one canary received, with its vendor, so that a vendor's canaries are found by when mail came last."""

    __tablename__ = "canary_count"
    __table_args__ = (Index("ix_canary_count_vendor", "vendor_id", "last_at"),)
    canary_id: int = Field(primary_key=True, foreign_key="canary.id", sa_type=CanaryKey)
    vendor_id: int = Field(foreign_key="vendor.id")
    own: int = 0
    outside: int = 0
    asking: int = 0
    hints: int = 0
    other: int = 0
    first_outside: datetime | None = Field(default=None, sa_type=Time)
    last_outside: datetime = Field(default=NEVER, sa_type=Time)
    last_at: datetime = Field(sa_type=Time)


class VendorCountRow(Row, table=True):
    """What all canaries of one vendor received; `outsiders` is how many parties are counted in `vendor_outsider`."""

    __tablename__ = "vendor_count"
    __table_args__ = (
        Index("ix_vendor_count_last_outside", "last_outside", "vendor_id"),
        Index("ix_vendor_count_outsiders", "outsiders"),
        Index("ix_vendor_count_asking", "asking", "vendor_id"),
    )
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    own: int = 0
    outside: int = 0
    asking: int = 0
    hints: int = 0
    other: int = 0
    outsiders: int = 0
    first_outside: datetime | None = Field(default=None, sa_type=Time)
    last_outside: datetime = Field(default=NEVER, sa_type=Time)
    last_at: datetime = Field(sa_type=Time)


class VendorWeekRow(Row, table=True):
    """What a vendor received in the week that began on a Monday, by the layers of the charts."""

    __tablename__ = "vendor_week"
    __table_args__ = _PLAIN
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    week: date = Field(primary_key=True, sa_type=Date)
    expected: int = 0
    supplier: int = 0
    third_party: int = 0
    spam: int = 0
    other: int = 0


class DayCountRow(Row, table=True):
    """How many hits of one verdict came on a day, to all canaries and decoys."""

    __tablename__ = "day_count"
    __table_args__ = _PLAIN
    day: date = Field(primary_key=True, sa_type=Date)
    verdict: str = Field(primary_key=True)
    count: int = 0


class VendorOutsiderRow(Row, table=True):
    """A party that was proven to write to a vendor's canaries without being given them; the empty name: all others."""

    __tablename__ = "vendor_outsider"
    __table_args__ = (Index("ix_vendor_outsider_last", "vendor_id", "last_at"), _PLAIN)
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    domain: str = Field(primary_key=True)
    count: int = 0
    last_at: datetime = Field(sa_type=Time)


class CampaignHitRow(Row, table=True):
    """One campaign at one canary within one case: how many hits, and how many of them are leaks; 0 means none."""

    __tablename__ = "campaign_hit"
    __table_args__ = (Index("ix_campaign_hit_case", "case_id", "campaign_id", "canary_id"), _PLAIN)
    campaign_id: int = Field(primary_key=True)
    canary_id: int = Field(primary_key=True, foreign_key="canary.id", sa_type=CanaryKey)
    case_id: int = Field(primary_key=True)
    hits: int = 0
    leaks: int = 0
