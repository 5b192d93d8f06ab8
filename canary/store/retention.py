"""Retention: content and text of mail that no case and no question needs are deleted in time; what it meant stays."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlmodel import Session, col

from canary.model.verdict import LEAKS, Verdict
from canary.store.tables import CampaignRow, CanaryRow, CaseRow, HitRow, MailContentRow, MailRow

BATCH = 500


@dataclass(frozen=True, slots=True)
class CopiesKept:
    """How many mails of a campaign, the first that came, keep their octets; those of the others go after a time."""

    first: int
    after: timedelta


@dataclass(frozen=True, slots=True)
class CopyPosition:
    """How far campaigns were thinned out: up to this mail of this campaign."""

    campaign: int = 0
    mail: int = 0


BEGIN = CopyPosition()


def let_go(session: Session, before: datetime, after: int = 0) -> int | None:
    """Delete the content of a batch of mails before a time; return the number of the last one, or None for no more.

    Who sent it, its subject, headers, proofs and verdicts stay, and so do all counts. Mail in a case is evidence, mail
    of a sender that is asked about will be judged again, and mail at an address that nobody has confirmed may become
    evidence: all are kept whole. Such mail keeps its verdict,
    whatever is answered later.
    """
    numbers = list(session.execute(_unneeded(before, after)).scalars())
    if not numbers:
        return None
    # The index of the search follows the text by itself.
    session.execute(update(MailRow).where(col(MailRow.id).in_(numbers)).values(text=""))
    session.execute(delete(MailContentRow).where(col(MailContentRow.mail_id).in_(numbers)))
    return int(numbers[-1])


def _unneeded(before: datetime, after: int) -> Select[tuple[int]]:
    needed = (
        select(HitRow.id)  # type: ignore[call-overload]
        .where(HitRow.mail_id == MailContentRow.mail_id)
        .join(CanaryRow, CanaryRow.id == HitRow.canary_id)
        .where(or_(col(HitRow.case_id).is_not(None), col(HitRow.verdict) == Verdict.NEW_SENDER, _undecided()))
    )
    found: Select[tuple[int]] = (
        select(MailContentRow.mail_id)  # type: ignore[call-overload]
        .join(MailRow, MailRow.id == MailContentRow.mail_id)
        .where(col(MailContentRow.mail_id) > after, MailRow.received_at < before, ~needed.exists())
        .order_by(MailContentRow.mail_id)
        .limit(BATCH)
    )
    return found


def _undecided() -> ColumnElement[bool]:
    """Select the charged hits at tentative addresses that are on view."""
    return col(CanaryRow.tentative) & (col(CanaryRow.hidden) == "") & col(HitRow.verdict).in_(sorted(LEAKS))


def thin_out(session: Session, first: int, before: datetime, after: CopyPosition = BEGIN) -> CopyPosition | None:
    """Delete the octets of a batch of mails before a time that are not among the first of their campaign.

    Return how far this went, or None for no more. Text, what was read in them, proofs, digests and verdicts stay, so that
    they are found and judged again as before. The mail by which a case was opened keeps its octets.
    """
    campaign = session.execute(_campaign_from(first, after)).scalar()
    if campaign is None:
        return None
    last = after.mail if campaign == after.campaign else _last_kept(session, campaign, first)
    numbers = list(session.execute(_whole_copies(campaign, last, before)).scalars())
    if not numbers:
        return CopyPosition(campaign + 1)
    session.execute(update(MailContentRow).where(col(MailContentRow.mail_id).in_(numbers)).values(content=b""))
    return CopyPosition(campaign, int(numbers[-1]))


def _campaign_from(first: int, after: CopyPosition) -> Select[Any]:
    number = col(CampaignRow.id)
    return select(number).where(number >= after.campaign, col(CampaignRow.mails) > first).order_by(number).limit(1)


def _last_kept(session: Session, campaign: int, first: int) -> int:
    """Return the number of the last mail of a campaign that is among its first."""
    number = col(MailRow.id)
    query = select(number).where(col(MailRow.campaign_id) == campaign).order_by(number).offset(first - 1).limit(1)
    return session.execute(query).scalar() or 0


def _whole_copies(campaign: int, after: int, before: datetime) -> Select[Any]:
    number = col(MailContentRow.mail_id)
    opening = select(col(HitRow.mail_id)).join(CaseRow, col(CaseRow.opening_hit) == HitRow.id)
    return (
        select(number)
        .join(MailRow, col(MailRow.id) == number)
        .where(col(MailRow.campaign_id) == campaign, number > after, col(MailRow.received_at) < before)
        .where(func.length(MailContentRow.content) > 0, number.not_in(opening.where(col(HitRow.mail_id).is_not(None))))
        .order_by(number)
        .limit(BATCH)
    )
