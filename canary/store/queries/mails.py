"""Mails and their hits: each stored once, whatever happens in between."""

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert
from sqlmodel import Session, col, select

from canary.model.authenticated import AuthenticatedMail
from canary.model.identity import Identity
from canary.model.mail import SET_ASIDE, TOO_COSTLY, ParsedMail
from canary.model.verdict import LEAKS, Judgement
from canary.store.codec import envelope_json, identity_json, proofs_json, reasons_json
from canary.store.parsed_mail import columns_of, packed, unpacked
from canary.store.tables import CanaryRow, HitRow, MailContentRow, MailRow, MailSenderRow, UnreadMailRow
from canary.store.tables.base import metadata

_MAIL, _CONTENT, _HIT, _SENDER, _UNREAD = (
    metadata.tables[str(row.__tablename__)] for row in (MailRow, MailContentRow, HitRow, MailSenderRow, UnreadMailRow)
)


@dataclass(frozen=True, slots=True)
class Hit:
    """What a mail means at one canary, and the case it belongs to; `decision` and `burns` as `HitRow` has them."""

    mail: int | None
    canary: int
    at: datetime
    judgement: Judgement
    case: int | None = None
    decision: int = 0
    burns: bool = False


def kept(session: Session, keys: Collection[str]) -> frozenset[str]:
    """Return which of these spool keys belong to mails that were processed before."""
    return frozenset(session.exec(select(MailRow.key).where(col(MailRow.key).in_(keys))).all())


