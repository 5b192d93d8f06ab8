"""People's decisions on campaigns: that several are one, or that some mails of one are another."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import literal, union_all, update
from sqlmodel import Session, col, or_, select

from canary.attribute.campaigns.link import pairs
from canary.campaigns.membership import campaign_row, merge_campaigns, set_apart
from canary.cases import records
from canary.cases.due import in_play, mark_due
from canary.cases.history import number_decision
from canary.cases.merge_split import proposals
from canary.cases.weigh import weigh_now
from canary.model.campaign import read_features
from canary.model.decision import Decision
from canary.store.campaign_hits import restrike
from canary.store.locks import Lock, lock
from canary.store.queries.vendors import Unknown
from canary.store.tables import (
    CampaignDecisionRow,
    CampaignKeyRow,
    CampaignMailRow,
    CampaignRow,
    CampaignTextRow,
    CaseRow,
    HitRow,
    MailRow,
)

CHUNK = 500


def merge(session: Session, numbers: Collection[int], word: Decision) -> CampaignRow:
    """Make campaigns one, under the oldest of their numbers; raises `Unknown`, and `ValueError` if they are one."""
    lock(session, Lock.CASES)
    oldest, *others = sorted({get_campaign(session, number).id or 0 for number in numbers})
    if not others:
        raise ValueError(f"campaign {oldest}: nothing to merge; name another campaign beside it")
    _lift(session, {oldest, *others}, word.at)
    for other in others:
        session.add(_verdict(oldest, other, one=True, word=word))
    _record(
        session, [oldest, *others], word, f"Campaigns {', '.join(map(str, others))} were merged into campaign {oldest}."
    )
    merge_campaigns(session, oldest, others)
    _follow(session, [oldest], word)
    return get_campaign(session, oldest)


def split(session: Session, number: int, mails: Collection[int], word: Decision) -> CampaignRow:
    """Make some mails of a campaign a separate campaign; later mails join the one or the other, never both.

    Features that the two sides share lead to neither from now on. Raises `Unknown`, and `ValueError` where nothing is
    left.
    """
    lock(session, Lock.CASES)
    campaign = get_campaign(session, number)
    moved = session.exec(
        select(MailRow).where(MailRow.campaign_id == campaign.id, col(MailRow.id).in_(mails)).order_by(col(MailRow.id))
    ).all()
    missing = sorted(set(mails) - {mail.id or 0 for mail in moved})
    if missing:
        raise Unknown(f"mail {missing[0]}: not in campaign {campaign.id}; see `canary campaign show {campaign.id}`")
    if not moved or len(moved) >= campaign.mails:
        raise ValueError(f"campaign {campaign.id}: {len(moved)} of {campaign.mails} mails; name some of them, not all")
    other = _begin(session, moved)
    _lead(session, campaign.id or 0, other.id or 0)
    _recount(session, campaign)
    restrike(session, [campaign.id or 0, other.id or 0])
    told = _verdict(campaign.id or 0, other.id or 0, one=False, word=word)
    told.mails = [mail.id or 0 for mail in moved]
    session.add(told)
    _record(
        session, [campaign.id or 0, other.id or 0], word, f"Campaign {other.id} was split off campaign {campaign.id}."
    )
    session.flush()
    _follow(session, [campaign.id or 0, other.id or 0], word)
    return other


def verdicts(session: Session, campaign: int) -> list[CampaignDecisionRow]:
    """Return the decisions on a campaign and on those that became part of it, oldest first."""
    parts: Any = union_all(select(literal(campaign)), select(CampaignRow.id).where(CampaignRow.merged_into == campaign))
    row = CampaignDecisionRow
    about = or_(col(row.campaign_id).in_(parts), col(row.other_id).in_(parts))
    return list(session.exec(select(row).where(about).order_by(col(row.id))).all())


def get_campaign(session: Session, number: int) -> CampaignRow:
    """Return a campaign by its number, or raise `Unknown`."""
    if (campaign := campaign_row(session, number)) is None:
        raise Unknown(f"campaign {number}: there is none; see `canary campaign list`")
    return campaign


def _verdict(campaign: int, other: int, *, one: bool, word: Decision) -> CampaignDecisionRow:
    return CampaignDecisionRow(
        at=word.at, who=word.who, note=word.note[:500], one=one, campaign_id=campaign, other_id=other
    )


def _lift(session: Session, campaigns: Collection[int], at: datetime) -> None:
    """End earlier decisions that set these campaigns apart."""
    apart = set_apart(session, campaigns)
    query = select(CampaignDecisionRow).where(col(CampaignDecisionRow.one).is_(False))
    for row in session.exec(query.where(col(CampaignDecisionRow.lifted_at).is_(None))).all():
        sides = {get_campaign(session, row.campaign_id).id, get_campaign(session, row.other_id).id}
        if frozenset(sides) in apart:
            row.lifted_at = at


def _begin(session: Session, mails: Sequence[MailRow]) -> CampaignRow:
    first = min(mails, key=lambda mail: (mail.received_at, mail.id))
    last_at = max(mail.received_at for mail in mails)
    campaign = CampaignRow(subject=first.subject[:300], first_at=first.received_at, last_at=last_at, mails=len(mails))
    session.add(campaign)
    session.flush()
    for mail in mails:
        mail.campaign_id = campaign.id
    session.flush()
    return campaign


def _recount(session: Session, campaign: CampaignRow) -> None:
    mine = MailRow.campaign_id == campaign.id
    rows = session.exec(
        select(MailRow.received_at, MailRow.subject).where(mine).order_by(col(MailRow.received_at))
    ).all()
    campaign.mails, campaign.first_at, campaign.last_at = len(rows), rows[0][0], rows[-1][0]
    campaign.subject = rows[0][1][:300]


def _lead(session: Session, old: int, new: int) -> None:
    """Let the keys and texts of the moved mails lead to the new campaign, and those of both sides to none."""
    old_keys, old_texts = _shown(session, old)
    new_keys, new_texts = _shown(session, new)
    for table, number, theirs, ours in (
        (CampaignKeyRow, CampaignKeyRow.key, old_keys, new_keys),
        (CampaignTextRow, CampaignTextRow.digest, old_texts, new_texts),
    ):
        leading = update(table).where(col(table.campaign_id).is_not(None))
        for numbers, campaign in ((ours - theirs, new), (ours & theirs, None)):
            for chunk in _chunks(numbers):
                session.execute(leading.where(col(number).in_(chunk)).values(campaign_id=campaign))


def _shown(session: Session, campaign: int) -> tuple[set[int], set[int]]:
    """Return the keys and the digests of all mails of a campaign."""
    row = CampaignMailRow
    query = select(row.digest, row.features).join(MailRow).where(MailRow.campaign_id == campaign)
    keys: set[int] = set()
    texts: set[int] = set()
    for digest, features in session.exec(query.execution_options(yield_per=CHUNK)):
        keys.update(key for key, _ in pairs(read_features(features)))
        texts.update(() if digest is None else (digest,))
    return keys, texts


def _chunks(numbers: Iterable[int]) -> list[list[int]]:
    ordered = sorted(numbers)
    return [ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK)]


def _follow(session: Session, campaigns: Collection[int], word: Decision) -> None:
    """Weigh the open cases of campaigns again, and propose to merge those that a campaign spans."""
    touched = select(HitRow.case_id).join(MailRow).where(col(MailRow.campaign_id).in_(campaigns)).distinct()
    wanted = select(CaseRow).where(col(CaseRow.id).in_(touched), in_play())
    for case in session.exec(wanted.order_by(col(CaseRow.id))).all():
        mark_due(session, [case.id or 0], word.at)
        weigh_now(session, [case.id or 0], word.at)
        if others := proposals(session, case.id or 0):
            named = ", ".join(map(str, others))
            text = f"The campaign spans case {named} too. If one leak explains both, merge them."
            records.add_event(session, case, word.at, "merge-proposed", text)


def _record(session: Session, campaigns: Collection[int], word: Decision, text: str) -> None:
    """Write a decision into the timeline of each case that has mails of these campaigns."""
    number_decision(session, word.who, word.at)
    touched = select(HitRow.case_id).join(MailRow).where(col(MailRow.campaign_id).in_(campaigns)).distinct()
    for case in session.exec(select(CaseRow).where(col(CaseRow.id).in_(touched))).all():
        records.add_event(session, case, word.at, "campaign", text, word.who)
