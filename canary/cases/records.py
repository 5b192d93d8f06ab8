"""Cases: opened by the first leak hit of a vendor, joined by what belongs to them."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from canary.cases.suspect_history import record_suspects
from canary.model.case import SETTLED, CaseState
from canary.model.verdict import LEAKS
from canary.store.tables import (
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    SupplyRow,
)

if TYPE_CHECKING:
    from canary.attribute.assess import Assessment

OPEN = tuple(state for state in CaseState if state not in SETTLED)


_IS_HIT = (
    select(HitRow.id)
    .where(HitRow.case_id == bindparam("case"), HitRow.canary_id == bindparam("canary"))
    .where(col(HitRow.verdict).in_([verdict.value for verdict in LEAKS]))
    .limit(1)
)


def open_case_of(session: Session, vendor_id: int) -> CaseRow | None:
    """Return the newest open case that a vendor is part of."""
    return session.exec(
        select(CaseRow)
        .join(CaseVendorRow)
        .where(CaseVendorRow.vendor_id == vendor_id, col(CaseRow.state).in_(OPEN))
        .order_by(col(CaseRow.id).desc())
    ).first()


def case_of_common_supplier(session: Session, campaign_id: int, vendor_id: int) -> CaseRow | None:
    """Return the open case that holds the same campaign at another vendor with whom this one shares a supplier.

    One leak of that supplier would explain both; without a common supplier two vendors are two cases.
    """
    mine = select(SupplyRow.supplier_id).where(SupplyRow.vendor_id == vendor_id)
    sharing = select(SupplyRow.vendor_id).where(col(SupplyRow.supplier_id).in_(mine))
    return session.exec(
        select(CaseRow)
        .join(HitRow, col(HitRow.case_id) == CaseRow.id)
        .join(MailRow, col(HitRow.mail_id) == MailRow.id)
        .join(CanaryRow, col(HitRow.canary_id) == CanaryRow.id)
        .where(
            MailRow.campaign_id == campaign_id,
            col(CanaryRow.vendor_id).in_(sharing),
            col(CaseRow.state).in_(OPEN),
        )
        .order_by(col(CaseRow.id))
    ).first()


def open_case(session: Session, vendor_id: int, at: datetime) -> CaseRow:
    """Open a case for a vendor."""
    case = CaseRow(vendor_id=vendor_id, opened_at=at, last_hit_at=at)
    session.add(case)
    session.flush()
    add_event(session, case, at, "opened", "First mail of somebody else at an address of this vendor.")
    return case


def add_to_case(session: Session, case: CaseRow, at: datetime, vendor_id: int) -> bool:
    """Let a case take a hit of a vendor; tell whether the vendor is new to the case."""
    case.last_hit_at = max(case.last_hit_at, at)
    fresh = session.get(CaseVendorRow, (case.id, vendor_id)) is None
    if fresh:
        session.add(CaseVendorRow(case_id=case.id or 0, vendor_id=vendor_id))
        session.flush()
    return fresh


def is_hit(session: Session, case_id: int, canary_id: int) -> bool:
    """Whether a canary has a leak hit in a case already."""
    return session.connection().execute(_IS_HIT, {"case": case_id, "canary": canary_id}).first() is not None


def add_event(session: Session, case: CaseRow, at: datetime, kind: str, text: str, who: str = "canary") -> None:
    """Write a line into the timeline of a case."""
    session.add(CaseEventRow(case_id=case.id or 0, at=at, kind=kind, who=who, text=text))


def set_belief(session: Session, case: CaseRow, found: "Assessment", at: datetime | None = None) -> None:
    """Keep what is believed of a case at a time, that of its last hit otherwise, and of its likeliest suspects when."""
    case.suspects, case.findings = [asdict(s) for s in found.suspects], found.findings
    session.add(case)
    record_suspects(session, case.id or 0, at or case.last_hit_at, found.suspects)


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
