"""Leases: what only one process at a time may do."""

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from canary.store.tables import LeaseRow


def hold(session: Session, name: str, holder: str, now: datetime, lasting: timedelta) -> bool:
    """Take or extend a lease; False while somebody else holds it."""
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
