"""Second opinions: which mails rspamd has not been asked about, and what it said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from canary.model.mail import Client, Envelope, RawMail
from canary.model.verdict import StatedReason, Verdict
from canary.store.queries.mails import octets
from canary.store.tables import HitRow, MailRow, RspamdCheckRow

ASKED = (
    Verdict.NEW_SENDER, Verdict.IMPERSONATION, Verdict.THIRD_PARTY, Verdict.SPAM, Verdict.BACKSCATTER,
    Verdict.MISDIRECTED,
)  # fmt: skip
"""Nobody needs a second opinion on the vendor's own mail."""


def unasked(session: Session, since: datetime, limit: int) -> list[int]:
    """Return mails that came since, of somebody else than the vendor, and were not asked about; oldest first."""
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
    return RawMail(row.key, _envelope(row.envelope, row.received_at), content)


def keep_opinion(session: Session, mail_id: int, at: datetime, because: StatedReason | None, fault: str = "") -> None:
    """Keep that a mail was asked about, and add what was said to the reasons of its hits."""
    session.add(RspamdCheckRow(mail_id=mail_id, at=at, fault=fault[:300]))
    if because is not None:
        said = {"code": because.code.value, "text": because.text}
        for hit in session.exec(select(HitRow).where(HitRow.mail_id == mail_id)).all():
            hit.reasons = [*(r for r in hit.reasons if r.get("code") != said["code"]), said]
            session.add(hit)
    session.flush()


def _envelope(kept: Mapping[str, Any], received: datetime) -> Envelope:
    client = kept.get("client") or {}
    seen = Client(str(client.get("ip", "")), int(client.get("port") or 0), str(client.get("helo", "")))
    return Envelope(str(kept.get("mail_from", "")), tuple(map(str, kept.get("rcpt_to", ()))), seen, received)
