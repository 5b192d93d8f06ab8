"""Whose addresses get mail from others, and what came lately: the overview, vendor by vendor, page by page."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, or_, union
from sqlmodel import Session, col

from canary.canaries import decoys
from canary.model.case import LIKELY, OPEN, SETTLED, CaseState, SuspectKind
from canary.senders.profile import asking_vendors
from canary.store.issued_addresses import count_addresses, count_addresses_of
from canary.store.tables import NEVER, CanaryRow, CaseRow, CaseVendorRow, GuessRow, VendorCountRow, VendorRow
from canary.views.models import CaseCounts, CaseLine, KindCounts, Overview, VendorCounts, VendorLine
from canary.views.time_series import end_of, outside_days, vendor_weeks
from canary.views.view_queries import case_lines, choose, latest_hits, pairs, tally_of

VENDORS = 25
"""Vendors on one page."""

_LIKELIEST: Any = col(CaseRow.suspects)
_ON_OWN_SIDE = func.coalesce(_LIKELIEST[0, "kind"].as_string(), "") == SuspectKind.OWNER.value
_LEAKING_CASE = col(CaseRow.state).in_(OPEN) & (col(CaseRow.leak) > LIKELY) & ~_ON_OWN_SIDE
"""A leak leads, and not on the owner's side, where no vendor is to blame."""

_LIVE_CASE = col(CaseRow.state).in_((*OPEN, CaseState.WATCHED))


