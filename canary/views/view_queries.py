"""What several pages show, as frozen facts; every list is bounded and every query uses an index."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from canary.canaries.site_vendor import NO_SITE
from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.model.case import CaseState
from canary.model.verdict import Verdict
from canary.store.codec import envelope_of, findings_of, identity_of, proofs_of, reasons_of, suspects_of
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.canaries import in_order_of_issue, shown_in_public
from canary.store.queries.vendors import slug
from canary.store.tables import (
    NEVER,
    AttemptRow,
    CampaignHitRow,
    CampaignRow,
    CanaryCountRow,
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    DayCountRow,
    HitRow,
    MailContentRow,
    MailRow,
    VendorCountRow,
    VendorRow,
)
from canary.views.models import CanaryLine, CaseLine, HitLine, KindCounts, MailPage

PAGE = 50
_NO_SITE = slug(NO_SITE)


def mail_page(session: Session, mail_id: int) -> MailPage | None:
    """Read one mail, or None for an unknown one."""
    row = session.get(MailRow, mail_id)
    if row is None:
        return None
    campaign = session.get(CampaignRow, row.campaign_id) if row.campaign_id else None
    hits = read_hits(session, hit_query().where(col(HitRow.mail_id) == mail_id).order_by(col(HitRow.id)).limit(PAGE))
    octets = session.scalar(choose(func.length(MailContentRow.content)).where(col(MailContentRow.mail_id) == mail_id))
    cases = {hit.case for hit in hits if hit.case}
    watched = choose(CaseRow.id).where(col(CaseRow.id).in_(cases), col(CaseRow.state) == CaseState.WATCHED)
    return MailPage(
        row, envelope_of(row.envelope, row.received_at), identity_of(row.identity), proofs_of(row.proofs), hits,
        (campaign.subject, campaign.mails) if campaign else None, octets is not None, bool(octets),
        frozenset(session.execute(watched).scalars()),
    )  # fmt: skip


def figures(session: Session) -> dict[str, dict[str, int]]:
    """Count hits by verdict, cases by state and attempts by kind, for the metrics."""
    hits = choose(DayCountRow.verdict, func.sum(col(DayCountRow.count))).group_by(col(DayCountRow.verdict))
    cases = choose(CaseRow.state, func.count()).group_by(col(CaseRow.state))
    tried = choose(AttemptRow.kind, func.sum(col(AttemptRow.count))).group_by(col(AttemptRow.kind))
    named: dict[str, Select[Any]] = {"hits": hits, "cases": cases, "attempts": tried}
    return {name: {key: int(count) for key, count in session.execute(query)} for name, query in named.items()}


def choose(*columns: Any) -> Select[Any]:
    """Select columns."""
    # SQLModel types a column as its value, which SQLAlchemy's own typing of select does not take.
    return select(*columns)


def case_lines(session: Session, query: Select[Any]) -> tuple[CaseLine, ...]:
    """Read the cases that a query of `CaseRow` finds, in its order."""
    rows: list[CaseRow] = list(session.execute(query).scalars())
    ids = [row.id for row in rows]
    owners = choose(VendorRow.id, VendorRow).where(col(VendorRow.id).in_({row.vendor_id for row in rows}))
    names = dict(pairs(session, owners))
    members = choose(CaseVendorRow.case_id, func.count()).group_by(col(CaseVendorRow.case_id))
    vendors = dict(pairs(session, members.where(col(CaseVendorRow.case_id).in_(ids))))
    struck, reasons = _struck(session, ids), reasons_explained(session, rows)
    return tuple(_case_line(row, names[row.vendor_id], vendors, struck, reasons) for row in rows)


def _case_line(
    row: CaseRow,
    opener: VendorRow,
    vendors: Mapping[int, int],
    struck: Mapping[int, tuple[int, int]],
    reasons: Mapping[int, str],
) -> CaseLine:
    number, suspects, findings = row.id or 0, suspects_of(row.suspects), findings_of(row.findings)
    answer = conclusion_of(row, reasons.get(number, ""))
    return CaseLine(
        number, row.state, row.outcome, opener.name, opener.slug, row.opened_at, row.last_hit_at, suspects, findings,
        answer, vendors.get(number, 0), *struck.get(number, (0, 0)), row.merged_into,
    )  # fmt: skip


def _struck(session: Session, cases: Sequence[int | None]) -> dict[int, tuple[int, int]]:
    """Return how many campaigns and hits cases have, both from an index alone."""
    each = choose(CampaignHitRow.case_id, CampaignHitRow.campaign_id).where(col(CampaignHitRow.case_id).in_(cases))
    sent = each.where(col(CampaignHitRow.campaign_id) > 0).distinct().subquery()
    campaigns = dict(pairs(session, choose(sent.c.case_id, func.count()).group_by(sent.c.case_id)))
    of_case = col(HitRow.case_id)
    hits = pairs(session, choose(of_case, func.count()).where(of_case.in_(cases)).group_by(of_case))
    return {number: (campaigns.get(number, 0), count) for number, count in hits}


def pairs(session: Session, query: Select[Any]) -> list[tuple[Any, Any]]:
    """Read rows of two columns."""
    return [(row[0], row[1]) for row in session.execute(query)]


def hit_query() -> Select[Any]:
    """Select the columns of a `HitLine`."""
    return (
        choose(
            HitRow.id, HitRow.mail_id, HitRow.at, HitRow.verdict, HitRow.confidence, HitRow.case_id, CanaryRow.address,
            _of_decoy(VendorRow.name), _of_decoy(VendorRow.slug), func.coalesce(MailRow.subject, ""), func.coalesce(MailRow.sender, ""),
            func.coalesce(MailRow.identity_domain, ""), HitRow.reasons,
        )
        .select_from(HitRow)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .outerjoin(VendorRow, col(VendorRow.id) == CanaryRow.vendor_id)
        .outerjoin(MailRow, col(MailRow.id) == HitRow.mail_id)
    )  # fmt: skip


def _of_decoy(column: Any) -> ColumnElement[Any]:
    # Only decoys have this verdict: the vendor that their rows name was never given them.
    return case((col(HitRow.verdict) == Verdict.GUESS, None), else_=column)


def read_hits(session: Session, query: Select[Any]) -> tuple[HitLine, ...]:
    """Read the hits that a query on `hit_query` selects."""
    return tuple(HitLine(*(*values, reasons_of(reasons))) for *values, reasons in session.execute(query))


def latest_hits(session: Session, most: int = 12) -> tuple[HitLine, ...]:
    """Read the newest hits but self-tests."""
    query = hit_query().where(no_self_test())
    return read_hits(session, query.order_by(col(HitRow.at).desc(), col(HitRow.id).desc()).limit(most))


def no_self_test() -> ColumnElement[bool]:
    """Whether a hit is news: mail of our own tests is none."""
    return col(HitRow.verdict) != Verdict.SELF_TEST


def canary_query() -> Select[Any]:
    """Select canaries with their vendor's name and slug and whether they are shown in public, by channel and generation."""
    order = (col(CanaryRow.channel), col(CanaryRow.generation), *in_order_of_issue())
    return choose(CanaryRow, VendorRow.name, VendorRow.slug, shown_in_public()).outerjoin(VendorRow).order_by(*order)


