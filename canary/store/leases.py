"""Leases: what only one process at a time may do."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from canary.store.tables import LeaseRow


def hold(session: Session, name: str, holder: str, now: datetime, lasting: timedelta) -> bool:
    """Take or extend a lease; return False while another holder has it."""
    row = session.get(LeaseRow, name, with_for_update=True)
    if row is not None and row.holder != holder and row.until > now:
        return False
    if row is None:
        try:
            with session.begin_nested():
                session.add(LeaseRow(name=name, holder=holder, until=now + lasting))
        except IntegrityError:
            return False
        return True
    row.holder, row.until = holder, now + lasting
    return True


def still_held(session: Session, name: str, holder: str, until: datetime) -> bool:
    """Whether a holder has a lease until some time at least, so that it need not be extended."""
    row = session.get(LeaseRow, name)
    return row is not None and row.holder == holder and row.until >= until


def release(session: Session, holder: str) -> None:
    """Give back all leases of a holder."""
    session.execute(delete(LeaseRow).where(col(LeaseRow.holder) == holder))
