"""What people do with a case: its state, assignee and notes, and since when the owner is aware; all in the timeline."""

from datetime import datetime

from sqlmodel import Session, select

from canary.cases import burning, records
from canary.cases.history import number_decision
from canary.model.case import OUTCOMES, TRANSITIONS, UNDECIDED, CaseState
from canary.model.decision import Decision
from canary.store.locks import Lock, lock
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseRow, UserRow

LONGEST = 4000


def get_case(session: Session, number: int) -> CaseRow:
    """Return a case by its number; raises Unknown."""
    case = session.get(CaseRow, number)
    if case is None:
        raise Unknown(f"case {number}: there is none; see `canary cases`")
    return case


def get_active_case(session: Session, number: int) -> CaseRow:
    """Return a case that is not part of another; raises Unknown, and ValueError naming the other."""
    case = get_case(session, number)
    if case.merged_into is not None:
        raise ValueError(f"case {number}: it is part of case {case.merged_into} now; continue there, or undo the merge")
    return case


def set_state(session: Session, number: int, state: CaseState, word: Decision) -> CaseRow:
    """Change the state of a case; raises ValueError where the table of transitions does not allow it."""
    lock(session, Lock.CASES)
    case = get_active_case(session, number)
    before = CaseState(case.state)
    if state not in TRANSITIONS[before]:
        ways = ", ".join(TRANSITIONS[before])
        raise ValueError(f"case {number}: {before} cannot become {state}; it can become {ways}")
    case.state = state.value
    case.outcome = state.value if state in OUTCOMES else case.outcome if state is CaseState.CLOSED else ""
    told = f"{before} → {state}".replace("-", " ") + (f": {word.note}" if word.note else "")
    _record(session, case, "state", told, word)
    if before in UNDECIDED or state is CaseState.EXPLAINED:
        burning.follow_state(session, case)
    number_decision(session, word.who, word.at)
    return case


def set_assignee(session: Session, number: int, owner: str, word: Decision) -> CaseRow:
    """Assign a case to a user, or to nobody for an empty name; raises Unknown for a name that no user has."""
    case, owner = get_active_case(session, number), owner.strip().lower()
    if owner and session.exec(select(UserRow.id).where(UserRow.name == owner)).first() is None:
        raise Unknown(f"user {owner!r} is not known: add one with `canary user add`")
    if case.owner != owner:
        case.owner = owner
        _record(session, case, "owner", f"Assigned to {owner}." if owner else "Assigned to nobody.", word)
    return case


def set_aware(session: Session, number: int, at: datetime, word: Decision) -> CaseRow:
    """Set when the owner became aware, which starts the 72 hours of GDPR Art. 33; raises ValueError for a future time."""
    case = get_active_case(session, number)
    if at > word.at:
        raise ValueError(
            f"case {number}: aware at {at:%Y-%m-%d %H:%M}: that is in the future; give a time that has passed"
        )
    case.aware_at = at
    _record(session, case, "aware", f"Aware since {at:%d %b %Y %H:%M} UTC.", word)
    return case


def add_note(session: Session, number: int, word: Decision) -> CaseRow:
    """Write a note into the timeline of a case; raises ValueError for an empty one."""
    case, text = get_case(session, number), word.note.strip()
    if not text:
        raise ValueError(f"case {number}: the note is empty; write what is to be remembered")
    _record(session, case, "note", text[:LONGEST], word)
    return case


def _record(session: Session, case: CaseRow, kind: str, text: str, word: Decision) -> None:
    records.add_decision(session, case, kind, text, word)