def canaries_after(query: Select[Any], after: int) -> Select[Any]:
    """Put a `canary_query` in order of issue and begin after the canary with a number; 0 begins with the first."""
    ordered = query.order_by(None).order_by(*in_order_of_issue())
    if not after:
        return ordered
    last = aliased(CanaryRow)
    seen = choose(last.issued_at, last.id).where(col(last.id) == after).scalar_subquery()
    return ordered.where(tuple_(*in_order_of_issue()) > seen)


def read_canaries(session: Session, query: Select[Any], most: int, skip: int = 0) -> tuple[CanaryLine, ...]:
    """Read the issued addresses that a `canary_query` finds, without decoys and without the first few."""
    is_decoy = decoy_mac_of(session).is_decoy
    found = session.execute(query.execution_options(yield_per=most))
    rows = list(islice((row for row in found if not is_decoy(row[0])), skip, skip + most))
    found.close()
    tallies = _tallies(session, [row[0].id for row in rows])
    return tuple(
        CanaryLine(
            c.id, c.address, vendor, short, c.channel, c.generation, c.issued_at, c.state, c.bits,
            tallies.get(c.id, KindCounts()), c.rotated_at, c.burned_at, shown, c.published, c.tentative, c.hidden, c.note,
            short == _NO_SITE, c.hidden_at, c.undated,
        )
        for c, vendor, short, shown in rows
    )  # fmt: skip


def _tallies(session: Session, canaries: Sequence[int]) -> dict[int, KindCounts]:
    query = choose(CanaryCountRow).where(col(CanaryCountRow.canary_id).in_(canaries))
    return {row.canary_id: tally_of(row) for row in session.execute(query).scalars()}


def tally_of(row: CanaryCountRow | VendorCountRow) -> KindCounts:
    """Return the counts of a row as a fact."""
    last = row.last_at if row.last_at > NEVER else None
    return KindCounts(row.own, row.outside, row.asking, row.first_outside, last)
