"""Results of rspamd: which mails it has not been asked about, and what it said."""

from datetime import datetime

from sqlmodel import Session, col, select

from canary.model.mail import RawMail
from canary.model.verdict import StatedReason, Verdict
from canary.store.codec import envelope_of, reasons_json, reasons_of
from canary.store.queries.mails import octets
from canary.store.tables import HitRow, MailRow, RspamdCheckRow

ASKED = (
    Verdict.NEW_SENDER, Verdict.IMPERSONATION, Verdict.THIRD_PARTY, Verdict.SPAM, Verdict.BACKSCATTER,
    Verdict.MISDIRECTED,
)  # fmt: skip
"""Nobody needs a second opinion on the vendor's own mail."""


def unasked(session: Session, since: datetime, limit: int) -> list[int]:
    """Return mails since a time that somebody else than the vendor sent and that were not asked about, oldest first."""
    query = (
        select(HitRow.mail_id)
        .outerjoin(RspamdCheckRow, col(RspamdCheckRow.mail_id) == HitRow.mail_id)
        .where(col(HitRow.verdict).in_(ASKED), HitRow.at >= since, col(HitRow.mail_id).is_not(None))
        .where(col(RspamdCheckRow.mail_id).is_(None))
        .distinct()
        .order_by(col(HitRow.mail_id))
        .limit(limit)
    )
    return [number for number in session.exec(query).all() if number is not None]


def as_received(session: Session, mail_id: int) -> RawMail | None:
    """Return a mail as it came, or None for an unknown one."""
    row, content = session.get(MailRow, mail_id), octets(session, mail_id)
    if row is None or content is None:
        return None
    return RawMail(row.key, envelope_of(row.envelope, row.received_at), content)


def keep_opinion(session: Session, mail_id: int, at: datetime, because: StatedReason | None, fault: str = "") -> None:
    """Record that a mail was asked about, and add the answer to the reasons of its hits."""
    session.add(RspamdCheckRow(mail_id=mail_id, at=at, fault=fault[:300]))
    if because is not None:
        for hit in session.exec(select(HitRow).where(HitRow.mail_id == mail_id)).all():
            others = (reason for reason in reasons_of(hit.reasons) if reason.code is not because.code)
            hit.reasons = reasons_json((*others, because))
            session.add(hit)
    session.flush()
