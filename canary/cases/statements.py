"""What parties said about a case, compared with what is known of it now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func
from sqlmodel import Session, col, select

from canary.cases import merge_split, records
from canary.cases.claims import Evidence, HitAddress, answer_claim
from canary.cases.workflow import LONGEST, get_active_case
from canary.evidence.entries import EntryKind, statement_entry
from canary.evidence.leaves import log_row
from canary.judge.guess import chance_of_guess
from canary.model.canary import earliest_issue
from canary.model.claim import ClaimAnswer, PartyStatement
from canary.model.decision import Decision
from canary.model.verdict import LEAKS, Reason, repeated_fields
from canary.store.codec import claim_json, claims_of, findings_of, reasons_of, suspects_of
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries import attempts, canaries
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow, HitRow, StatementRow, SupplierLinkRow, SupplierRow

MOST = 2000
LEAKED = [verdict.value for verdict in LEAKS]


@dataclass(frozen=True, slots=True)
class AnsweredStatement:
    """A statement with what the evidence says about each of its claims now."""

    statement: PartyStatement
    answers: tuple[ClaimAnswer, ...]


def add_statement(session: Session, number: int, said: PartyStatement, word: Decision) -> None:
    """Record what a party said; raises ValueError where it is empty or names no party."""
    case = get_active_case(session, number)
    if not said.party.strip() or not (said.claims or said.text.strip()):
        raise ValueError(f"case {number}: the statement is empty; say who said it, and what, as claims or in words")
    if said.at > word.at:
        raise ValueError(
            f"case {number}: said on {said.at:%Y-%m-%d}: that is in the future; give a day that has passed"
        )
    row = StatementRow(
        case_id=number, at=said.at, party=said.party.strip()[:200], claims=list(map(claim_json, said.claims)),
        text=said.text.strip()[:LONGEST], noted_at=word.at, noted_by=word.who,
    )  # fmt: skip
    session.add(row)
    log_row(session, EntryKind.STATEMENT, row, lambda: statement_entry(row))
    told = "; ".join([claim.text for claim in said.claims] or [said.text.strip()[:200]])
    records.add_decision(session, case, "statement", f"{said.party} on {said.at:%d %b %Y}: {told}.", word)


def statements_of(session: Session, number: int) -> tuple[PartyStatement, ...]:
    """Return what was said about a case and those that became part of it, oldest first."""
    parts = merge_split.parts_of(session, number)
    query = select(StatementRow).where(col(StatementRow.case_id).in_(parts)).order_by(col(StatementRow.at)).limit(200)
    return tuple(
        PartyStatement(row.party, row.at, claims_of(row.claims), row.text, row.noted_by) for row in session.exec(query)
    )


def answer_statements(session: Session, case: CaseRow, evidence: Evidence) -> tuple[AnsweredStatement, ...]:
    """Compare all that was said about a case with the evidence."""
    return tuple(
        AnsweredStatement(said, tuple(answer_claim(claim, evidence) for claim in said.claims))
        for said in statements_of(session, case.id or 0)
    )


def evidence_of(session: Session, case: CaseRow) -> Evidence:
    """Gather what is known of a case: at most 2,000 addresses and 2,000 mails that repeat a persona."""
    found = findings_of(case.findings)
    counted = select(func.count(func.distinct(col(HitRow.mail_id)))).where(*_of(case))
    return Evidence(
        session.exec(counted).one(), suspects_of(case.suspects), _hit_addresses(session, case),
        _persona_mails(session, case), found.fields, _quiet(session, case), _carriers(session, case), found.window,
    )  # fmt: skip


def _of(case: CaseRow) -> tuple[Any, Any]:
    return HitRow.case_id == case.id, col(HitRow.verdict).in_(LEAKED)


def _hit_addresses(session: Session, case: CaseRow) -> tuple[HitAddress, ...]:
    first = select(HitRow.canary_id, func.min(HitRow.at), func.min(HitRow.mail_id)).where(*_of(case))
    hit = {number: (at, mail) for number, at, mail in session.exec(first.group_by(col(HitRow.canary_id)).limit(MOST))}
    rows = session.exec(select(CanaryRow.address).where(col(CanaryRow.id).in_(hit))).all()
    known = canaries.find_canaries(session, rows).values()
    tried = {domain: attempts.guesses(session, domain) for domain in {canary.domain for canary in known}}
    found = [
        HitAddress(
            canary.address, canary.issued, *hit[canary.id],
            chance_of_guess(canary, tried[canary.domain].total(), tried[canary.domain]), canary.undated,
        )
        for canary in known
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda s: (s.at, s.address)))


def _persona_mails(session: Session, case: CaseRow) -> dict[str, tuple[int, ...]]:
    """Return the mails that repeat each field of the personas, by the reasons of their verdicts."""
    told = cast(col(HitRow.reasons), String).like(f"%{Reason.PERSONA_NAMED.value}%")
    query = select(HitRow.mail_id, col(HitRow.reasons)).where(*_of(case), told, col(HitRow.mail_id).is_not(None))
    found: dict[str, set[int]] = {}
    for mail, reasons in session.exec(query.order_by(col(HitRow.id)).limit(MOST)):
        for field in repeated_fields(reasons_of(reasons)):
            found.setdefault(field, set()).add(mail or 0)
    return {field: tuple(sorted(mails)) for field, mails in sorted(found.items())}


def _quiet(session: Session, case: CaseRow) -> tuple[datetime, ...]:
    vendors = select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == case.id)
    hit = select(HitRow.canary_id).where(col(HitRow.verdict).in_(LEAKED), HitRow.canary_id == CanaryRow.id).exists()
    query = select(CanaryRow).where(col(CanaryRow.vendor_id).in_(vendors), ~hit)
    rows = session.exec(query.order_by(col(CanaryRow.issued_at).desc()).limit(MOST))
    is_decoy = decoy_mac_of(session).is_decoy
    return tuple(earliest_issue(row.issued_at, undated=row.undated) for row in rows if not is_decoy(row))


def _carriers(session: Session, case: CaseRow) -> tuple[str, ...]:
    vendors = select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == case.id)
    query = select(SupplierRow.name).join(SupplierLinkRow).where(col(SupplierLinkRow.vendor_id).in_(vendors))
    return tuple(
        session.exec(query.where(SupplierLinkRow.origin == "learned").distinct().order_by(SupplierRow.name).limit(10))
    )


def plain(heard: Iterable[AnsweredStatement]) -> list[dict[str, object]]:
    """Return the JSON form of statements with what the evidence says about them."""
    return [
        {
            "party": h.statement.party, "at": h.statement.at, "text": h.statement.text, "noted_by": h.statement.by,
            "claims": [
                {**claim_json(a.claim), "claim": a.claim.text, "outcome": a.outcome.value, "evidence": a.text,
                 "mails": list(a.mails)}
                for a in h.answers
            ],
        }
        for h in heard
    ]  # fmt: skip
