"""What one vendor has done with the addresses it got."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, union_all
from sqlmodel import Session, col

from canary.model.verdict import Verdict
from canary.senders.profile import list_senders
from canary.store.queries.audit import timeline
from canary.store.tables import (
    CanaryCountRow,
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    SupplierLinkRow,
    SupplierRow,
    VendorBrandRow,
    VendorCountRow,
    VendorDomainRow,
    VendorEventRow,
    VendorOutsiderRow,
    VendorRow,
)
from canary.views.models import (
    CanaryLine,
    CaseLine,
    HitLine,
    KindCounts,
    OutsiderLine,
    Scorecard,
    SupplyLine,
    VendorPage,
)
from canary.views.overview import state_of, vendor_states
from canary.views.time_series import end_of, vendor_timeline
from canary.views.view_queries import canary_query, case_lines, choose, hit_query, read_canaries, read_hits, tally_of

LATEST = 25
_MARKED = {"sender-asked": "new sender", "sender-learned": "sender learned", "supplier-seen": "new supplier"}


def vendor_page(session: Session, slug: str, now: datetime) -> VendorPage | None:
    """Read one vendor's page, or None for an unknown slug."""
    row = session.execute(choose(VendorRow).where(col(VendorRow.slug) == slug)).scalar()
    if row is None:
        return None
    number = row.id or 0
    cases = case_lines(
        session,
        choose(CaseRow).join(CaseVendorRow).where(col(CaseVendorRow.vendor_id) == number)
        .order_by(col(CaseVendorRow.case_id).desc()).limit(20),
    )  # fmt: skip
    canaries = read_canaries(session, canary_query().where(col(CanaryRow.vendor_id) == number), 200)
    kept = session.get(VendorCountRow, number)
    tally = tally_of(kept) if kept else KindCounts()
    supplies = supply_lines(session, col(SupplierLinkRow.vendor_id) == number)
    domains = choose(VendorDomainRow.domain).where(col(VendorDomainRow.vendor_id) == number).limit(50)
    brands = choose(VendorBrandRow.name).where(col(VendorBrandRow.vendor_id) == number).limit(50)
    events = timeline(session, number, 50)
    leaking, live = vendor_states(session, [number])
    return VendorPage(
        slug=row.slug, name=row.name,
        state=state_of(tally, kept.hints if kept else 0, leaking=number in leaking, live=number in live, holds=bool(canaries)),
        domains=tuple(session.execute(domains).scalars()),
        suppliers=tuple(dict.fromkeys(line.supplier for line in supplies)),
        tally=tally, weeks=vendor_timeline(session, number, end_of(session, now)), marks=_marks(canaries, cases, events),
        canaries=canaries, cases=cases, hits=latest_at(session, number),
        events=tuple((e.at, e.kind, e.who, e.text) for e in events),
        senders=tuple(list_senders(session, row.slug, limit=50)),
        supplies=supplies, outsiders=_outsiders(session, number), scorecard=_scorecard(session, number, kept),
        brands=tuple(session.execute(brands).scalars()), publishes=row.publishes,
    )  # fmt: skip


def latest_at(session: Session, vendor: int, most: int = LATEST) -> tuple[HitLine, ...]:
    """Read the newest hits at a vendor's canaries.

    They are at the canaries that got mail last: no more of these are read than hits are wanted.
    """
    last = choose(CanaryCountRow.canary_id).where(col(CanaryCountRow.vendor_id) == vendor)
    busy = session.execute(last.order_by(col(CanaryCountRow.last_at).desc()).limit(most)).scalars().all()
    if not busy:
        return ()
    each = [_newest(number, most) for number in busy]
    newest: Any = union_all(*each).subquery()
    query = hit_query().join(newest, newest.c.id == HitRow.id).order_by(newest.c.at.desc(), newest.c.id.desc())
    return read_hits(session, query.limit(most))


def charged_at(session: Session, slug: str, cases: Sequence[CaseLine], most: int = 100) -> tuple[HitLine, ...]:
    """Read the newest hits at a vendor's canaries in those of its cases that are open or watched."""
    open_cases = [case.id for case in cases if case.open or case.watched]
    if not open_cases:
        return ()
    query = hit_query().where(col(HitRow.case_id).in_(open_cases), col(VendorRow.slug) == slug)
    return read_hits(session, query.order_by(col(HitRow.id).desc()).limit(most))


def supply_lines(session: Session, which: Any, most: int = 200) -> tuple[SupplyLine, ...]:
    """Read which vendors pass addresses to which suppliers, and how this is known; `which` filters `SupplierLinkRow`."""
    query = choose(SupplierLinkRow, VendorRow.name, VendorRow.slug, SupplierRow.name, SupplierRow.slug)
    query = query.join_from(SupplierLinkRow, VendorRow).join(SupplierRow).where(which).limit(most)
    return tuple(
        SupplyLine(
            vendor, slug, supplier, short, row.channel, row.account, row.since, row.until, row.origin, row.through
        )
        for row, vendor, slug, supplier, short in session.execute(query)
    )


def _newest(canary: int, most: int) -> Any:
    """Select the newest hits at one canary; those from the time when it was a decoy belong to no vendor."""
    at = col(HitRow.at)
    mine = choose(HitRow.id, HitRow.at).where(col(HitRow.canary_id) == canary, col(HitRow.verdict) != Verdict.GUESS)
    return select(mine.order_by(at.desc()).limit(most).subquery())


def _outsiders(session: Session, vendor: int) -> tuple[OutsiderLine, ...]:
    row = VendorOutsiderRow
    query = choose(row).where(col(row.vendor_id) == vendor).order_by(col(row.last_at).desc()).limit(20)
    return tuple(OutsiderLine(o.domain, o.count, o.last_at) for o in session.execute(query).scalars())


def _scorecard(session: Session, vendor: int, tally: VendorCountRow | None) -> Scorecard:
    parties = tally.outsiders if tally else 0
    others = session.execute(choose(func.count()).select_from(VendorRow)).scalar_one() - 1
    as_bad = choose(func.count()).select_from(VendorCountRow).where(col(VendorCountRow.outsiders) >= parties)
    worse = others - session.execute(as_bad).scalar_one() + 1 if parties else 0
    days = None
    if tally and tally.first_outside:
        issued = choose(func.min(col(CanaryRow.issued_at))).where(col(CanaryRow.vendor_id) == vendor)
        first = session.execute(issued).scalar()
        days = (tally.first_outside - first).days if first else None
    return Scorecard(days, parties, worse, others)


def _marks(
    canaries: Sequence[CanaryLine], cases: Sequence[CaseLine], events: Sequence[VendorEventRow]
) -> tuple[tuple[datetime, str], ...]:
    """Return the times that the chart marks, the newest if there are too many; the same on one day counts once."""
    found = [(c.issued_at, "issued") for c in canaries]
    found += [(c.rotated_at, "rotated") for c in canaries if c.rotated_at]
    found += [(e.at, _MARKED[e.kind]) for e in events if e.kind in _MARKED]
    found += [(case.opened_at, f"case {case.id}") for case in cases if not case.watched]
    once = {(at.date(), text): (at, text) for at, text in sorted(found, reverse=True)}
    return tuple(sorted(once.values())[-60:])
