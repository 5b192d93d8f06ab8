"""What the page of a case shows, as frozen facts; every list is bounded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col

from canary.model.party import Supply
from canary.store.lines import CaseLine, CasePage, Cell, SuspectLine
from canary.store.pages import PAGE, canary_query, case_lines, choose, hit_query, read_hits
from canary.store.seals import seals_of
from canary.store.tables import CampaignRow, CanaryRow, CaseEventRow, CaseRow, HitRow
from canary.store.tallies import StrikeRow
from canary.store.vendors import supplies


def case_page(session: Session, case_id: int, before: int | None = None) -> CasePage | None:
    """Read one case's page, its hits older than `before`, or None for an unknown case."""
    line = next(iter(case_lines(session, choose(CaseRow).where(col(CaseRow.id) == case_id))), None)
    if line is None:
        return None
    query = hit_query().where(col(HitRow.case_id) == case_id).order_by(col(HitRow.id).desc()).limit(PAGE + 1)
    hits = read_hits(session, query if before is None else query.where(col(HitRow.id) < before))
    sent = choose(StrikeRow.campaign_id).where(col(StrikeRow.case_id) == case_id).distinct().subquery()
    campaigns = choose(CampaignRow).join(sent, sent.c.campaign_id == CampaignRow.id).order_by(col(CampaignRow.first_at))
    events = choose(CaseEventRow).where(col(CaseEventRow.case_id) == case_id).order_by(col(CaseEventRow.at))
    return CasePage(
        line=line,
        findings=_findings(session, case_id),
        matrix=_matrix(session, line),
        campaigns=tuple(
            (c.subject, c.first_at, c.last_at, c.mails) for c in session.execute(campaigns.limit(PAGE)).scalars()
        ),
        hits=hits[:PAGE],
        older=hits[PAGE - 1].id if len(hits) > PAGE else None,
        events=tuple((e.at, e.kind, e.who, e.text) for e in session.execute(events.limit(200)).scalars()),
    )


def _findings(session: Session, case_id: int) -> dict[str, Any]:
    """Return what is found about a case, its times as times."""
    kept = dict(session.get_one(CaseRow, case_id).findings)
    if window := kept.get("window"):
        times = {key: datetime.fromisoformat(at) for key, at in window.items() if isinstance(at, str)}
        kept["window"] = window | times
    return kept


def _matrix(session: Session, line: CaseLine, rows: int = 60) -> tuple[tuple[str, str, tuple[Cell, ...]], ...]:
    hit = set(
        session.execute(
            choose(StrikeRow.canary_id).where(col(StrikeRow.case_id) == line.id, col(StrikeRow.leaks) > 0).distinct()
        ).scalars()
    )
    known = supplies(session)
    tell = seals_of(session).tell
    given = canary_query().where(col(CanaryRow.issued_at) <= line.last_hit_at, col(CanaryRow.vendor_id).is_not(None))
    vendors: dict[tuple[str, str], list[Cell]] = {}
    for canary, name, slug in (row for row in session.execute(given.limit(2000)) if not tell(row[0])):
        held = _held(line.top, known, slug, canary.channel, line.last_hit_at)
        vendors.setdefault((name, slug), []).append(Cell(canary.address, canary.channel, canary.id in hit, held))
    ranked = sorted(vendors.items(), key=lambda kept: (*_rank(kept[1]), kept[0]))
    return tuple((name, slug, tuple(cells)) for (name, slug), cells in ranked[:rows])


def _rank(cells: Sequence[Cell]) -> tuple[bool, bool]:
    return not any(cell.held for cell in cells), not any(cell.hit for cell in cells)


def _held(top: SuspectLine | None, known: Sequence[Supply], vendor: str, channel: str, at: datetime) -> bool:
    if top is None or top.kind not in ("vendor", "supplier", "account"):
        return False
    if top.kind == "vendor":
        return top.id == vendor
    supplier, _, account = top.id.partition("/")
    return account in ("", vendor) and any(
        (s.vendor, s.supplier) == (vendor, supplier)
        and s.channel in (None, channel)
        and (s.since is None or s.since <= at)
        for s in known
    )
