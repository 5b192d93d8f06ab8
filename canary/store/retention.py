"""Retention: content and text of mail that no case and no question needs are deleted in time; what it meant stays."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlmodel import Session, col

from canary.model.verdict import LEAKS, Verdict
from canary.store.tables import CanaryRow, HitRow, MailContentRow, MailRow

BATCH = 500


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
