"""All cases, open ones first, and what is watched: page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_
from sqlmodel import Session, col

from canary.attribute.summary import what_would_settle
from canary.model.case import OPEN, SETTLED, CaseState, Observation
from canary.store.tables import CaseRow, CaseVendorRow
from canary.views.list_filter import EVERYTHING, ListFilter
from canary.views.models import CaseLine
from canary.views.view_queries import PAGE, case_lines, choose

_STATE = col(CaseRow.state)
SHOWN: dict[str, tuple[CaseState, ...]] = {
    "all": tuple(state for state in CaseState if state is not CaseState.WATCHED),
    "open": OPEN,
    "settled": SETTLED,
    "explained": (CaseState.EXPLAINED,),
}
"""The filters of the list of cases, by the states they let through; what is watched is no case."""

_FAR = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases: a word of `SHOWN` (any other is the first), and as in any list, by the time at which they opened."""

    show: str = "all"
    among: ListFilter = EVERYTHING

    @property
    def states(self) -> tuple[CaseState, ...]:
        """The states that it lets through."""
        return SHOWN.get(self.show, SHOWN["all"])


@dataclass(frozen=True, slots=True)
class WatchLine:
    """What may become a case: what speaks for and against its first suspect, and what would settle it."""

    case: CaseLine
    speaks_for: tuple[Observation, ...]
    speaks_against: tuple[Observation, ...]
    settling: tuple[str, ...]


def case_list(session: Session, wanted: CaseFilter, after: str = "") -> tuple[tuple[CaseLine, ...], str | None]:
    """Read cases after a key, the open ones first, then the others, each kind newest first; and the key of the next page."""
    rank, number = _read_key(after)
    found: list[int] = []
    for at, states in enumerate((OPEN, tuple(state for state in CaseState if state not in OPEN))):
        chosen = [state for state in states if state in wanted.states]
        if at >= rank and chosen and len(found) <= PAGE:
            below = number if at == rank else _FAR
            query = _narrowed(choose(CaseRow.id), wanted.among).where(_STATE.in_(chosen), col(CaseRow.id) < below)
            newest = query.order_by(col(CaseRow.id).desc()).limit(PAGE + 1 - len(found))
            found += session.execute(newest).scalars()
    lines = {line.id: line for line in case_lines(session, choose(CaseRow).where(col(CaseRow.id).in_(found[:PAGE])))}
    shown = tuple(lines[number] for number in found[:PAGE])
    return shown, f"{0 if shown[-1].open else 1}:{shown[-1].id}" if len(found) > PAGE else None


def case_counts(session: Session, among: ListFilter = EVERYTHING) -> dict[str, int]:
    """Return how many cases each word of `SHOWN` lets through."""
    query = _narrowed(choose(CaseRow.state, func.count(col(CaseRow.id))), among).group_by(_STATE)
    counts = {state: int(count) for state, count in session.execute(query)}
    return {name: sum(counts.get(state, 0) for state in states) for name, states in SHOWN.items()}


def watch_list(
    session: Session, after: str = "", among: ListFilter = EVERYTHING
) -> tuple[tuple[WatchLine, ...], str | None]:
    """Read what is watched after a key, the likeliest first; and the key of the next page."""
    leak, number = col(CaseRow.leak), col(CaseRow.id)
    query = _narrowed(choose(number, leak), among).where(_STATE == CaseState.WATCHED, *_after_watched(after))
    found = session.execute(query.order_by(leak.desc(), number.desc()).limit(PAGE + 1)).all()
    shown = [row[0] for row in found[:PAGE]]
    lines = {line.id: line for line in case_lines(session, choose(CaseRow).where(number.in_(shown)))}
    key = f"{found[PAGE - 1][1]!r}:{shown[-1]}" if len(found) > PAGE else None
    return tuple(_watch_line(lines[each]) for each in shown), key


def every_watched(session: Session) -> Iterator[tuple[CaseRow, WatchLine]]:
    """Read all that is watched, the likeliest first."""
    after: str | None = ""
    while after is not None:
        lines, after = watch_list(session, after)
        yield from ((session.get_one(CaseRow, line.case.id), line) for line in lines)


def _watch_line(case: CaseLine) -> WatchLine:
    """Return one line of what is watched."""
    why = next(iter(case.findings.explanations), None)
    settling = what_would_settle(case.suspects, case.findings)
    return WatchLine(case, why.speaks_for if why else (), why.speaks_against if why else (), settling)


def _narrowed(query: Select[Any], among: ListFilter) -> Select[Any]:
    query = query.where(*among.within(CaseRow.opened_at))
    if not among.vendor:
        return query
    members = choose(CaseVendorRow.case_id).where(*among.owned(CaseVendorRow.vendor_id))
    return query.where(col(CaseRow.id).in_(members))


def _read_key(after: str) -> tuple[int, int]:
    rank, _, number = after.partition(":")
    return (int(rank), int(number)) if rank in ("0", "1") and number.isdigit() and len(number) < 10 else (0, _FAR)


def _after_watched(after: str) -> Sequence[ColumnElement[bool]]:
    at, _, number = after.partition(":")
    try:
        leak, last = float(at), int(number)
    except ValueError:
        return ()
    column = col(CaseRow.leak)
    return (or_(column < leak, and_(column == leak, col(CaseRow.id) < min(max(last, 0), _FAR))),)
