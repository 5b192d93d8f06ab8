"""Cases: opened by the first leak hit of a vendor, joined by what belongs to them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from canary.model.case import CaseState, Evidence, Suspect
from canary.model.verdict import LEAKS
from canary.store.seals import seals_of
from canary.store.tables import (
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    SupplyRow,
    VendorRow,
)

OPEN = (CaseState.NEW, CaseState.INVESTIGATING, CaseState.NOTIFIED, CaseState.CONFIRMED)


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
    note(session, case, at, "opened", "First mail of somebody else at an address of this vendor.")
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
    query = select(HitRow.id).where(HitRow.case_id == case_id, HitRow.canary_id == canary_id)
    return session.exec(query.where(col(HitRow.verdict).in_(LEAKS)).limit(1)).first() is not None


def note(session: Session, case: CaseRow, at: datetime, kind: str, text: str, who: str = "canary") -> None:
    """Write a line into the timeline of a case."""
    session.add(CaseEventRow(case_id=case.id or 0, at=at, kind=kind, who=who, text=text))


def evidence(session: Session, case: CaseRow) -> list[Evidence]:
    """Return what the suspects are weighed by: every canary issued before the last hit, with its first hit in the case."""
    hits = (
        select(HitRow.canary_id, func.min(HitRow.at).label("hit_at"))
        .where(HitRow.case_id == case.id, col(HitRow.verdict).in_([v.value for v in LEAKS]))
        .group_by(col(HitRow.canary_id))
        .subquery()
    )
    rows = session.exec(
        select(CanaryRow, VendorRow.slug, hits.c.hit_at)
        .outerjoin(VendorRow)
        .outerjoin(hits, hits.c.canary_id == CanaryRow.id)
        .where(or_(CanaryRow.issued_at <= case.last_hit_at, hits.c.hit_at.is_not(None)))
    ).all()
    tell = seals_of(session).tell
    return [Evidence(c.id or 0, None if tell(c) else slug, c.channel, c.issued_at, hit_at) for c, slug, hit_at in rows]


def set_suspects(session: Session, case: CaseRow, found: Sequence[Suspect], names: dict[str, str]) -> None:
    """Keep the suspects of a case, each with the name people know it by."""
    case.suspects = [{**asdict(s), "name": names.get(s.id, s.id.capitalize())} for s in found[:20]]
    session.add(case)


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
