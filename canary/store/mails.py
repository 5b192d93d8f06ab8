"""Mails and their hits: kept once each, whatever happens in between."""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from canary.model.identity import Identity
from canary.model.mail import ParsedMail, RawMail
from canary.model.proof import Proofs
from canary.model.verdict import Judgement
from canary.store.tables import HitRow, MailContentRow, MailRow

MAX_TEXT = 64 * 1024
MAX_HEADERS = 200


def is_kept(session: Session, key: str) -> bool:
    """Whether the mail of a spool key has been concluded before."""
    return session.exec(select(MailRow.id).where(MailRow.key == key)).first() is not None


def keep_mail(
    session: Session, raw: RawMail, mail: ParsedMail, proofs: Proofs, identity: Identity, answers: Mapping[str, Any]
) -> MailRow:
    """Keep a mail with its octets, what it says, what was proven, and the DNS answers that proved it."""
    row = MailRow(
        key=raw.key, sha256=hashlib.sha256(raw.content).hexdigest(), size=len(raw.content),
        received_at=raw.envelope.received, envelope=_plain(asdict(raw.envelope)), subject=mail.subject,
        sender_name=mail.sender.name, sender=mail.sender.address, message_id=mail.message_id,
        text=mail.text[:MAX_TEXT], identity_domain=identity.domain, identity=_plain(asdict(identity)),
        proofs=_plain(asdict(proofs)), answers=dict(answers), parts=_parts(mail),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add(MailContentRow(mail_id=row.id or 0, content=zlib.compress(raw.content, 6)))
    return row


def keep_hit(session: Session, mail: int | None, canary: int, judgement: Judgement, at: datetime) -> HitRow:
    """Keep what one mail means at one canary, or what happened there without a mail."""
    row = HitRow(
        mail_id=mail, canary_id=canary, at=at, verdict=judgement.verdict.value,
        confidence=judgement.confidence,
        reasons=[{"code": reason.code.value, "text": reason.text} for reason in judgement.reasons],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def verdict_since(session: Session, message_id: str, since: datetime) -> str | None:
    """Return the verdict on a mail that came since, by its Message-ID, or None while there is none."""
    query = select(HitRow.verdict).join(MailRow, col(MailRow.id) == HitRow.mail_id)
    return session.exec(query.where(MailRow.received_at >= since, MailRow.message_id == message_id)).first()


def octets(session: Session, mail_id: int) -> bytes | None:
    """Return a mail octet for octet as it came, or None for an unknown id."""
    row = session.get(MailContentRow, mail_id)
    return zlib.decompress(row.content) if row else None


def _parts(mail: ParsedMail) -> dict[str, Any]:
    return {
        "links": list(mail.links[:100]),
        "attachments": [asdict(attachment) for attachment in mail.attachments[:100]],
        "oddities": list(mail.oddities),
        "headers": [[name, value[:2000]] for name, value in mail.headers[:MAX_HEADERS]],
    }


def _plain(value: Any) -> Any:
    """Turn tuples and times into what JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
