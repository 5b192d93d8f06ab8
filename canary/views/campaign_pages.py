"""What the pages of campaigns show, as frozen facts; every list is bounded and every query uses an index."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, distinct, func, select
from sqlmodel import Session, col

from canary.campaigns.membership import campaign_row
from canary.cases.campaign_decisions import verdicts
from canary.model.case import CaseState
from canary.store.tables import CampaignHitRow, CampaignMailRow, CampaignRow, CanaryRow, CaseRow, MailRow, VendorRow
from canary.views.list_filter import EVERYTHING, ListFilter

PAGE = 50
SAMPLE = 500
"""How many mails of a campaign are read for what they share."""


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """One campaign in a list; `vendors` are those whose addresses it hit, by slug and name."""

    id: int
    subject: str
    first_at: datetime
    last_at: datetime
    mails: int
    canaries: int = 0
    vendors: tuple[tuple[str, str], ...] = ()
    cases: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignMail:
    """One mail of a campaign; `by` is what linked it: kind and value, empty for the first one."""

    id: int
    at: datetime
    subject: str
    sender: str
    proven: str
    by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CampaignWord:
    """A person's decision on a campaign: one with another, or apart from it; `lifted` means that it no longer applies."""

    at: datetime
    who: str
    one: bool
    campaign: int
    other: int
    mails: tuple[int, ...]
    note: str
    lifted: bool


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """One campaign: what its mails share (kind, value, in how many of `read` mails), the mails, and the decisions on it."""

    line: CampaignLine
    shared: tuple[tuple[str, str, int], ...]
    read: int
    mails: tuple[CampaignMail, ...]
    older: int | None
    words: tuple[CampaignWord, ...]


def campaign_list(
    session: Session, before: int | None = None, most: int = PAGE, among: ListFilter = EVERYTHING
) -> tuple[tuple[CampaignLine, ...], int | None]:
    """Read campaigns, newest first, those older than `before`; and the number to continue from, if there are more."""
    query = _select(CampaignRow).where(col(CampaignRow.merged_into).is_(None)).order_by(col(CampaignRow.id).desc())
    query = query.where(*among.within(CampaignRow.first_at, CampaignRow.last_at))
    if among.vendor:
        hit = _select(CampaignHitRow.campaign_id).join(CanaryRow).where(*among.owned(CanaryRow.vendor_id))
        query = query.where(col(CampaignRow.id).in_(hit))
    if before is not None:
        query = query.where(col(CampaignRow.id) < before)
    rows: list[CampaignRow] = list(session.execute(query.limit(most + 1)).scalars())
    return _lines(session, rows[:most]), rows[most - 1].id if len(rows) > most else None


def campaign_page(session: Session, number: int, before: int | None = None) -> CampaignPage | None:
    """Read one campaign, by its number or that of one that became part of it; None for an unknown number."""
    row = campaign_row(session, number)
    if row is None or row.id is None:
        return None
    mails = _mails(session, row.id, before)
    shared, read = _shared(session, row.id)
    return CampaignPage(
        line=_lines(session, [row])[0], shared=shared, read=read, mails=mails[:PAGE],
        older=mails[PAGE - 1].id if len(mails) > PAGE else None,
        words=tuple(
            CampaignWord(
                said.at, said.who, said.one, said.campaign_id, said.other_id, tuple(said.mails), said.note,
                said.lifted_at is not None,
            )
            for said in verdicts(session, row.id)
        ),
    )  # fmt: skip


def _select(*columns: Any) -> Select[Any]:
    # SQLModel types a column as its value, which SQLAlchemy's own typing of select does not take.
    return select(*columns)


def _lines(session: Session, rows: Collection[CampaignRow]) -> tuple[CampaignLine, ...]:
    ids = [row.id for row in rows]
    of, struck = col(CampaignHitRow.campaign_id), col(CampaignHitRow.campaign_id).in_(ids)
    counts = _select(of, func.count(distinct(col(CampaignHitRow.canary_id)))).where(struck).group_by(of)
    canaries = {row[0]: row[1] for row in session.execute(counts)}
    owners = _select(of, VendorRow.slug, VendorRow.name).select_from(CampaignHitRow).join(CanaryRow).join(VendorRow)
    vendors: dict[int, list[tuple[str, str]]] = {}
    for campaign, slug, name in session.execute(owners.where(struck).distinct().order_by(col(VendorRow.name))):
        vendors.setdefault(campaign, []).append((slug, name))
    cases: dict[int, list[int]] = {}
    opened = (
        _select(of, CampaignHitRow.case_id).join(CaseRow, col(CaseRow.id) == col(CampaignHitRow.case_id)).distinct()
    )
    opened = opened.where(struck, col(CaseRow.state) != CaseState.WATCHED)
    for campaign, case in session.execute(opened.order_by(col(CampaignHitRow.case_id))):
        cases.setdefault(campaign, []).append(case)
    return tuple(
        CampaignLine(
            row.id or 0, row.subject, row.first_at, row.last_at, row.mails, canaries.get(row.id, 0),
            tuple(vendors.get(row.id or 0, ())), tuple(cases.get(row.id or 0, ())),
        )
        for row in rows
    )  # fmt: skip


def _mails(session: Session, campaign: int, before: int | None) -> tuple[CampaignMail, ...]:
    query = _select(
        MailRow.id, MailRow.received_at, MailRow.subject, MailRow.sender, MailRow.identity_domain, CampaignMailRow.links
    )
    query = query.outerjoin(CampaignMailRow).where(col(MailRow.campaign_id) == campaign)
    if before is not None:
        query = query.where(col(MailRow.id) < before)
    rows = session.execute(query.order_by(col(MailRow.id).desc()).limit(PAGE + 1))
    return tuple(
        CampaignMail(mail, at, subject, sender, proven, _by(links)) for mail, at, subject, sender, proven, links in rows
    )


def _by(links: list[dict[str, Any]] | None) -> tuple[tuple[str, str], ...]:
    found = ((str(by["kind"]), str(by["value"])) for link in links or () for by in link["by"])
    return tuple(dict.fromkeys(found))


def _shared(session: Session, campaign: int) -> tuple[tuple[tuple[str, str, int], ...], int]:
    """Return the features that more than one of the newest mails has, with their counts, the commonest first."""
    query = _select(CampaignMailRow.features).join(MailRow).where(col(MailRow.campaign_id) == campaign)
    kept = list(session.execute(query.order_by(col(MailRow.id).desc()).limit(SAMPLE)).scalars())
    counts = Counter((str(f["kind"]), str(f["value"])) for features in kept for f in features)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((kind, value, count) for (kind, value), count in common[:20] if count > 1), len(kept)
