"""Who passes addresses to a supplier, which of these were hit, and how probable the supplier was as a source."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import distinct, func
from sqlmodel import Session, col

from canary.model.case import LIKELY, OPEN, CaseState, SuspectKind
from canary.store.codec import suspects_of
from canary.store.queries.canaries import in_order_of_issue
from canary.store.queries.suppliers import get_supplier
from canary.store.tables import (
    CanaryCountRow,
    CanaryRow,
    CaseRow,
    SupplierLinkRow,
    SupplierRow,
    SuspectHistoryRow,
    VendorRow,
)
from canary.views.list_filter import EVERYTHING, ListFilter
from canary.views.models import BeliefLine, CanaryLine, CaseLine, SupplierLine, SupplierPage, SupplyLine
from canary.views.vendor_pages import supply_lines
from canary.views.view_queries import PAGE, canary_query, case_lines, choose, read_canaries

CANARIES = 500
"""Canaries that are read for one page; of each kind, hit and quiet, at most 200 are shown."""


OUT_OF_THE_QUESTION = 0.01
"""Up to this probability in any case a supplier is not said to be suspected."""


def supplier_list(
    session: Session, after: str = "", among: ListFilter = EVERYTHING
) -> tuple[tuple[SupplierLine, ...], str | None]:
    """Read suppliers in order of their slugs, those after a slug; and the slug of the last one if there are more.

    Of a vendor are those that it passes addresses on to; days narrow nothing, as a supplier has none.
    """
    query = choose(SupplierRow).where(col(SupplierRow.slug) > after).order_by(col(SupplierRow.slug))
    if among.vendor:
        passed_on = choose(SupplierLinkRow.supplier_id).where(*among.owned(SupplierLinkRow.vendor_id))
        query = query.where(col(SupplierRow.id).in_(passed_on))
    rows: list[SupplierRow] = list(session.execute(query.limit(PAGE + 1)).scalars())
    used = choose(SupplierLinkRow.supplier_id, func.count(distinct(col(SupplierLinkRow.vendor_id)))).group_by(
        col(SupplierLinkRow.supplier_id)
    )
    vendors = {
        row[0]: row[1]
        for row in session.execute(used.where(col(SupplierLinkRow.supplier_id).in_([r.id for r in rows])))
    }
    likely = _likely(session)
    lines = tuple(
        SupplierLine(row.slug, row.name, vendors.get(row.id, 0), *likely.get(row.slug, (None, 0.0)))
        for row in rows[:PAGE]
    )
    return lines, lines[-1].slug if len(rows) > PAGE else None


def supplier_page(session: Session, slug: str) -> SupplierPage | None:
    """Read one supplier's page, or None for an unknown slug."""
    row = session.execute(choose(SupplierRow).where(col(SupplierRow.slug) == slug)).scalar()
    if row is None:
        return None
    supplies = supply_lines(session, col(SupplierLinkRow.supplier_id) == row.id)
    given = _given(session, supplies)
    suspected = (col(SuspectHistoryRow.kind) == SuspectKind.SUPPLIER.value) & (col(SuspectHistoryRow.suspect) == slug)
    beliefs = list(
        session.execute(
            choose(SuspectHistoryRow).where(suspected).order_by(col(SuspectHistoryRow.at).desc()).limit(200)
        ).scalars()
    )
    cases = sorted({belief.case_id for belief in beliefs}, reverse=True)[:20]
    return SupplierPage(
        slug=row.slug, name=row.name, supplies=_with_counts(supplies, given),
        hit=tuple(c for c in given if c.tally.outside)[:200],
        quiet=tuple(c for c in given if not c.tally.outside)[:200],
        cases=_cases(session, cases),
        beliefs=tuple(BeliefLine(b.case_id, b.at, b.p) for b in reversed(beliefs)),
        domains=get_supplier(session, slug).domains,
    )  # fmt: skip


def _given(session: Session, supplies: Sequence[SupplyLine]) -> tuple[CanaryLine, ...]:
    """Read the canaries that a supplier was given, those that were hit first."""
    slugs = {line.slug for line in supplies}
    tally = col(CanaryCountRow.outside)
    query: Any = canary_query().outerjoin(CanaryCountRow, col(CanaryCountRow.canary_id) == CanaryRow.id)
    query = query.where(col(VendorRow.slug).in_(slugs)).order_by(None)
    found = read_canaries(session, query.order_by(func.coalesce(tally, 0).desc(), *in_order_of_issue()), CANARIES)
    return tuple(c for c in found if any(_passes(line, c) for line in supplies))


def _passes(line: SupplyLine, canary: CanaryLine) -> bool:
    return line.slug == canary.slug and line.channel in ("", canary.channel)


def _with_counts(supplies: Sequence[SupplyLine], given: Sequence[CanaryLine]) -> tuple[SupplyLine, ...]:
    counts = Counter((at, bool(c.tally.outside)) for c in given for at, line in enumerate(supplies) if _passes(line, c))
    return tuple(replace(line, hit=counts[at, True], quiet=counts[at, False]) for at, line in enumerate(supplies))


def _cases(session: Session, numbers: Sequence[int]) -> tuple[CaseLine, ...]:
    query = choose(CaseRow).where(col(CaseRow.id).in_(numbers), col(CaseRow.state) != CaseState.WATCHED)
    return case_lines(session, query.order_by(col(CaseRow.id).desc()))


def _likely(session: Session) -> dict[str, tuple[int, float]]:
    """Return the open case in which each supplier is likeliest; only those count in which a leak leads."""
    leads = col(CaseRow.state).in_(OPEN) & (col(CaseRow.leak) > LIKELY)
    query = choose(CaseRow).where(leads).order_by(col(CaseRow.last_hit_at).desc()).limit(200)
    found: dict[str, tuple[int, float]] = {}
    for row in session.execute(query).scalars():
        for suspect in suspects_of(row.suspects):
            if suspect.kind is SuspectKind.SUPPLIER and suspect.p > found.get(suspect.id, (0, OUT_OF_THE_QUESTION))[1]:
                found[suspect.id] = row.id or 0, suspect.p
    return found
