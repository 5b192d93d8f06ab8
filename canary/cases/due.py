"""Which cases are due to be weighed again, because what bears on them changed otherwise than by further mail."""

from datetime import datetime

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from canary.model.case import SETTLED
from canary.store.locks import Lock, lock
from canary.store.tables import CaseRow, CaseVendorRow


def mark_vendor_due(session: Session, vendor_id: int, now: datetime) -> None:
    """Mark the cases of a vendor that people did not settle as due: all that was weighed before is out of date.

    One that is due already keeps the time since when it is.
    """
    lock(session, Lock.CASES)
    session.flush()
    theirs = select(CaseVendorRow.case_id).where(CaseVendorRow.vendor_id == vendor_id)
    session.execute(
        update(CaseRow)
        .where(col(CaseRow.id).in_(theirs), col(CaseRow.state).not_in([state.value for state in SETTLED]))
        .values(evidence=CaseRow.evidence + 1, revised=CaseRow.evidence + 1, due_at=func.coalesce(CaseRow.due_at, now))
        .execution_options(synchronize_session="fetch")
    )
