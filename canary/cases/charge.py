"""Charging a leak: the hit finds its case, or opens one, and the suspects of the case are weighed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session

from canary.attribute.priors import CARRIED_AS, RATES, Rates
from canary.canaries import lifecycle
from canary.cases import belonging, case_alerts, records
from canary.store.queries import vendors
from canary.store.queries.world import world_of
from canary.store.tables import CaseRow

if TYPE_CHECKING:
    from canary.attribute.assess import Assessment


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
        case = records.case_of_common_supplier(session, hit.campaign, hit.vendor_id)
    opened = case is None
    case = case or records.open_case(session, hit.vendor_id, hit.at)
    if records.add_to_case(session, case, hit.at, hit.vendor_id) and not opened:
        records.add_event(session, case, hit.at, "joined", f"{hit.vendor} was hit by the same campaign.")
    if case.state in records.OPEN:
        lifecycle.mark_hit(session, hit.canary, hit.at)
    return case, opened


def assess_and_record(session: Session, case: CaseRow) -> None:
    """Weigh the suspects of a case anew; what is worth telling of that goes into the outbox."""
    session.flush()
    records.set_belief(session, case, assess_case(session, case, case.last_hit_at))
    case_alerts.record_assessment(session, case)


def assess_case(session: Session, case: CaseRow, at: datetime, *, patient: bool = False) -> "Assessment":
    """Return what is to be believed of a case at a time, by the assumptions that the store was opened with.

    With many addresses only the patient get the reasons.
    """
    # Numbers are loaded by the first case: a worker or a dashboard at rest goes without.
    from canary.attribute.assess import SourceNames, assess  # noqa: PLC0415

    names = vendors.vendor_names(session) | vendors.supplier_names(session)
    rates: Rates = session.info.get(CARRIED_AS, RATES)
    return assess(world_of(session, at, case.id), SourceNames(names), rates, patient=patient)
