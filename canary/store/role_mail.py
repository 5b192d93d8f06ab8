"""Mail to roles such as postmaster is kept for some days of its own: anybody may send it, and it is no evidence."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from canary.store.codec import envelope_of
from canary.store.queries import mails
from canary.store.tables import CampaignMailRow, HitRow, MailRow, RspamdCheckRow, SenderRow

BATCH = 200


def forget_role_mail(session: Session, before: datetime, roles: Collection[str], after: int = 0) -> int | None:
    """Delete of a batch of mails before a time those to roles alone; return the number of the last, or None for no more.

    What reached a canary, is in a campaign or brought up a question stays.
    """
    hit = select(HitRow.id).where(col(HitRow.mail_id) == MailRow.id)  # type: ignore[call-overload]
    asked = select(SenderRow.id).where(col(SenderRow.mail_id) == MailRow.id)  # type: ignore[call-overload]
    sent = select(CampaignMailRow.mail_id).where(col(CampaignMailRow.mail_id) == MailRow.id)  # type: ignore[call-overload]
    query = (
        select(MailRow.id, MailRow.envelope)  # type: ignore[call-overload]
        .where(col(MailRow.id) > after, MailRow.received_at < before, col(MailRow.campaign_id).is_(None))
        .where(~hit.exists(), ~asked.exists(), ~sent.exists())
        .order_by(col(MailRow.id))
        .limit(BATCH)
    )
    found = session.execute(query).all()
    gone = [number for number, envelope in found if _is_for(roles, envelope_of(envelope, before).rcpt_to)]
    session.execute(delete(RspamdCheckRow).where(col(RspamdCheckRow.mail_id).in_(gone)))
    mails.forget(session, gone)
    return int(found[-1][0]) if found else None


def _is_for(roles: Collection[str], recipients: Collection[str]) -> bool:
    return bool(recipients) and all(each.partition("@")[0].lower() in roles for each in recipients)
