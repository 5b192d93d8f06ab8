"""Which campaign hit which canary in which case: kept beside the hits, so that no page has to read them all.

Callers that write here hold `Lock.CASES`, under which alone mails change campaign and hits change case.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, literal, select
from sqlmodel import Session

from canary.model.verdict import LEAKS
from canary.store.tables import CampaignHitRow, CampaignRow, HitRow, MailRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for, sums

_CHUNK = 500
_STRIKE, _HIT, _MAIL, _CAMPAIGN = (
    metadata.tables[str(row.__tablename__)] for row in (CampaignHitRow, HitRow, MailRow, CampaignRow)
)
_COLUMNS = ["campaign_id", "canary_id", "case_id", "hits", "leaks"]


class HitKey(NamedTuple):
    """One campaign at one canary within one case; 0 means none."""

    campaign: int
    canary: int
    case: int


def add_strikes(session: Session, hits: Mapping[HitKey, int], leaks: Mapping[HitKey, int]) -> None:
    """Count hits that came."""
    if hits:
        rows = [dict(zip(_COLUMNS, (*key, number, leaks[key]), strict=True)) for key, number in sorted(hits.items())]
        session.connection().execute(_adding(session, None), rows)


def merge_strikes(session: Session, oldest: int, others: Collection[int]) -> None:
    """Count what campaigns hit for the one that they became part of."""
    theirs = _STRIKE.c.campaign_id.in_(others)
    sums = func.sum(_STRIKE.c.hits), func.sum(_STRIKE.c.leaks)
    moved: Select[Any] = select(literal(oldest), _STRIKE.c.canary_id, _STRIKE.c.case_id, *sums).where(theirs)
    session.connection().execute(_adding(session, moved.group_by(_STRIKE.c.canary_id, _STRIKE.c.case_id)))
    session.connection().execute(delete(_STRIKE).where(theirs))


def restrike(session: Session, campaigns: Iterable[int] = (), cases: Iterable[int] = ()) -> None:
    """Count again what some campaigns hit, and what came to some cases outside any campaign."""
    session.flush()
    for chunk in _chunks(_roots(session, campaigns)):
        _again(session, _STRIKE.c.campaign_id.in_(chunk), _MAIL.c.campaign_id.in_(chunk))
    for chunk in _chunks(cases):
        alone = (_STRIKE.c.campaign_id == 0) & _STRIKE.c.case_id.in_(chunk)
        _again(session, alone, _HIT.c.case_id.in_(chunk) & _MAIL.c.campaign_id.is_(None))


def _again(session: Session, kept: ColumnElement[bool], hits: ColumnElement[bool]) -> None:
    connection = session.connection()
    connection.execute(delete(_STRIKE).where(kept))
    campaign, within = func.coalesce(_MAIL.c.campaign_id, 0), func.coalesce(_HIT.c.case_id, 0)
    leaks = func.sum(case((_HIT.c.verdict.in_(sorted(LEAKS)), 1), else_=0))
    query = select(campaign, _HIT.c.canary_id, within, func.count(), leaks).where(hits)
    query = query.outerjoin_from(_HIT, _MAIL, _MAIL.c.id == _HIT.c.mail_id)
    connection.execute(insert(_STRIKE).from_select(_COLUMNS, query.group_by(campaign, _HIT.c.canary_id, within)))


def _adding(session: Session, rows: Select[Any] | None) -> Any:
    statement = insert_for(session, _STRIKE)
    new = statement if rows is None else statement.from_select(_COLUMNS, rows)
    return new.on_conflict_do_update(index_elements=_COLUMNS[:3], set_=sums(statement, "hits", "leaks"))


def _roots(session: Session, campaigns: Iterable[int]) -> set[int]:
    """Return these campaigns and those that they are part of now: what they had is counted again too."""
    asked, found = {number for number in campaigns if number}, set[int]()
    for chunk in _chunks(asked):
        merged = select(_CAMPAIGN.c.merged_into).where(_CAMPAIGN.c.id.in_(chunk), _CAMPAIGN.c.merged_into.is_not(None))
        found.update(session.connection().execute(merged).scalars())
    return asked | found


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(set(numbers))
    return (ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK))
