"""Which cases are due to be weighed: marked by whatever changes their evidence, in the same transaction.

Callers hold `Lock.CASES`.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from canary.model.case import OPEN, UNDECIDED
from canary.store.tables import CaseRow, CaseVendorRow

IN_PLAY = tuple(dict.fromkeys((*UNDECIDED, *OPEN)))
"""The states in which a case is weighed."""


def in_play() -> ColumnElement[bool]:
    """Select the cases that are weighed: not settled by a person, not part of another, not without any mail."""
    mine = col(CaseRow.state).in_(IN_PLAY)
    return mine & col(CaseRow.merged_into).is_(None) & (col(CaseRow.emptied) == "")


def add_evidence(case: CaseRow, at: datetime) -> None:
    """Mark a case as due since further mail came to it."""
    case.evidence += 1
    case.due_at = case.due_at or at


def mark_due(session: Session, numbers: Collection[int], at: datetime) -> None:
    """Mark cases as due whose evidence changed otherwise than by further mail: what is under way is weighed again."""
    session.flush()
    for case in session.exec(select(CaseRow).where(col(CaseRow.id).in_(numbers))):
        add_evidence(case, at)
        case.revised = case.evidence


def cases_of_vendor(session: Session, vendor_id: int) -> list[int]:
    """Return the cases of a vendor that are weighed."""
    its = select(CaseVendorRow.case_id).where(CaseVendorRow.vendor_id == vendor_id)
    return [number for number in session.exec(select(CaseRow.id).where(col(CaseRow.id).in_(its), in_play())) if number]


def due_cases(session: Session, most: int) -> list[int]:
    """Return the cases that are due, those that have waited longest first."""
    query = select(CaseRow.id).where(col(CaseRow.due_at).is_not(None)).order_by(col(CaseRow.due_at), col(CaseRow.id))
    return [number for number in session.exec(query.limit(most)) if number]


def count_due(session: Session) -> int:
    """Count the cases that are due."""
    return session.exec(select(func.count()).where(col(CaseRow.due_at).is_not(None))).one()
