"""Records: the timeline of each vendor, and who decided what."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from canary.store.tables import AuditRow, VendorEventRow

CLIENT = "client"
"""The name under which a session has the address from which its changes were requested."""


def note(session: Session, vendor_id: int, at: datetime, kind: str, text: str, who: str = "canary") -> VendorEventRow:
    """Write a line into the timeline of a vendor; return it."""
    row = VendorEventRow(vendor_id=vendor_id, at=at, kind=kind, who=who[:100], text=text[:1000])
    session.add(row)
    return row


def noted_since(session: Session, vendor_id: int, kind: str, since: datetime) -> bool:
    """Whether a vendor's timeline has a line of some kind since a time."""
    query = select(VendorEventRow.id).where(VendorEventRow.vendor_id == vendor_id, VendorEventRow.at >= since)
    return session.exec(query.where(VendorEventRow.kind == kind).limit(1)).first() is not None


def timeline(session: Session, vendor_id: int, limit: int = 100) -> list[VendorEventRow]:
    """Return the timeline of a vendor, newest line first."""
    query = select(VendorEventRow).where(VendorEventRow.vendor_id == vendor_id)
    return list(session.exec(query.order_by(col(VendorEventRow.at).desc(), col(VendorEventRow.id).desc()).limit(limit)))


def audit(session: Session, at: datetime, who: str, action: str, subject: str, text: str) -> None:
    """Record who decided what about what, and what it changed; the client is taken from the session."""
    client = str(session.info.get(CLIENT, ""))
    session.add(
        AuditRow(at=at, who=who[:100], action=action, subject=subject[:300], text=text[:1000], client=client[:64])
    )


def audited(
    session: Session, limit: int = 100, *, before: int | None = None, who: str = "", action: str = "",
    only: Sequence[ColumnElement[bool]] = (),
) -> list[AuditRow]:  # fmt: skip
    """Return the newest decisions, or those before one; only of a user, an action or a time, if these are given; `only` are further conditions."""
    query = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(AuditRow.id) < before)
    wanted = ((AuditRow.who, who), (AuditRow.action, action))
    return list(session.exec(query.where(*only, *(column == value for column, value in wanted if value))))
