"""Who is leaking, and what came lately: the overview, vendor by vendor, page by page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, or_
from sqlmodel import Session, col

from canary.canaries import decoys
from canary.model.case import OPEN
from canary.store.tables import NEVER, CanaryRow, CaseRow, CaseVendorRow, GuessRow, VendorCountRow, VendorRow
from canary.views.models import CaseLine, KindCounts, Overview, VendorCounts, VendorLine
from canary.views.time_series import end_of, outside_days, vendor_weeks
from canary.views.view_queries import case_lines, choose, latest_hits, pairs, tally_of

VENDORS = 25
"""Vendors on one page."""

_OPEN_CASE = (
    choose(CaseVendorRow.case_id)
    .join(CaseRow)
    .where(col(CaseVendorRow.vendor_id) == col(VendorRow.id), col(CaseRow.state).in_(OPEN))
    .exists()
)
_OUTSIDE = col(VendorCountRow.last_outside) > NEVER
_ASKING = col(VendorCountRow.asking) > 0
SHOWN: Mapping[str, ColumnElement[bool] | None] = {
    "all": None,
    "leaking": _OPEN_CASE,
    "asking": _ASKING,
    "quiet": ~_OUTSIDE & ~_ASKING,
}
"""The filters of the list of vendors."""

SORTED = ("outside", "name")
"""What vendors can be sorted by: the last outside mail, or the slug."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown: a word of `SHOWN`, one of `SORTED`, and the key after which the page begins.

    Any other word counts as the first of each.
    """

    show: str = "all"
    sort: str = "outside"
    after: str = ""


def overview(session: Session, now: datetime, view: View = View()) -> Overview:
    """Read the overview: at most 20 open cases, one page of vendors and 12 hits."""
    end = end_of(session, now)
    rows, further = _page(session, view)
    guesses = choose(GuessRow.domain, func.sum(col(GuessRow.count))).group_by(col(GuessRow.domain))
    pressure = sorted(((str(d), int(n)) for d, n in pairs(session, guesses)), key=lambda found: (-found[1], found[0]))
    return Overview(
        cases=open_cases(session),
        vendors=_lines(session, rows, vendor_weeks(session, [row.id or 0 for row, _ in rows], end)),
        hits=latest_hits(session),
        days=outside_days(session, end),
        canaries=int(session.execute(choose(func.count()).select_from(CanaryRow)).scalar_one())
        - decoys.count_by_vendor(session).total(),
        attempts=sum(number for _, number in pressure),
        counts=_counts(session),
        further=further,
        pressure=tuple(pressure[:5]),
    )


def open_cases(session: Session) -> tuple[CaseLine, ...]:
    """Read at most 20 open cases, the one with the latest mail first."""
    query = choose(CaseRow).where(col(CaseRow.state).in_(OPEN)).order_by(col(CaseRow.last_hit_at).desc())
    return case_lines(session, query.limit(20))


def state_of(leaking: bool, tally: KindCounts, hints: int) -> str:
    """Return the state of a vendor: with an open case, with settled outside mail, with something to look at, or quiet."""
    if leaking or tally.outside:
        return "leaking" if leaking else "burned"
    return "watching" if tally.asking or hints else "quiet"


def leaking(session: Session, vendors: Collection[int]) -> set[int]:
    """Return which of some vendors are part of an open case."""
    member = choose(CaseVendorRow.vendor_id).join(CaseRow).where(col(CaseVendorRow.vendor_id).in_(vendors))
    return set(session.execute(member.where(col(CaseRow.state).in_(OPEN))).scalars())


Rows = list[tuple[VendorRow, VendorCountRow | None]]


def _page(session: Session, view: View) -> tuple[Rows, str | None]:
    by_name = view.sort == "name"
    rows = (_by_name if by_name else _by_outside)(session, SHOWN.get(view.show), view.after)
    if len(rows) <= VENDORS:
        return rows, None
    vendor, tally = rows[VENDORS - 1]
    return rows[:VENDORS], vendor.slug if by_name else _key(vendor, tally)


def _by_name(session: Session, shown: ColumnElement[bool] | None, after: str) -> Rows:
    query = choose(VendorRow, VendorCountRow).outerjoin(VendorCountRow).order_by(col(VendorRow.slug))
    query = _narrowed(query.where(col(VendorRow.slug) > after), shown, missing=True)
    return [(row[0], row[1]) for row in session.execute(query.limit(VENDORS + 1))]


def _by_outside(session: Session, shown: ColumnElement[bool] | None, after: str) -> Rows:
    """Read the vendors with the latest outside mail first; those that never got any mail come at the end."""
    rows: Rows = []
    at, number = _read_key(after)
    if at is not None:
        last, vendor = col(VendorCountRow.last_outside), col(VendorCountRow.vendor_id)
        query = choose(VendorRow, VendorCountRow).join_from(VendorCountRow, VendorRow)
        query = _narrowed(query.where(or_(last < at, and_(last == at, vendor < number)), last <= at), shown)
        found = session.execute(query.order_by(last.desc(), vendor.desc()).limit(VENDORS + 1))
        rows, number = [(row[0], row[1]) for row in found], _ENDLESS
    if len(rows) <= VENDORS and shown is not _OPEN_CASE and shown is not _ASKING:
        known = choose(VendorCountRow.vendor_id).where(col(VendorCountRow.vendor_id) == VendorRow.id).exists()
        query = choose(VendorRow).where(~known, col(VendorRow.id) < number).order_by(col(VendorRow.id).desc())
        rows += [(row, None) for row in session.execute(query.limit(VENDORS + 1 - len(rows))).scalars()]
    return rows


def _narrowed(query: Select[Any], shown: ColumnElement[bool] | None, *, missing: bool = False) -> Select[Any]:
    if shown is None:
        return query
    if missing and shown is not _OPEN_CASE and shown is not _ASKING:
        return query.where(or_(shown, col(VendorCountRow.vendor_id).is_(None)))
    return query.where(shown)


_ENDLESS = 2**31 - 1  # above every number that PostgreSQL gives to a row


def _key(vendor: VendorRow, tally: VendorCountRow | None) -> str:
    return f"{tally.last_outside.timestamp() if tally else ''}:{vendor.id}"


def _read_key(after: str) -> tuple[datetime | None, int]:
    """Return the time and number after which a page begins; no time where only vendors without mail are left."""
    at, _, number = after.partition(":")
    try:
        return datetime.fromtimestamp(float(at), UTC) if at else None, max(0, min(int(number), _ENDLESS))
    except (ValueError, OverflowError, OSError):
        return datetime(9999, 1, 1, tzinfo=UTC), _ENDLESS


def _lines(session: Session, rows: Rows, weeks: Mapping[int, Any]) -> tuple[VendorLine, ...]:
    numbers = [row.id or 0 for row, _ in rows]
    owner, at = col(CanaryRow.vendor_id), leaking(session, numbers)
    addresses = dict(pairs(session, choose(owner, func.count()).where(owner.in_(numbers)).group_by(owner)))
    hidden = decoys.count_by_vendor(session)
    return tuple(
        VendorLine(
            row.slug, row.name, state_of(row.id in at, tally_of(tally) if tally else KindCounts(), tally.hints if tally else 0),
            addresses.get(row.id, 0) - hidden[row.id or 0], tally_of(tally) if tally else KindCounts(), weeks[row.id or 0],
        )
        for row, tally in rows
    )  # fmt: skip


def _counts(session: Session) -> VendorCounts:
    def count(query: Select[Any]) -> int:
        return int(session.execute(query).scalar_one())

    tallied = choose(func.count()).select_from(VendorCountRow)
    every = count(choose(func.count()).select_from(VendorRow))
    member = choose(func.count(distinct(col(CaseVendorRow.vendor_id)))).join_from(CaseRow, CaseVendorRow)
    asking, only_asking = count(tallied.where(_ASKING)), count(tallied.where(_ASKING, ~_OUTSIDE))
    return VendorCounts(
        every, count(member.where(col(CaseRow.state).in_(OPEN))), asking,
        every - count(tallied.where(_OUTSIDE)) - only_asking,
    )  # fmt: skip
