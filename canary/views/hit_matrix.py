"""The matrix behind the inference: which addresses of which vendors were hit, and which suppliers had them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.cases.claims import Evidence
from canary.model.canary import earliest_issue
from canary.model.case import SuspectKind
from canary.model.party import SupplierLink
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.vendors import supplies
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow, SupplierLinkRow, SupplierRow, VendorRow
from canary.views.case_models import CanaryMark, Matrix, MatrixCell
from canary.views.view_queries import canary_query

ROWS, COLUMNS, SHADES = 30, 12, 4
MOST = 1000
_SUPPLYING = (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT)
Held = dict[tuple[str, str], dict[str, list[CanaryMark]]]


def matrix(session: Session, case: CaseRow, evidence: Evidence) -> Matrix:
    """Read the matrix of a case: at most 30 vendors, those hit first, and 12 channels; four suppliers have a shade."""
    suspected = [s.id.partition("/")[0] for s in evidence.suspects if s.kind in _SUPPLYING]
    vendors = _vendors(session, case, suspected)
    rows = _rows(session, vendors, {struck.address for struck in evidence.struck}, case.last_hit_at)
    known = supplies(session, vendors)
    shades = _named(session, _ranked(suspected, known))
    slugs = [slug for slug, _ in shades]
    channels = _channels(rows)
    ordered = sorted(rows.items(), key=lambda item: (_rank(item, known, slugs), item[0][0].casefold()))
    return Matrix(
        channels,
        tuple(
            (
                name,
                slug,
                tuple(_cell(marks.get(channel, ()), _shade(known, slugs, slug, channel, case)) for channel in channels),
            )
            for (name, slug), marks in ordered
        ),
        tuple(shades),
        max(0, session.exec(select(func.count()).select_from(VendorRow)).one() - len(rows)),
    )


def _vendors(session: Session, case: CaseRow, suspected: Sequence[str]) -> list[int]:
    """Return the vendors to show: those that were hit, then clients of the suspects, then others, the oldest first."""
    clients = select(SupplierLinkRow.vendor_id).join(SupplierRow).where(col(SupplierRow.slug).in_(suspected[:SHADES]))
    found: dict[int, None] = {}
    for query in (
        select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == case.id).order_by(col(CaseVendorRow.vendor_id)),
        clients.distinct().order_by(col(SupplierLinkRow.vendor_id)),
        select(VendorRow.id).order_by(col(VendorRow.id)),
    ):
        for number in session.exec(query.limit(ROWS)):
            found.setdefault(number or 0)
    return list(found)[:ROWS]


def _rows(session: Session, vendors: Sequence[int], hit: set[str], last_hit: datetime) -> Held:
    """Return the addresses of some vendors by channel; those hit come first where there are too many."""
    is_decoy = decoy_mac_of(session).is_decoy
    given = canary_query().where(col(CanaryRow.vendor_id).in_(vendors)).limit(MOST)
    chosen = (col(CanaryRow.address).in_(hit), col(CanaryRow.address).not_in(hit))
    found = [row for which in chosen for row in session.execute(given.where(which)) if not is_decoy(row[0])]
    rows: Held = {}
    for canary, name, slug, _ in found:
        since = earliest_issue(canary.issued_at, undated=canary.undated)
        mark = CanaryMark(canary.address, canary.generation, canary.address in hit, since <= last_hit)
        rows.setdefault((name, slug), {}).setdefault(canary.channel, []).append(mark)
    return rows


def _channels(rows: Held) -> tuple[str, ...]:
    hit = {channel: 0 for marks in rows.values() for channel in marks}
    for marks in rows.values():
        for channel, its in marks.items():
            hit[channel] += sum(mark.hit for mark in its)
    return tuple(sorted(hit, key=lambda channel: (-hit[channel], channel))[:COLUMNS])


def _ranked(suspected: Sequence[str], known: Sequence[SupplierLink]) -> list[str]:
    """Return suppliers, the suspected ones first, then those that most of the vendors shown use."""
    used = Counter(supply.supplier for supply in known)
    others = sorted(used, key=lambda slug: (-used[slug], slug))
    return list(dict.fromkeys([*(slug for slug in suspected if slug in used), *others]))[:SHADES]


def _named(session: Session, slugs: Sequence[str]) -> list[tuple[str, str]]:
    query: Any = select(SupplierRow.slug, SupplierRow.name).where(col(SupplierRow.slug).in_(slugs))
    names: Mapping[str, str] = dict(session.exec(query).all())
    return [(slug, names[slug]) for slug in slugs if slug in names]


def _rank(
    item: tuple[tuple[str, str], dict[str, list[CanaryMark]]], known: Sequence[SupplierLink], shades: Sequence[str]
) -> int:
    (_, slug), marks = item
    if any(mark.hit for its in marks.values() for mark in its):
        return 0
    return 1 if shades and any((s.vendor, s.supplier) == (slug, shades[0]) for s in known) else 2


def _cell(marks: Sequence[CanaryMark], shade: int) -> MatrixCell:
    return MatrixCell(tuple(marks), shade if marks else 0)


def _shade(known: Sequence[SupplierLink], shades: Sequence[str], vendor: str, channel: str, case: CaseRow) -> int:
    """Return the number of the first supplier that had the addresses of a vendor and channel by the last hit."""
    had = {
        s.supplier
        for s in known
        if s.vendor == vendor and s.channel in (None, channel) and (s.since is None or s.since <= case.last_hit_at)
    }
    return next((number for number, slug in enumerate(shades, 1) if slug in had), 0)
