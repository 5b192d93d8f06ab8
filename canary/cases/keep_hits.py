"""Writing judged hits with the cases they were assigned to: rows, timeline, burned addresses, counts; cases become due.

For hits that bear on a case the caller holds `Lock.CASES`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from canary.canaries import lifecycle
from canary.cases import records
from canary.cases.assign import NOWHERE, Assignment, LeakCase
from canary.cases.due import IN_PLAY, add_evidence
from canary.cases.history import StoredCases, newest_decision
from canary.model.case import HitEffect
from canary.model.verdict import Judgement
from canary.store.counters import CountedHit, count
from canary.store.queries import mails
from canary.store.queries.mails import Hit
from canary.store.queries.outbox import is_quiet
from canary.store.tables import CaseRow, CaseVendorRow


@dataclass(frozen=True, slots=True)
class AssignedHit:
    """A judged hit, with or without a mail, and the case it belongs to; `proven` is the organisation that sent it."""

    mail: int | None
    canary: int
    at: datetime
    judgement: Judgement
    proven: str = ""
    vendor_id: int = 0
    vendor: str = ""
    campaign: int = 0
    made: Assignment = NOWHERE

    @property
    def case(self) -> int | None:
        """The number of the case, once it is stored."""
        return self.made.case.number if self.made.case else None


def keep_hits(session: Session, stored: StoredCases, hits: Sequence[AssignedHit]) -> None:
    """Keep hits in their order, and all that follows from them for cases and canaries."""
    bearing = [hit for hit in hits if hit.made.case]
    decision = newest_decision(session) if any(hit.judgement.bears_on_a_case for hit in hits) else 0
    for hit in bearing:
        _follow(session, stored, hit, decision)
    mails.keep_hits(
        session, [Hit(h.mail, h.canary, h.at, h.judgement, h.case, decision, burns=h.made.burns) for h in hits]
    )
    count(session, [_counted(hit) for hit in hits])
    if bearing:
        _burn(session, bearing)
        _conclude(session, stored, bearing)


def _burn(session: Session, hits: Iterable[AssignedHit]) -> None:
    """Let canaries count as burned since the first leak hit that burns them, be it that it comes late."""
    since: dict[int, datetime] = {}
    for hit in hits:
        if hit.made.burns:
            since[hit.canary] = min(hit.at, since.get(hit.canary, hit.at))
    lifecycle.mark_burned_by_leaks(session, since)


def _follow(session: Session, stored: StoredCases, hit: AssignedHit, decision: int) -> None:
    """Write what one hit does to its case and its canary."""
    made = hit.made
    assert made.case  # noqa: S101 - for the type checker
    row = stored.rows.get(made.case.number) or _open(session, stored, made.case, hit, decision)
    row.last_hit_at = max(row.last_hit_at, hit.at)
    if made.joined:
        session.add(CaseVendorRow(case_id=row.id or 0, vendor_id=hit.vendor_id))
        if made.effect is not HitEffect.NEW_CASE:
            records.add_event(session, row, hit.at, "joined", f"{hit.vendor} was hit by the same campaign.")
    if made.effect is HitEffect.REOPEN:
        what = "an address that was not hit before" if made.known else "another campaign"
        before = row.state
        reopen(row, made.case, decision)
        records.add_event(session, row, hit.at, "reopened", f"Was {before}; reopened, as {what} came to it.")


def _open(session: Session, stored: StoredCases, case: LeakCase, hit: AssignedHit, decision: int) -> CaseRow:
    row = records.begin_case(session, hit.vendor_id, hit.at, decision)
    case.number = row.id or 0
    stored.rows[case.number] = row
    return row


def reopen(row: CaseRow, case: LeakCase, decision: int) -> None:
    """Reopen a settled case; its state before is kept, in case the hit turns out not to be a leak."""
    if row.reopened is None or row.reopened["decision"] < decision:
        row.reopened = {"decision": decision, "state": row.state, "outcome": row.outcome}
    row.state, row.outcome = case.state.value, case.outcome


def _conclude(session: Session, stored: StoredCases, hits: Sequence[AssignedHit]) -> None:
    """Mark the cases as due that are weighed, and note the first hit of those that were begun."""
    begun = mails.first_hits(session, {hit.case or 0 for hit in hits if hit.made.effect is HitEffect.NEW_CASE})
    for case, number in begun.items():
        stored.rows[case].opening_hit = number
    for number, last in {hit.case or 0: hit.at for hit in hits}.items():
        row = stored.rows[number]
        row.quiet = is_quiet(session) and (row.quiet or number in begun)
        if row.state in IN_PLAY:
            add_evidence(row, last)


def _counted(hit: AssignedHit) -> CountedHit:
    return CountedHit(hit.canary, hit.at, hit.judgement.verdict.value, hit.proven, hit.campaign, hit.case or 0)
