"""Problems of the installation itself, and vendors that stopped writing: reported once, and again when they are over."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.alert import Alert, fact_id
from canary.store.queries import outbox
from canary.store.tables import HealthProblemRow, OutboxRow, VendorRow, VendorWeekRow

GRACE = timedelta(minutes=2)
"""A problem that passes sooner is not reported."""

QUIET = timedelta(weeks=5)
USUAL = timedelta(weeks=26)
"""A vendor that wrote in many of these weeks and in none of the last ones has stopped writing."""

WEEKS = 6
_NAMED = 10


def report(session: Session, scope: str, present: Mapping[str, str], now: datetime) -> None:
    """Record the present problems of a machine (`scope`), as sentences by subject; report new ones and those that ended."""
    rows = {row.subject: row for row in _reported(session, f"{scope}:")}
    for name, text in present.items():
        row = rows.pop(f"{scope}:{name}", None) or HealthProblemRow(subject=f"{scope}:{name}", since=now)
        row.text = text
        session.add(row)
        if now - row.since >= GRACE:
            outbox.put(session, _fact("health", row, now, text))
    for row in rows.values():
        if session.get(OutboxRow, _id("health", row)) is not None:
            outbox.put(session, _fact("health-over", row, now, f"That is over: {row.text}"))
        session.delete(row)


def look_for_silence(session: Session, now: datetime) -> None:
    """Report vendors that used to write and have stopped, all new ones in one fact."""
    silent = _silent(session, now)
    told = {row.subject: row for row in _reported(session, "silent:")}
    for subject, row in told.items():
        if subject.removeprefix("silent:") not in silent:
            session.delete(row)
    fresh = {slug: name for slug, name in silent.items() if f"silent:{slug}" not in told}
    session.add_all(HealthProblemRow(subject=f"silent:{slug}", since=now, text=name) for slug, name in fresh.items())
    if fresh:
        names = sorted(fresh.values(), key=str.casefold)
        rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = f"{', '.join(names[:_NAMED])}{rest}: used to write, and nothing came for {QUIET.days // 7} weeks"
        key = fact_id("vendor-silent", now.isoformat(), ",".join(sorted(fresh)))
        outbox.put(session, _plain(key, "vendor-silent", now, text, tuple(sorted(fresh))[:100]))


def _silent(session: Session, now: datetime) -> dict[str, str]:
    since, last = (now - USUAL).date(), func.max(VendorWeekRow.week)
    wrote = col(VendorWeekRow.expected) + col(VendorWeekRow.supplier) > 0
    query = (
        select(VendorRow.slug, VendorRow.name)
        .join(VendorWeekRow, col(VendorWeekRow.vendor_id) == VendorRow.id)
        .where(wrote, col(VendorWeekRow.week) >= since)
        .group_by(col(VendorRow.id), VendorRow.slug, VendorRow.name)
        .having(func.count() >= WEEKS, last < (now - QUIET).date() - timedelta(days=6))
    )
    return dict(session.exec(query).all())


def _reported(session: Session, prefix: str) -> Iterable[HealthProblemRow]:
    return session.exec(
        select(HealthProblemRow).where(col(HealthProblemRow.subject).startswith(prefix, autoescape=True))
    ).all()


def _fact(kind: str, row: HealthProblemRow, now: datetime, text: str) -> Alert:
    return _plain(_id(kind, row), kind, now, text)


def _plain(key: str, kind: str, now: datetime, text: str, vendors: tuple[str, ...] = ()) -> Alert:
    return Alert(id=key, kind=kind, at=now, change=text, vendors=vendors)


def _id(kind: str, row: HealthProblemRow) -> str:
    return fact_id(kind, row.subject, row.since.isoformat())
