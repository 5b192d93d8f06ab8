"""Weeks and days of mail as charts show them, from the counters."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col

from canary.model.verdict import LEAKS, SERIES
from canary.store.tables import DayCountRow, HitRow, VendorWeekRow
from canary.views.models import Weeks
from canary.views.view_queries import choose, pairs

WEEK = timedelta(weeks=1)
_Counts = tuple[date, tuple[int, ...]]


def end_of(session: Session, now: datetime) -> date:
    """Return the day at which charts end: today, or in a world that ended long ago its last day."""
    newest = session.execute(choose(func.max(col(HitRow.at)))).scalar()
    return (newest if newest and now - newest > 4 * WEEK else now).date()


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def vendor_weeks(session: Session, vendors: Collection[int], end: date, weeks: int = 52) -> dict[int, Weeks]:
    """Return the last weeks of some vendors; of one that got nothing, all are empty."""
    first = monday(end) - (weeks - 1) * WEEK
    found: dict[int, list[_Counts]] = {vendor: [] for vendor in vendors}
    for vendor, counts in _kept(session, vendors, first):
        found[vendor].append(counts)
    return {vendor: _laid_out(kept, first, weeks) for vendor, kept in found.items()}


def vendor_timeline(session: Session, vendor: int, end: date, longest: int = 156) -> Weeks | None:
    """Return a vendor's weeks from the first in which it got mail, at least the last twelve; None if it got none."""
    start = monday(end) - (longest - 1) * WEEK
    kept = [counts for _, counts in _kept(session, [vendor], start)]
    if not kept:
        return None
    first = min(kept[0][0], monday(end) - 11 * WEEK)
    return _laid_out(kept, first, (end - first).days // 7 + 1)


def outside_days(session: Session, end: date) -> tuple[tuple[date, int], ...]:
    """Count outside mail by day over a year of whole weeks."""
    first = monday(end) - 52 * WEEK
    day = col(DayCountRow.day)
    query = choose(DayCountRow.day, func.sum(col(DayCountRow.count))).where(day >= first)
    counts = dict(pairs(session, query.where(col(DayCountRow.verdict).in_(LEAKS)).group_by(day)))
    days = (first + timedelta(days=n) for n in range((end - first).days + 1))
    return tuple((when, int(counts.get(when, 0))) for when in days)


def _kept(session: Session, vendors: Collection[int], first: date) -> list[tuple[int, _Counts]]:
    row = VendorWeekRow
    query = (
        choose(row.vendor_id, row.week, row.expected, row.supplier, row.third_party, row.spam, row.other)
        .where(col(row.vendor_id).in_(vendors), col(row.week) >= first)
        .order_by(col(row.vendor_id), col(row.week))
    )
    return [(vendor, (week, tuple(counts))) for vendor, week, *counts in session.execute(query)]


def _laid_out(kept: Sequence[_Counts], first: date, weeks: int) -> Weeks:
    rows = [[0] * weeks for _ in SERIES]
    for week, counts in kept:
        at = (week - first).days // 7
        if at < weeks:  # a mail may be dated later than now
            for row, number in zip(rows, counts, strict=True):
                row[at] = number
    return Weeks(first, dict(zip(SERIES, map(tuple, rows), strict=True)))
