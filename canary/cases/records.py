"""Rows of cases: opening one, its timeline, its hits."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.case import OPEN, CaseState
from canary.model.verdict import LEAKS
from canary.store.codec import suspects_json
from canary.store.tables import (
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
)

_LEAKS = sorted(verdict.value for verdict in LEAKS)


def open_case_of(session: Session, vendor_id: int) -> CaseRow | None:
    """Return the newest open case that a vendor is part of."""
    return session.exec(
        select(CaseRow)
        .join(CaseVendorRow)
        .where(CaseVendorRow.vendor_id == vendor_id, col(CaseRow.state).in_(OPEN))
        .order_by(col(CaseRow.id).desc())
    ).first()


def open_case(session: Session, vendor_id: int, at: datetime, decision: int = 0) -> CaseRow:
    """Open a case for a vendor; `decision` is the number of the newest decision on cases."""
    case = CaseRow(vendor_id=vendor_id, opened_at=at, last_hit_at=at, decision=decision)
    session.add(case)
    session.flush()
    add_event(session, case, at, "opened", "First mail from somebody else at an address of this vendor.")
    return case


def has_leaks(session: Session, case: CaseRow) -> bool:
    """Whether a case has mail that somebody else sent."""
    query = select(HitRow.id).where(HitRow.case_id == case.id, col(HitRow.verdict).in_(_LEAKS))
    return session.exec(query.limit(1)).first() is not None


def last_hit_at(session: Session, case: CaseRow) -> datetime:
    """Return when the last hit came that a case has, or the last that it had if it has none."""
    found: datetime | None = session.exec(select(func.max(HitRow.at)).where(HitRow.case_id == case.id)).one()
    return found or case.last_hit_at


def close_empty(session: Session, case: CaseRow, at: datetime, who: str, into: int | None = None) -> None:
    """Settle a case without a leak hit: a false positive, or part of the case that has its mail now."""
    case.suspects = suspects_json(())
    session.add(case)
    if case.state in OPEN:
        case.emptied = "" if into else case.state
        case.state, case.outcome = CaseState.CLOSED.value, "" if into else CaseState.FALSE_POSITIVE.value
        case.merged_into = into
        text = f"Its mail belongs to case {into} now." if into else "No mail from anybody else is left in this case."
        add_event(session, case, at, "closed", text, who)


def find_emptied(session: Session, vendor_id: int, hit: int) -> CaseRow | None:
    """Return the case that a hit had opened, and that was closed as no leak was left in it."""
    mine = select(CaseRow).where(CaseRow.vendor_id == vendor_id, CaseRow.opening_hit == hit, CaseRow.emptied != "")
    found = session.exec(
        mine.where(CaseRow.state == CaseState.CLOSED.value, col(CaseRow.merged_into).is_(None))
    ).first()
    return found if found and not has_leaks(session, found) else None


def open_again(session: Session, case: CaseRow, at: datetime, text: str, who: str, decision: int) -> None:
    """Open a case again that was closed as no leak was left in it, in the state that it had."""
    case.state, case.outcome, case.emptied, case.decision = case.emptied, "", "", decision
    session.add(case)
    add_event(session, case, at, "reopened", text, who)


def add_event(session: Session, case: CaseRow, at: datetime, kind: str, text: str, who: str = "canary") -> None:
    """Write a line into the timeline of a case."""
    session.add(CaseEventRow(case_id=case.id or 0, at=at, kind=kind, who=who, text=text))


def list_cases(session: Session) -> list[CaseRow]:
    """Return all cases, newest first."""
    return list(session.exec(select(CaseRow).order_by(col(CaseRow.id).desc())).all())


def hits_of(session: Session, case_ids: Iterable[int]) -> dict[int, int]:
    """Return how many hits each case has."""
    query = (
        select(HitRow.case_id, func.count())
        .where(col(HitRow.case_id).in_(list(case_ids)))
        .group_by(col(HitRow.case_id))
    )
    return {case: count for case, count in session.exec(query).all() if case is not None}


def timeline(session: Session, case_id: int) -> list[CaseEventRow]:
    """Return the timeline of a case, oldest line first."""
    query = select(CaseEventRow).where(CaseEventRow.case_id == case_id)
    return list(session.exec(query.order_by(col(CaseEventRow.at), col(CaseEventRow.id))).all())
