"""What lists are narrowed by: a vendor, and the days from one to another."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlmodel import col

from canary.store.tables import VendorRow


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A vendor by its slug or name, and the first and the last day, in UTC; what is empty narrows nothing."""

    vendor: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return bool(self.vendor or self.since or self.until)

    @property
    def begins(self) -> datetime | None:
        """The first moment of the days."""
        return _midnight(self.since) if self.since else None

    @property
    def ends(self) -> datetime | None:
        """The moment after the last of the days."""
        return _midnight(self.until + timedelta(days=1)) if self.until and self.until < date.max else None

    def within(self, first: Any, last: Any = None) -> list[ColumnElement[bool]]:
        """Return the conditions on a time, or on the times at which something began and ended."""
        since = [col(first if last is None else last) >= self.begins] if self.begins else []
        return [*since, col(first) < self.ends] if self.ends else since

    def owned(self, vendor: Any) -> list[ColumnElement[bool]]:
        """Return the conditions on a column that holds the numbers of vendors."""
        return [col(vendor).in_(self.vendors())] if self.vendor else []

    def vendors(self) -> Select[Any]:
        """Select the numbers of the vendors."""
        number: Any = VendorRow.id
        return select(number).where(or_(col(VendorRow.slug) == self.vendor, col(VendorRow.name) == self.vendor))


EVERYTHING = ListFilter()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
