"""Moving hits from one case to another, and which cases people set apart."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, or_, select

from canary.cases import records
from canary.model.case import CaseState
from canary.store.campaign_hits import restrike
from canary.store.queries import mails
from canary.store.tables import (
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    MoveRow,
    SuspectHistoryRow,
    VendorRow,
)

_CHUNK = 500


def hits_where(session: Session, which: Any, among: Iterable[int] | None = None) -> list[int]:
    """Return the ids of the hits that are selected, of all or among some, in their order."""
    found = [n for n in session.exec(select(HitRow.id).where(which).order_by(col(HitRow.id))) if n is not None]
    wanted = None if among is None else set(among)
    return found if wanted is None else [n for n in found if n in wanted]


def move_hits(session: Session, hits: Sequence[int], to: CaseRow) -> None:
    """Give hits to a case; what campaigns hit is counted again."""
    campaigns, sources = set[int](), set[int]()
    for at in range(0, len(hits), _CHUNK):
        chosen = col(HitRow.id).in_(hits[at : at + _CHUNK])
        rows = session.exec(select(MailRow.campaign_id, HitRow.case_id).outerjoin_from(HitRow, MailRow).where(chosen))
        for campaign, case in rows:
            campaigns.add(campaign or 0)
            sources.add(case or 0)
        session.execute(update(HitRow).where(chosen).values(case_id=to.id))
    restrike(session, campaigns, {*sources, to.id or 0} - {0})


def absorb(session: Session, case: CaseRow, part: CaseRow, at: datetime) -> None:
    """Let a case have all hits and vendors of another one, which one leak explains as well."""
    move_hits(session, hits_where(session, HitRow.case_id == part.id), case)
    mine = set(session.exec(select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == case.id)))
    query = select(VendorRow.id, VendorRow.name).join(CaseVendorRow).where(CaseVendorRow.case_id == part.id)
    for vendor, name in session.exec(query.order_by(VendorRow.name)):
        if vendor and vendor not in mine:
            session.add(CaseVendorRow(case_id=case.id or 0, vendor_id=vendor))
            records.add_event(session, case, at, "joined", f"{name} joined: one leak explains its hits as well.")
    case.opening_hit = mails.first_hits(session, [case.id or 0]).get(case.id or 0, case.opening_hit)
    case.vendor_id = records.leading_vendor(session, case)
    case.opened_at, case.last_hit_at = min(case.opened_at, part.opened_at), max(case.last_hit_at, part.last_hit_at)
    case.quiet = case.quiet and part.quiet
    session.add(case)
    if part.state == CaseState.WATCHED:
        case.told = case.told or part.told
        _forget(session, part)
    else:
        part.state, part.outcome, part.merged_into, part.due_at = CaseState.CLOSED.value, "", case.id, None
        records.add_event(session, part, at, "merged", f"Became part of case {case.id}: one leak explains both.")
    session.flush()


def _forget(session: Session, part: CaseRow) -> None:
    """Delete what was watched and was never a case: nobody has heard of its number."""
    session.flush()
    for table in (CaseEventRow, CaseVendorRow, SuspectHistoryRow):
        session.execute(delete(table).where(col(table.case_id) == part.id))
    session.delete(part)


def split_apart(session: Session, cases: Collection[int]) -> frozenset[frozenset[int]]:
    """Return the pairs of cases that a person split apart."""
    touched = or_(col(MoveRow.from_id).in_(cases), col(MoveRow.to_id).in_(cases))
    query = select(MoveRow.from_id, MoveRow.to_id).where(touched, MoveRow.kind == "split")
    return frozenset(frozenset(pair) for pair in session.exec(query.where(col(MoveRow.undone_at).is_(None))))
