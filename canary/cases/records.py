"""Rows of cases: opening one, its timeline, its hits."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.case import SETTLED, CaseState
from canary.store.tables import (
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
)

OPEN = tuple(state for state in CaseState if state not in SETTLED)


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