def copies_by_inlets(session: Session, digests: Collection[str]) -> set[tuple[str, str]]:
    """Return which mails came by any inlet but our own listener, as (digest, address of the canary)."""
    query = (
        select(MailRow.digest, CanaryRow.address)
        .join(HitRow, col(HitRow.mail_id) == MailRow.id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .where(col(MailRow.digest).in_(digests), col(MailRow.inlet) > "")
        .distinct()
    )
    return set(session.exec(query)) if digests else set()


def has_copy(session: Session, digest: str, address: str) -> bool:
    """Whether a mail came to a canary by any way; the first of a million copies answers."""
    query = (
        select(HitRow.id)
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .where(MailRow.digest == digest, CanaryRow.address == address)
    )
    return session.exec(query.limit(1)).first() is not None


def charged(session: Session, keys: Collection[str]) -> dict[str, bool]:
    """Return of mails by key whether they were charged to a vendor, of those that are judged."""
    query = select(MailRow.key, HitRow.verdict).join(HitRow, col(HitRow.mail_id) == MailRow.id)
    found: dict[str, bool] = {}
    for key, verdict in session.exec(query.where(col(MailRow.key).in_(keys))):
        found[key] = found.get(key, False) or verdict in LEAKS
    return found


def keep_mails(
    session: Session,
    new: Sequence[AuthenticatedMail],
    sender_keys: Callable[[Identity], Iterable[str]],
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, int]:
    """Write mails; return their ids by spool key. `sender_keys` returns the keys of the sender of a mail.

    `rows` are the mails as `row_of` makes them, where the caller has these.
    """
    if not new:
        return {}
    rows = [row_of(each) for each in new] if rows is None else rows
    # Without the unit of work of the ORM, which would cost more than everything else that is done for a mail.
    connection = session.connection()
    kept = connection.execute(insert(_MAIL).returning(_MAIL.c.key, _MAIL.c.id), rows).all()
    numbers: dict[str, int] = {key: number for key, number in kept}  # noqa: C416 - rows are no tuples to the type checker
    contents = [
        {"mail_id": numbers[m.raw.key], "content": zlib.compress(m.raw.content, 1), "parsed": packed(m.mail)}
        for m in new
    ]
    connection.execute(insert(_CONTENT), contents)
    unread = [
        {"mail_id": numbers[m.raw.key], "at": m.raw.envelope.received, "why": why}
        for m in new
        for why in (TOO_COSTLY, SET_ASIDE)
        if why in m.mail.oddities
    ]
    if unread:
        connection.execute(insert(_UNREAD), unread)
    proved = [{"key": key, "mail_id": numbers[m.raw.key]} for m in new for key in sender_keys(m.identity)]
    if proved:
        connection.execute(insert(_SENDER), proved)
    return numbers


def keep_hits(session: Session, new: Sequence[Hit]) -> None:
    """Keep what mails mean at canaries, in this order."""
    if not new:
        return
    rows = [
        _hit(hit.mail, hit.canary, hit.judgement, hit.at)
        | {"case_id": hit.case, "decision": hit.decision, "burns": hit.burns}
        for hit in new
    ]
    session.connection().execute(insert(_HIT), rows)


def first_hits(session: Session, cases: Collection[int]) -> dict[int, int]:
    """Return the id of the first hit of each of some cases."""
    if not cases:
        return {}
    query = select(HitRow.case_id, func.min(HitRow.id)).where(col(HitRow.case_id).in_(cases))
    return {case: hit for case, hit in session.exec(query.group_by(col(HitRow.case_id))) if case and hit}


def rows(session: Session, numbers: Collection[int]) -> dict[int, MailRow]:
    """Return mails by their ids, in the order of these."""
    found = {row.id: row for row in session.exec(select(MailRow).where(col(MailRow.id).in_(numbers)))}
    return {number: found[number] for number in numbers}


def forget(session: Session, numbers: Collection[int]) -> None:
    """Delete mails that were written in this transaction."""
    if not numbers:
        return
    session.execute(delete(MailContentRow).where(col(MailContentRow.mail_id).in_(numbers)))
    session.execute(delete(UnreadMailRow).where(col(UnreadMailRow.mail_id).in_(numbers)))
    session.execute(delete(MailSenderRow).where(col(MailSenderRow.mail_id).in_(numbers)))
    session.execute(delete(MailRow).where(col(MailRow.id).in_(numbers)))


def verdict_since(session: Session, message_id: str, since: datetime) -> str | None:
    """Return the verdict on a mail that came since a time, by its Message-ID, or None while there is none."""
    query = select(HitRow.verdict).join(MailRow, col(MailRow.id) == HitRow.mail_id)
    return session.exec(query.where(MailRow.received_at >= since, MailRow.message_id == message_id)).first()


def octets(session: Session, mail_id: int) -> bytes | None:
    """Return a mail exactly as it came, or None where that is not kept."""
    row = session.get(MailContentRow, mail_id)
    return zlib.decompress(row.content) if row and row.content else None


def parsed(session: Session, mail_id: int) -> ParsedMail | None:
    """Return what was read in a mail when it came, or None for one that is not kept whole."""
    row, content = session.get(MailRow, mail_id), session.get(MailContentRow, mail_id)
    return unpacked(row, content.parsed) if row and content else None


def count_set_aside(session: Session, since: datetime) -> int:
    """Count the mails since a time that were set aside, as work on them did not end."""
    query = select(func.count()).where(col(UnreadMailRow.at) >= since, UnreadMailRow.why == SET_ASIDE)
    return int(session.exec(query).one())


def row_of(kept: AuthenticatedMail) -> dict[str, Any]:
    """Return the columns of a mail as they are stored."""
    raw, mail, identity = kept.raw, kept.mail, kept.identity
    text, parts = columns_of(mail)
    return {
        "key": raw.key, "sha256": hashlib.sha256(raw.content).hexdigest(), "size": len(raw.content),
        "received_at": raw.envelope.received, "envelope": envelope_json(raw.envelope), "subject": mail.subject,
        "sender_name": mail.sender.name, "sender": mail.sender.address, "message_id": mail.message_id,
        "text": text, "identity_domain": identity.domain, "identity": identity_json(identity),
        "proofs": proofs_json(kept.proofs), "answers": dict(kept.answers), "parts": parts, "digest": kept.digest,
        "inlet": raw.envelope.inlet,
    }  # fmt: skip


def _hit(mail: int | None, canary: int, judgement: Judgement, at: datetime) -> dict[str, Any]:
    return {
        "mail_id": mail, "canary_id": canary, "at": at, "verdict": judgement.verdict.value,
        "confidence": judgement.confidence, "reasons": reasons_json(judgement.reasons),
    }  # fmt: skip
