"""The matrix that carries the inference: which addresses of which vendors were hit, and which suppliers had them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from canary.attribute.claims import Evidence
from canary.model.case import SuspectKind
from canary.model.party import Supply
from canary.store.case_lines import Cell, Mark, Matrix
from canary.store.pages import canary_query
from canary.store.seals import seals_of
from canary.store.tables import CanaryRow, SupplierRow
from canary.store.vendors import supplies

ROWS, COLUMNS, SHADES = 40, 12, 4
MOST = 2000
Held = dict[tuple[str, str], dict[str, list[Mark]]]


def matrix(session: Session, evidence: Evidence, last_hit: datetime) -> Matrix:
    """Read the matrix of a case: at most 40 vendors, those hit first, and 12 channels; four suppliers have a shade."""
    rows = _rows(session, {struck.address for struck in evidence.struck}, last_hit)
    channels = _channels(rows)
    known = supplies(session)
    ranked = _ranked(evidence, known, rows)
    shades = [slug for slug, _ in _named(session, ranked)]
    ordered = sorted(rows.items(), key=lambda item: (_rank(item, known, shades), item[0][0].casefold()))
    return Matrix(
        channels,
        tuple(
            (
                name,
                slug,
                tuple(_cell(marks.get(channel, ()), slug, channel, known, shades, last_hit) for channel in channels),
            )
            for (name, slug), marks in ordered[:ROWS]
        ),
        tuple(_named(session, ranked)),
        max(0, len(rows) - ROWS),
    )


def _rows(session: Session, hit: set[str], last_hit: datetime) -> Held:
    """Return the addresses of each vendor by channel; those hit are there even where others are left out."""
    tell = seals_of(session).tell
    given = canary_query().where(col(CanaryRow.vendor_id).is_not(None))
    found = [
        row for row in session.execute(given.where(col(CanaryRow.address).in_(hit)).limit(MOST)) if not tell(row[0])
    ]
    others = given.where(col(CanaryRow.address).not_in(hit)).limit(MOST)
    found += [row for row in session.execute(others) if not tell(row[0])]
    rows: Held = {}
    for canary, name, slug in found:
        mark = Mark(canary.address, canary.generation, canary.address in hit, canary.issued_at <= last_hit)
        rows.setdefault((name, slug), {}).setdefault(canary.channel, []).append(mark)
    return rows


def _channels(rows: Held) -> tuple[str, ...]:
    hit = {channel: 0 for marks in rows.values() for channel in marks}
    for marks in rows.values():
        for channel, its in marks.items():
            hit[channel] += sum(mark.hit for mark in its)
    return tuple(sorted(hit, key=lambda channel: (-hit[channel], channel))[:COLUMNS])


def _ranked(evidence: Evidence, known: Sequence[Supply], rows: Held) -> list[str]:
    """Return suppliers, the suspected ones first, then those that most of the vendors shown use."""
    kinds = (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT)
    suspected = [s.id.partition("/")[0] for s in evidence.suspects if s.kind in kinds]
    shown = {slug for _, slug in rows}
    used: dict[str, int] = {}
    for supply in known:
        if supply.vendor in shown:
            used[supply.supplier] = used.get(supply.supplier, 0) + 1
    others = sorted(used, key=lambda slug: (-used[slug], slug))
    return list(dict.fromkeys([*(s for s in suspected if s in used), *others]))[:SHADES]


def _named(session: Session, slugs: Sequence[str]) -> list[tuple[str, str]]:
    query: Any = select(SupplierRow.slug, SupplierRow.name).where(col(SupplierRow.slug).in_(slugs))
    names: Mapping[str, str] = dict(session.exec(query).all())
    return [(slug, names[slug]) for slug in slugs if slug in names]


def _rank(item: tuple[tuple[str, str], dict[str, list[Mark]]], known: Sequence[Supply], shades: Sequence[str]) -> int:
    (_, slug), marks = item
    if any(mark.hit for its in marks.values() for mark in its):
        return 0
    return 1 if shades and any((s.vendor, s.supplier) == (slug, shades[0]) for s in known) else 2


def _cell(
    marks: Sequence[Mark], vendor: str, channel: str, known: Sequence[Supply], shades: Sequence[str], at: datetime
) -> Cell:
    had = {
        s.supplier
        for s in known
        if s.vendor == vendor and s.channel in (None, channel) and (s.since is None or s.since <= at)
    }
    shade = next((number for number, slug in enumerate(shades, 1) if slug in had), 0) if marks else 0
    return Cell(tuple(marks), shade)
