"""Cases as they are weighed together: those that are due, with all that one leak may have to do with them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from canary.attribute.priors import CARRIED_AS, RATES, Rates
from canary.cases.due import in_play
from canary.cases.moving import split_apart
from canary.cases.weighing import JOINS
from canary.store.queries import vendors
from canary.store.queries.case_hits import hits_by_case
from canary.store.tables import CampaignHitRow, CaseRow, CaseVendorRow, HitRow, SupplierLinkRow

if TYPE_CHECKING:
    from canary.attribute.groups import GroupQuestion

RELATED, RECENT = 200, 30
"""So many cases are read that share a supplier or a campaign with one that is due, and so many others near it in time."""

NEAR = timedelta(days=60)
QUIET = timedelta(days=30)
"""After so long without any hit no mail was received: an archive ends, while who listens hears something now and then."""


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """What is asked about some cases, and how they were when that was read: the number of their evidence, their state."""

    asked: "GroupQuestion"
    names: Mapping[str, str]
    rates: Rates
    evidence: Mapping[int, int]
    states: Mapping[int, str]


def read_group(
    session: Session, first: int, now: datetime, among: Collection[int] = (), *, patient: bool = False
) -> CaseGroup:
    """Read a case with all that one leak may have to do with it; those of them that are `among` others are due as well.

    A case that is not weighed any more, as people settled it, is read without anything that is due.
    """
    # The arithmetic takes as much memory as all the rest of a worker, which most of the time has nothing to weigh.
    from canary.attribute.groups import GroupQuestion  # noqa: PLC0415
    from canary.store.queries.world import world_around  # noqa: PLC0415

    rows = {row.id or 0: row for row in _related(session, first)}
    hits = hits_by_case(session, rows.keys())
    asked = GroupQuestion(
        world=world_around(session, observed_until(session, now), chain.from_iterable(hits.values())),
        hits=hits,
        due=frozenset(rows.keys() & {first, *among}),
        apart=split_apart(session, rows.keys()),
        touched=frozenset(number for number, row in rows.items() if row.touched or not session.info.get(JOINS, True)),
        patient=patient,
    )
    names = vendors.vendor_names(session) | vendors.supplier_names(session)
    rates: Rates = session.info.get(CARRIED_AS, RATES)
    evidence = {number: row.evidence for number, row in rows.items()}
    return CaseGroup(asked, names, rates, evidence, {number: row.state for number, row in rows.items()})


def observed_until(session: Session, now: datetime) -> datetime:
    """Return until when mail was received for all that is known: now, or in an archive soon after its last hit."""
    newest: datetime | None = session.exec(select(func.max(HitRow.at))).one()
    return now if newest is None else max(newest, min(now, newest + QUIET))


def _related(session: Session, first: int) -> Iterable[CaseRow]:
    """Return a case, those that share a supplier or a campaign with it, and others near it in time; the newest of many."""
    case = session.exec(select(CaseRow).where(in_play(), CaseRow.id == first)).first()
    if case is None:
        return ()
    newest = select(CaseRow).where(in_play(), CaseRow.id != first).order_by(col(CaseRow.last_hit_at).desc())
    shared = session.exec(newest.where(or_(*_sharing(first))).limit(RELATED)).all()
    near = col(CaseRow.last_hit_at).between(case.last_hit_at - NEAR, case.last_hit_at + NEAR)
    return {row.id: row for row in chain((case,), shared, session.exec(newest.where(near).limit(RECENT)))}.values()


def _sharing(first: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Select the cases of vendors that share a supplier with those of one, and those that a campaign of it hit."""
    mine = select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == first)
    supplied = select(SupplierLinkRow.supplier_id).where(col(SupplierLinkRow.vendor_id).in_(mine))
    beside = select(SupplierLinkRow.vendor_id).where(col(SupplierLinkRow.supplier_id).in_(supplied))
    vendor = col(CaseVendorRow.vendor_id)
    cases = select(CaseVendorRow.case_id).where(vendor.in_(mine) | vendor.in_(beside))
    campaigns = select(CampaignHitRow.campaign_id).where(
        CampaignHitRow.case_id == first, col(CampaignHitRow.campaign_id) > 0
    )
    hit = select(CampaignHitRow.case_id).where(col(CampaignHitRow.campaign_id).in_(campaigns))
    return col(CaseRow.id).in_(cases), col(CaseRow.id).in_(hit)
