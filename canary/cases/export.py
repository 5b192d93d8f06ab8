"""All that is known of a case as one document, for programs and as evidence."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from canary.attribute.summary import suspect_documents
from canary.cases import checklist, merge_split, statements
from canary.cases.claims import Evidence
from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.cases.next_steps import clock
from canary.judge.guess import odds
from canary.store.codec import envelope_of, findings_json, findings_of, reasons_of
from canary.store.tables import CanaryRow, CaseEventRow, CaseRow, HitRow, MailRow, MoveRow, VendorRow

MOST_HITS = 50_000
COLUMNS = (
    "at", "vendor", "address", "channel", "generation", "issued", "verdict", "confidence", "reasons", "mail", "sha256",
    "message_id", "subject", "claims_to_be", "proven", "envelope_sender", "client_ip", "campaign",
)  # fmt: skip


def case_document(session: Session, case: CaseRow, now: datetime) -> dict[str, Any]:
    """Return a case as plain values: suspects, findings, claims and evidence, what to do, moves, timeline."""
    evidence, number = statements.evidence_of(session, case), case.id or 0
    hours = clock(case.aware_at, now)
    answer = conclusion_of(case, reasons_explained(session, [case]).get(number, ""))
    return {
        "id": number, "state": case.state, "outcome": case.outcome or None, "owner": case.owner or None,
        "opened": case.opened_at, "last_hit": case.last_hit_at, "merged_into": case.merged_into,
        "aware_at": case.aware_at, "notify_until": hours.until if hours else None,
        "summary": answer.headline, "leak": answer.leak, "suspects": suspect_documents(evidence.suspects), **findings_json(findings_of(case.findings)),
        "evidence": _evidence(evidence),
        "statements": statements.plain(statements.answer_statements(session, case, evidence)),
        "checklist": [
            {"code": p.task.code, "whose": p.task.whose, "text": p.task.text, "done": p.done, "done_at": p.done_at, "by": p.by}
            for p in checklist.checklist(session, case)
        ],
        "moves": [_move(m) for m in _moves(session, number)],
        "merge_proposed": list(merge_split.proposals(session, number)),
        "timeline": [{"at": e.at, "kind": e.kind, "who": e.who, "text": e.text} for e in timeline(session, number)],
    }  # fmt: skip


def timeline(session: Session, number: int, most: int = 1000) -> list[CaseEventRow]:
    """Return the timeline of a case and of those that became part of it, oldest line first; at most its newest lines."""
    parts = merge_split.parts_of(session, number)
    query = select(CaseEventRow).where(col(CaseEventRow.case_id).in_(parts))
    newest = session.exec(query.order_by(col(CaseEventRow.at).desc(), col(CaseEventRow.id).desc()).limit(most)).all()
    return list(reversed(newest))


def hits(session: Session, number: int) -> Iterator[dict[str, Any]]:
    """Yield the hits of a case in order of time, at most 50,000, by the names of `COLUMNS`."""
    query: Any = (
        select(HitRow, CanaryRow, VendorRow.slug, MailRow)
        .join_from(HitRow, CanaryRow)
        .outerjoin(VendorRow, col(VendorRow.id) == CanaryRow.vendor_id)
        .outerjoin(MailRow, col(MailRow.id) == HitRow.mail_id)
        .where(HitRow.case_id == number)
        .order_by(col(HitRow.at), col(HitRow.id))
        .limit(MOST_HITS)
    )
    for hit, canary, vendor, mail in session.execute(query.execution_options(yield_per=500)):
        yield dict(zip(COLUMNS, (*_of_hit(hit, canary, vendor), *_of_mail(mail)), strict=True))


def _of_hit(hit: HitRow, canary: CanaryRow, vendor: str | None) -> tuple[object, ...]:
    why = " ".join(reason.text for reason in reasons_of(hit.reasons))
    return (
        hit.at, vendor, canary.address, canary.channel, canary.generation, canary.issued_at, hit.verdict, hit.confidence,
        why, hit.mail_id,
    )  # fmt: skip


def _of_mail(mail: MailRow | None) -> tuple[object, ...]:
    if mail is None:
        return (None,) * 8
    envelope = envelope_of(mail.envelope, mail.received_at)
    return (
        mail.sha256, mail.message_id, mail.subject, mail.sender, mail.identity_domain, envelope.mail_from,
        envelope.client.ip, mail.campaign_id,
    )  # fmt: skip


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "mails": evidence.mails,
        "fields_said": {name: list(mails) for name, mails in evidence.said.items()},
        "addresses": [
            {"address": s.address, "issued": s.issued, "undated": s.undated, "first_hit": s.at, "first_mail": s.mail,
             "guessed": s.chance.p, "odds": odds(s.chance.p), "attempts": s.chance.attempts}
            for s in evidence.struck
        ],
        "carriers_seen": list(evidence.carriers),
    }  # fmt: skip


def _moves(session: Session, number: int) -> list[MoveRow]:
    touched = (col(MoveRow.from_id) == number) | (col(MoveRow.to_id) == number)
    return list(session.exec(select(MoveRow).where(touched).order_by(col(MoveRow.id)).limit(200)))


def _move(row: MoveRow) -> dict[str, Any]:
    return {
        "kind": row.kind, "from": row.from_id, "to": row.to_id, "at": row.at, "who": row.who, "note": row.note,
        "hits": len(row.moved.get("hits", ())), "undone_at": row.undone_at,
    }  # fmt: skip
