"""Which of a vendor's cases a leak hit belongs to, open or settled, and what it does to it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from canary.cases import records
from canary.model.case import SETTLED, CaseState, HitEffect, effect_of_hit
from canary.model.verdict import LEAKS
from canary.store.tables import CaseRow, CaseVendorRow, HitRow, MailRow

_LATEST = 20
"""A vendor with more cases than these is beyond asking which of the old ones had a campaign."""


def cases_of(session: Session, vendor_ids: Iterable[int]) -> dict[int, list[CaseRow]]:
    """Return the cases of each of these vendors, the newest first; those that became part of another are left out."""
    found: dict[int, list[CaseRow]] = {}
    rows = session.exec(
        select(CaseVendorRow.vendor_id, CaseRow)
        .join(CaseRow)
        .where(col(CaseVendorRow.vendor_id).in_(set(vendor_ids)), col(CaseRow.merged_into).is_(None))
        .order_by(col(CaseRow.id).desc())
    )
    for vendor, case in rows:
        found.setdefault(vendor, []).append(case)
    return found


def newest_open(mine: Sequence[CaseRow]) -> CaseRow | None:
    """Return the newest open case among a vendor's."""
    return next((case for case in mine if case.state in records.OPEN), None)


def belongs(session: Session, mine: Sequence[CaseRow], campaign: int, canary: int) -> tuple[CaseRow, HitEffect] | None:
    """Return which of a vendor's cases takes a leak hit, and what the hit does to it; None begins another.

    The case that has the campaign comes first, then the newest open one, then the newest that was settled.
    """
    if not mine:
        return None
    if len(mine) == 1 and mine[0].state in records.OPEN:
        return mine[0], HitEffect.JOIN
    latest = mine[:_LATEST]
    known = _with_campaign(session, latest, campaign)
    ranked = sorted(latest, key=lambda case: (case.id not in known, case.state in SETTLED))
    for case in ranked:
        of_canary = case.state in SETTLED and records.is_hit(session, case.id or 0, canary)
        what = effect_of_hit(
            CaseState(case.state), case.outcome, campaign_known=case.id in known, canary_known=of_canary
        )
        if what is not HitEffect.APART:
            return case, what
    return None


def settle_in(session: Session, mine: Sequence[CaseRow], at: datetime, campaign: int, canary: int) -> CaseRow | None:
    """Return which of a vendor's cases takes a leak hit, opened again if that is what the hit does; None begins another."""
    found = belongs(session, mine, campaign, canary)
    if found is None:
        return None
    case, what = found
    if what is HitEffect.REOPEN:
        _reopen(session, case, at, campaign)
    return case


def _reopen(session: Session, case: CaseRow, at: datetime, campaign: int) -> None:
    same = bool(_with_campaign(session, [case], campaign))
    what = "an address that was not hit before" if same else "another campaign"
    before, case.state, case.outcome = case.state, CaseState.INVESTIGATING.value, ""
    session.add(case)
    records.add_event(session, case, at, "reopened", f"Was {before}; opened again, as {what} came to it.")


def _with_campaign(session: Session, among: Sequence[CaseRow], campaign: int) -> set[int | None]:
    if not campaign:
        return set()
    query = (
        select(HitRow.case_id)
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .where(col(HitRow.case_id).in_([case.id for case in among]), MailRow.campaign_id == campaign)
        .where(col(HitRow.verdict).in_([verdict.value for verdict in LEAKS]))
    )
    return set(session.exec(query.distinct()))
