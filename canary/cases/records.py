"""Rows of cases: opening one, its timeline, its hits."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.evidence.entries import EntryKind, event_entry
from canary.evidence.leaves import log_row
from canary.model.case import OPEN, CaseState
from canary.model.decision import Decision
from canary.model.verdict import HINTS, LEAKS
from canary.store.codec import suspects_json
from canary.store.queries import audit
from canary.store.tables import (
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
)

_LEAKS = sorted(verdict.value for verdict in LEAKS)
_BEARING = sorted(verdict.value for verdict in LEAKS | HINTS)


def open_case_of(session: Session, vendor_id: int) -> CaseRow | None:
    """Return the newest open case that a vendor is part of."""
    return session.exec(
        select(CaseRow)
        .join(CaseVendorRow)
        .where(CaseVendorRow.vendor_id == vendor_id, col(CaseRow.state).in_(OPEN))
        .order_by(col(CaseRow.id).desc())
    ).first()


def begin_case(session: Session, vendor_id: int, at: datetime, decision: int = 0) -> CaseRow:
    """Begin to watch what came to a vendor's addresses; `decision` is the number of the newest decision on cases."""
    state = CaseState.WATCHED.value
    case = CaseRow(vendor_id=vendor_id, state=state, opened_at=at, last_hit_at=at, decision=decision)
    session.add(case)
    session.flush()
    add_event(session, case, at, "watched", "First mail from somebody else at an address of this vendor.")
    return case


def has_evidence(session: Session, case: CaseRow) -> bool:
    """Whether a case has any hit that bears on it."""
    query = select(HitRow.id).where(HitRow.case_id == case.id, col(HitRow.verdict).in_(_BEARING))
    return session.exec(query.limit(1)).first() is not None


def has_leaks(session: Session, case: CaseRow) -> bool:
    """Whether a case has mail that somebody else sent: hints alone are no case, however many."""
    query = select(HitRow.id).where(HitRow.case_id == case.id, col(HitRow.verdict).in_(_LEAKS))
    return session.exec(query.limit(1)).first() is not None


def leading_vendor(session: Session, case: CaseRow) -> int:
    """Return the vendor whose address got the first mail from somebody else in a case, or while there is none a hint."""
    query = select(CanaryRow.vendor_id).join(HitRow, col(HitRow.canary_id) == CanaryRow.id)
    query = query.where(HitRow.case_id == case.id, col(HitRow.verdict).in_(_BEARING))
    return (
        session.exec(query.order_by(col(HitRow.verdict).not_in(_LEAKS), col(HitRow.id)).limit(1)).first()
        or case.vendor_id
    )


def last_hit_at(session: Session, case: CaseRow) -> datetime:
    """Return when the last hit came that a case has, or the last that it had if it has none."""
    found: datetime | None = session.exec(select(func.max(HitRow.at)).where(HitRow.case_id == case.id)).one()
    return found or case.last_hit_at


def close_empty(session: Session, case: CaseRow, at: datetime, who: str, into: int | None = None) -> None:
    """Settle a case without any hit: it is explained, or part of the case that has its mail now."""
    case.suspects, case.leak, case.due_at = suspects_json(()), 0.0, None
    session.add(case)
    if case.state in OPEN or case.state == CaseState.WATCHED:
        case.emptied = "" if into else case.state
        case.state = CaseState.CLOSED.value if into else CaseState.EXPLAINED.value
        case.merged_into = into
        text = (
            f"Its mail belongs to case {into} now." if into else "Explained: no mail from anybody else is left in it."
        )
        add_event(session, case, at, "closed" if into else "explained", text, who)


def find_emptied(session: Session, vendor_id: int, hit: int) -> CaseRow | None:
    """Return the case that a hit had begun, and that was closed as no mail was left in it."""
    mine = select(CaseRow).where(CaseRow.vendor_id == vendor_id, CaseRow.opening_hit == hit, CaseRow.emptied != "")
    found = session.exec(
        mine.where(CaseRow.state == CaseState.EXPLAINED.value, col(CaseRow.merged_into).is_(None))
    ).first()
    return found if found and not has_evidence(session, found) else None


def open_again(session: Session, case: CaseRow, at: datetime, text: str, who: str, decision: int) -> None:
    """Begin a case again that was closed as no mail was left in it, in the state that it had."""
    case.state, case.outcome, case.emptied, case.decision = case.emptied, "", "", decision
    session.add(case)
    add_event(session, case, at, "reopened", text, who)


def add_event(session: Session, case: CaseRow, at: datetime, kind: str, text: str, who: str = "canary") -> None:
    """Write a line into the timeline of a case."""
    row = CaseEventRow(case_id=case.id or 0, at=at, kind=kind, who=who, text=text)
    session.add(row)
    log_row(session, EntryKind.EVENT, row, lambda: event_entry(row))


def add_decision(session: Session, case: CaseRow, kind: str, text: str, word: Decision) -> None:
    """Write what a person decided or recorded into the timeline of a case, which is touched by that, and into the audit log."""
    case.touched = True
    session.add(case)
    add_event(session, case, word.at, kind, text, word.who)
    audit.audit(session, word.at, word.who, f"case-{kind}", f"case {case.id}", text)


def last_event(session: Session, case: CaseRow, kinds: Collection[str]) -> str:
    """Return which of some kinds of line came last in the timeline of a case, empty if none did."""
    query = select(CaseEventRow.kind).where(CaseEventRow.case_id == case.id, col(CaseEventRow.kind).in_(kinds))
    return session.exec(query.order_by(col(CaseEventRow.id).desc()).limit(1)).first() or ""


def list_cases(session: Session) -> list[CaseRow]:
    """Return all cases, newest first."""
    return list(session.exec(select(CaseRow).order_by(col(CaseRow.id).desc())).all())


def hits_of(session: Session, case_ids: Iterable[int]) -> dict[int, int]:
    """Return how many hits each case has."""
    query = (
        select(HitRow.case_id, func.count())
        .where(col(HitRow.case_id).in_(list(case_ids)))
        .group_by(col(HitRow.case_id))
    )
    return {case: count for case, count in session.exec(query).all() if case is not None}


def timeline(session: Session, case_id: int) -> list[CaseEventRow]:
    """Return the timeline of a case, oldest line first."""
    query = select(CaseEventRow).where(CaseEventRow.case_id == case_id)
    return list(session.exec(query.order_by(col(CaseEventRow.at), col(CaseEventRow.id))).all())
