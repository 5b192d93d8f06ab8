"""Mail of self-tests is kept for a day: it says nothing about anybody, and `canary doctor` may be run often."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlmodel import Session, col

from canary.model.verdict import Verdict
from canary.store.counters import CountedHit, read_last_again, sums_of
from canary.store.queries import mails
from canary.store.tables import HitRow, MailRow, RspamdCheckRow, SenderRow

KEPT = timedelta(days=1)
BATCH = 200


def forget_self_tests(session: Session, before: datetime) -> int:
    """Delete a batch of self-tests that came before a time, with all that was counted of them; return how many."""
    query = (
        select(HitRow.mail_id, HitRow.canary_id, HitRow.at, MailRow.identity_domain)  # type: ignore[call-overload]
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .where(col(HitRow.verdict) == Verdict.SELF_TEST, col(HitRow.at) < before, *_alone())
        .order_by(col(HitRow.at))
        .limit(BATCH)
    )
    found = session.execute(query).all()
    for _, canary, at, proven in found:
        sums_of(session).remove(CountedHit(canary, at, Verdict.SELF_TEST.value, proven))
    _delete(session, {mail for mail, *_ in found})
    read_last_again(session, {canary for _, canary, *_ in found})
    return len(found)


def _alone() -> tuple[ColumnElement[bool], ...]:
    """Nothing else came of the mail: no other hit, no case, no campaign, no sender that was first seen by it."""
    hit = HitRow.__table__.alias()  # type: ignore[attr-defined]
    others = select(hit.c.id).where(hit.c.mail_id == HitRow.mail_id, hit.c.id != HitRow.id)
    senders = select(SenderRow.id).where(col(SenderRow.mail_id) == HitRow.mail_id)  # type: ignore[call-overload]
    return (
        ~others.exists(), ~senders.exists(), col(HitRow.case_id).is_(None), col(MailRow.campaign_id).is_(None),
    )  # fmt: skip


def _delete(session: Session, numbers: Collection[int]) -> None:
    session.execute(delete(HitRow).where(col(HitRow.mail_id).in_(numbers)))
    session.execute(delete(RspamdCheckRow).where(col(RspamdCheckRow.mail_id).in_(numbers)))
    mails.forget(session, numbers)
