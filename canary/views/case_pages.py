"""What the page of a case shows, as frozen facts; every list is bounded."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.attribute.summary import what_would_settle
from canary.cases import checklist, export, letters, merge_split, statements
from canary.cases.next_steps import clock
from canary.model.case import TRANSITIONS, CaseState
from canary.store.tables import (
    CampaignHitRow,
    CampaignMailRow,
    CampaignRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    UserRow,
    VendorRow,
)
from canary.views import hit_matrix
from canary.views.case_models import CampaignShare, CasePage
from canary.views.models import CaseLine, HitLine
from canary.views.view_queries import PAGE, case_lines, choose, hit_query, read_hits

EVENTS = 200
_CAMPAIGNS = 20
_LOOKED_AT = 20


def case_page(session: Session, case_id: int, now: datetime, before: int | None = None) -> CasePage | None:
    """Read one case's page, its hits older than `before`, or None for an unknown case."""
    line = next(iter(case_lines(session, choose(CaseRow).where(col(CaseRow.id) == case_id))), None)
    if line is None:
        return None
    row = session.get_one(CaseRow, case_id)
    evidence = statements.evidence_of(session, row)
    hits, older = _hits(session, case_id, before)
    events = tuple((e.at, e.kind, e.who, e.text) for e in export.timeline(session, case_id, EVENTS))
    return CasePage(
        line=line, owner=row.owner, outcome=row.outcome, merged_into=row.merged_into, clock=clock(row.aware_at, now),
        findings=line.findings, evidence=evidence, matrix=hit_matrix.matrix(session, row, evidence),
        campaigns=_campaigns(session, case_id), heard=statements.answer_statements(session, row, evidence),
        points=checklist.checklist(session, row), proposals=merge_split.proposals(session, case_id) if line.open else (),
        undoable=merge_split.undoable(session, case_id), addressees=letters.addressees(session, case_id),
        vendors=_vendors(session, case_id), people=_people(session),
        ways=() if row.merged_into else tuple(TRANSITIONS[CaseState(row.state)]), hits=hits, older=older,
        events=events, settling=what_would_settle(line.suspects, line.findings) if _is_unsettled(line) else (),
        explanation=_proposed_explanation(line, events),
    )  # fmt: skip


def _is_unsettled(line: CaseLine) -> bool:
    """Whether a case is open or watched and no leak leads in it."""
    return (line.open or line.watched) and not line.answer.alarm


def _proposed_explanation(line: CaseLine, events: Sequence[tuple[datetime, str, str, str]]) -> str:
    """Return why closing a case as explained was proposed, if nobody has decided about it since."""
    last = next((event for event in reversed(events) if event[1] in ("proposal", "state")), None)
    possible = CaseState.EXPLAINED in TRANSITIONS[CaseState(line.state)]
    return last[3] if last and last[1] == "proposal" and possible else ""


def _hits(session: Session, case_id: int, before: int | None) -> tuple[tuple[HitLine, ...], int | None]:
    query = hit_query().where(col(HitRow.case_id) == case_id).order_by(col(HitRow.id).desc()).limit(PAGE + 1)
    found = read_hits(session, query if before is None else query.where(col(HitRow.id) < before))
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def _campaigns(session: Session, case_id: int) -> tuple[CampaignShare, ...]:
    sums = func.sum(col(CampaignHitRow.hits))
    query = (
        choose(CampaignRow, sums)
        .join(CampaignHitRow, col(CampaignHitRow.campaign_id) == col(CampaignRow.id))
        .where(col(CampaignHitRow.case_id) == case_id)
        .group_by(col(CampaignRow.id))
        .order_by(sums.desc(), col(CampaignRow.id))
        .limit(_CAMPAIGNS)
    )
    return tuple(
        CampaignShare(c.id, c.subject, c.first_at, c.last_at, int(hits), _linked(session, c.id))
        for c, hits in session.execute(query)
    )


def _linked(session: Session, campaign: int) -> tuple[str, ...]:
    """Return the kinds of feature that linked the latest mails of a campaign, the most frequent first."""
    query = choose(CampaignMailRow.links).join(MailRow).where(col(MailRow.campaign_id) == campaign)
    seen: dict[str, int] = {}
    for links in session.execute(query.order_by(col(MailRow.id).desc()).limit(_LOOKED_AT)).scalars():
        for kind in {str(by["kind"]) for link in links for by in link["by"]}:
            seen[kind] = seen.get(kind, 0) + 1
    return tuple(sorted(seen, key=lambda kind: (-seen[kind], kind))[:3])


def _vendors(session: Session, case_id: int) -> tuple[tuple[str, str], ...]:
    query = select(VendorRow.slug, VendorRow.name).join(CaseVendorRow).where(CaseVendorRow.case_id == case_id)
    return tuple(session.exec(query.order_by(VendorRow.name).limit(50)).all())


def _people(session: Session) -> tuple[str, ...]:
    return tuple(session.exec(select(UserRow.name).order_by(UserRow.name).limit(100)))
