"""Charging a leak: the hit finds its case, or opens one, and the suspects of the case are weighed."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from canary.attribute.belief import Belief, Names, believe
from canary.attribute.rates import RATES, Rates
from canary.store import belonging, canaries, cases, vendors, watch
from canary.store.database import ASSUMED
from canary.store.tables import CaseRow
from canary.store.worlds import world_of

CASES_LOCK = 7203252
"""Whoever opens, joins or settles cases passes one at a time."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A leak hit to be charged: whose canary was hit, when, and in which campaign."""

    vendor_id: int
    vendor: str
    canary: int
    at: datetime
    campaign: int | None = None


def charge(session: Session, hit: Charge) -> tuple[CaseRow, bool]:
    """Return the case that takes a leak hit, and whether it was opened for it; the canary counts as burned."""
    mine = belonging.cases_of(session, [hit.vendor_id]).get(hit.vendor_id, [])
    case = belonging.settle_in(session, mine, hit.at, hit.campaign or 0, hit.canary)
    if case is None and hit.campaign is not None:
        case = cases.case_of_common_supplier(session, hit.campaign, hit.vendor_id)
    opened = case is None
    case = case or cases.open_case(session, hit.vendor_id, hit.at)
    if cases.add_to_case(session, case, hit.at, hit.vendor_id) and not opened:
        cases.note(session, case, hit.at, "joined", f"{hit.vendor} was hit by the same campaign.")
    if case.state in cases.OPEN:
        canaries.mark_hit(session, hit.canary, hit.at)
    return case, opened


def weigh(session: Session, case: CaseRow) -> None:
    """Weigh the suspects of a case anew; what is worth telling of that goes into the outbox."""
    session.flush()
    cases.set_belief(session, case, believed(session, case, case.last_hit_at))
    watch.follow(session, case)


def believed(session: Session, case: CaseRow, at: datetime, *, patient: bool = False) -> Belief:
    """Return what is to be believed of a case at a time, by the assumptions that the store was opened with.

    With many addresses only the patient get the reasons.
    """
    names = vendors.vendor_names(session) | vendors.supplier_names(session)
    rates: Rates = session.info.get(ASSUMED, RATES)
    return believe(world_of(session, at, case.id), Names(names), rates, patient=patient)