def _has(case: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a vendor is part of such a case."""
    member = choose(CaseVendorRow.case_id).join(CaseRow).where(col(CaseVendorRow.vendor_id) == col(VendorRow.id), case)
    return member.exists()


_LEAKING = _has(_LEAKING_CASE)
_HOLDS = choose(CanaryRow.id).where(col(CanaryRow.vendor_id) == col(VendorRow.id)).exists()
_ASKING, _HINTED = col(VendorCountRow.asking) > 0, col(VendorCountRow.hints) > 0
_LOOKED_AT = or_(
    _has(_LIVE_CASE), func.coalesce(VendorCountRow.asking, 0) > 0, func.coalesce(VendorCountRow.hints, 0) > 0
)
SHOWN = ("all", "leaking", "watching", "asking", "quiet", "unused")
"""The filters of the list of vendors: the four states, and those with a question that the owner can answer."""

_WITH_MAIL = ("leaking",)
"""Filters that no vendor passes that never got any mail."""

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
    rows, further = _page(session, view, now)
    guesses = choose(GuessRow.domain, func.sum(col(GuessRow.count))).group_by(col(GuessRow.domain))
    pressure = sorted(((str(d), int(n)) for d, n in pairs(session, guesses)), key=lambda found: (-found[1], found[0]))
    return Overview(
        cases=open_cases(session),
        vendors=_lines(session, rows, vendor_weeks(session, [row.id or 0 for row, _ in rows], end)),
        hits=latest_hits(session),
        days=outside_days(session, end),
        canaries=count_addresses(session) - decoys.count_by_vendor(session).total(),
        attempts=sum(number for _, number in pressure),
        past=_past(session),
        counts=_counts(session, now),
        further=further,
        pressure=tuple(pressure[:5]),
    )


def vendor_list(session: Session, now: datetime, view: View = View()) -> tuple[tuple[VendorLine, ...], str | None]:
    """Read one page of vendors without their weeks, and the key of the next."""
    rows, further = _page(session, view, now)
    return _lines(session, rows, dict.fromkeys(row.id or 0 for row, _ in rows)), further


def open_cases(session: Session) -> tuple[CaseLine, ...]:
    """Read at most 20 open cases, the one with the latest mail first."""
    query = choose(CaseRow).where(col(CaseRow.state).in_(OPEN)).order_by(col(CaseRow.last_hit_at).desc())
    return case_lines(session, query.limit(20))


def state_of(tally: KindCounts, hints: int, *, leaking: bool, live: bool, holds: bool) -> str:
    """Return the state of a vendor.

    It is leaking with an open case in which a leak leads, watched where something is to be looked at, else quiet, or
    unused where it was given no address.
    """
    if leaking:
        return "leaking"
    return "watching" if live or tally.asking or hints else "quiet" if holds else "unused"


def vendor_states(session: Session, vendors: Collection[int]) -> tuple[set[int], set[int]]:
    """Return which of some vendors have an open case in which a leak leads, and which any that is open or watched."""
    member = choose(CaseVendorRow.vendor_id, _LEAKING_CASE).join(CaseRow)
    found = pairs(session, member.where(col(CaseVendorRow.vendor_id).in_(vendors), _LIVE_CASE))
    return {vendor for vendor, leaking in found if leaking}, {vendor for vendor, _ in found}


def _past(session: Session) -> CaseCounts:
    """Count what became of earlier cases; one that was closed counts by its outcome."""
    settled = choose(CaseRow.state, CaseRow.outcome, func.count()).group_by(col(CaseRow.state), col(CaseRow.outcome))
    outcomes = Counter[str]()
    for state, outcome, count in session.execute(settled.where(_SETTLED, col(CaseRow.merged_into).is_(None))):
        outcomes[outcome if state == CaseState.CLOSED and outcome else state] += count
    watched = choose(func.count()).select_from(CaseRow).where(col(CaseRow.state) == CaseState.WATCHED)
    burned = choose(func.count()).select_from(CanaryRow).where(col(CanaryRow.burned_at) > NEVER)
    return CaseCounts(dict(outcomes), *(int(session.execute(query).scalar_one()) for query in (watched, burned)))


_SETTLED = col(CaseRow.state).in_((*SETTLED, CaseState.EXPLAINED))


Rows = list[tuple[VendorRow, VendorCountRow | None]]


def _page(session: Session, view: View, now: datetime) -> tuple[Rows, str | None]:
    by_name = view.sort == "name"
    rows = (_by_name if by_name else _by_outside)(session, view, now)
    if len(rows) <= VENDORS:
        return rows, None
    vendor, tally = rows[VENDORS - 1]
    return rows[:VENDORS], vendor.slug if by_name else _key(vendor, tally)


def _by_name(session: Session, view: View, now: datetime) -> Rows:
    query = choose(VendorRow, VendorCountRow).outerjoin(VendorCountRow).order_by(col(VendorRow.slug))
    query = _narrowed(query.where(col(VendorRow.slug) > view.after), view, now)
    return [(row[0], row[1]) for row in session.execute(query.limit(VENDORS + 1))]


def _by_outside(session: Session, view: View, now: datetime) -> Rows:
    """Read the vendors with the latest outside mail first; those that never got any mail come at the end."""
    rows: Rows = []
    at, number = _read_key(view.after)
    if at is not None:
        last, vendor = col(VendorCountRow.last_outside), col(VendorCountRow.vendor_id)
        query = choose(VendorRow, VendorCountRow).join_from(VendorCountRow, VendorRow)
        query = _narrowed(query.where(or_(last < at, and_(last == at, vendor < number)), last <= at), view, now)
        found = session.execute(query.order_by(last.desc(), vendor.desc()).limit(VENDORS + 1))
        rows, number = [(row[0], row[1]) for row in found], _ENDLESS
    if len(rows) <= VENDORS and view.show not in _WITH_MAIL:
        query = choose(VendorRow).outerjoin(VendorCountRow).where(col(VendorCountRow.vendor_id).is_(None))
        query = _narrowed(query.where(col(VendorRow.id) < number).order_by(col(VendorRow.id).desc()), view, now)
        rows += [(row, None) for row in session.execute(query.limit(VENDORS + 1 - len(rows))).scalars()]
    return rows


def _narrowed(query: Select[Any], view: View, now: datetime) -> Select[Any]:
    shown: Mapping[str, ColumnElement[bool]] = {
        "leaking": _LEAKING,
        "watching": _LOOKED_AT & ~_LEAKING,
        "asking": col(VendorRow.id).in_(asking_vendors(now)),
        "quiet": ~_LOOKED_AT & _HOLDS,
        "unused": ~_LOOKED_AT & ~_HOLDS,
    }
    return query.where(shown[view.show]) if view.show in shown else query


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
    states, issued = vendor_states(session, numbers), count_addresses_of(session, numbers)
    issued.subtract(decoys.count_by_vendor(session))
    return tuple(_line(row, kept, states, issued[row.id or 0], weeks[row.id or 0]) for row, kept in rows)


def _line(
    row: VendorRow, kept: VendorCountRow | None, states: tuple[set[int], set[int]], canaries: int, weeks: Any
) -> VendorLine:
    tally, (leaking, live) = tally_of(kept) if kept else KindCounts(), states
    hints, number = kept.hints if kept else 0, row.id
    state = state_of(tally, hints, leaking=number in leaking, live=number in live, holds=canaries > 0)
    return VendorLine(row.slug, row.name, state, canaries, tally, weeks)


def _counts(session: Session, now: datetime) -> VendorCounts:
    def count(query: Select[Any]) -> int:
        return int(session.execute(query).scalar_one())

    every = count(choose(func.count()).select_from(VendorRow))
    member = choose(func.count(distinct(col(CaseVendorRow.vendor_id)))).join_from(CaseRow, CaseVendorRow)
    leaking = count(member.where(_LEAKING_CASE))
    in_case = choose(CaseVendorRow.vendor_id).join_from(CaseRow, CaseVendorRow).where(_LIVE_CASE)
    looked_at = union(in_case, choose(VendorCountRow.vendor_id).where(or_(_ASKING, _HINTED))).subquery()
    busy = count(choose(func.count()).select_from(looked_at))
    asking = count(choose(func.count()).select_from(asking_vendors(now).subquery()))
    idle = choose(func.count()).select_from(VendorRow).outerjoin(VendorCountRow).where(~_LOOKED_AT, ~_HOLDS)
    unused = count(idle)
    return VendorCounts(every, leaking, busy - leaking, asking, every - busy - unused, unused)
