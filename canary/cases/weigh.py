"""Weighing cases: what is believed of each, which are one, and what follows - they open, are explained, people hear of it.

A mail only marks its case as due. What is due is read with all that one leak may have to do with it, weighed outside of
any writing transaction, and written in one of its own. A case that changed meanwhile otherwise than by further mail is
left for the next time; further mail is weighed then too.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from canary.cases import burning, case_alerts, records
from canary.cases.case_group import CaseGroup, observed_until, read_group
from canary.cases.due import add_evidence, cases_of_vendor, due_cases, mark_due
from canary.cases.moving import absorb
from canary.cases.suspects import store_assessment
from canary.cases.weighing import CASE_AT, USUAL, Step, next_step
from canary.model.case import OPEN, CaseState, percent
from canary.store.codec import findings_of
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.tables import CaseNotificationRow, CaseRow

if TYPE_CHECKING:
    from canary.attribute.groups import WeighedCase

AT_ONCE = 200
"""So many of the cases that are due are looked at together."""

REASSESS_AFTER = timedelta(days=1)
"""An assessment as old as this is made again, as every day on which an address stays quiet is evidence."""

WORTH_A_LOOK = 0.05
"""What is watched and less likely than this changes by further mail only."""


def weigh_next(store: Database, now: datetime, passed: Callable[[str], None] = lambda _: None) -> int:
    """Weigh the case that has been due for longest, with what belongs to it; return how many cases were due, 0 if none.

    `passed` is told each stage that is over.
    """
    with store.reading() as session:
        due = due_cases(session, AT_ONCE)
        if not due:
            return 0
        group = read_group(session, due[0], now, due)
    passed("read")
    found = judge_group(group)
    passed("weighed")
    with store.writing() as session:
        lock(session, Lock.CASES)
        write_group(session, group, found, now)
        _clear_unweighed(session, due[0], found)
        passed("concluded")
    passed("stored")
    return len(group.asked.due) or 1


def weigh_all(store: Database, now: datetime, most: int = 100_000) -> int:
    """Weigh all cases that are due, group after group; return how many groups there were."""
    return next((number for number in range(most) if not weigh_next(store, now)), most)


def weigh_now(session: Session, numbers: Collection[int], now: datetime, why: str = "") -> None:
    """Weigh cases within the transaction that changed them; `why` says in a sentence what did.

    The caller holds `Lock.CASES`.
    """
    session.flush()
    left = set(numbers)
    while left:
        group = read_group(session, min(left), now, left)
        write_group(session, group, judge_group(group), now, why)
        left -= group.asked.due | {min(left)}


def weigh_vendor(session: Session, vendor_id: int, now: datetime, why: str) -> None:
    """Weigh the cases of a vendor, as what is known of it changed; the caller holds `Lock.CASES`."""
    session.flush()
    cases = cases_of_vendor(session, vendor_id)
    mark_due(session, cases, now)
    weigh_now(session, cases, now, why)


def weigh_aged(store: Database, now: datetime, most: int = 1000) -> int:
    """Weigh the open cases again whose assessment is a day old or without reasons, and what may yet become one."""
    with store.reading() as session:
        as_of = observed_until(session, now)
        aged = [row.id or 0 for row in _worth_weighing(session) if _is_aged(row, as_of)][:most]
    for number in aged:
        with store.reading() as session:
            group = read_group(session, number, now, patient=True)
        found = judge_group(group)
        with store.writing() as session:
            lock(session, Lock.CASES)
            write_group(session, group, found, now)
    return len(aged)


def _worth_weighing(session: Session) -> Sequence[CaseRow]:
    watched = (CaseRow.state == CaseState.WATCHED.value) & (CaseRow.leak >= WORTH_A_LOOK)
    query = select(CaseRow).where(col(CaseRow.state).in_(OPEN) | watched, col(CaseRow.merged_into).is_(None))
    return session.exec(query.order_by(col(CaseRow.id))).all()


def _is_aged(case: CaseRow, as_of: datetime) -> bool:
    assessed = findings_of(case.findings).assessed_at
    return assessed is None or as_of - assessed >= REASSESS_AFTER


def judge_group(group: CaseGroup) -> tuple["WeighedCase", ...]:
    """Return what is to be believed of the cases of a group that are due, with those that are one with them."""
    from canary.attribute.assess import SourceNames  # noqa: PLC0415 - takes as much memory as the rest of a worker
    from canary.attribute.groups import weigh_group  # noqa: PLC0415

    return weigh_group(group.asked, SourceNames(group.names), group.rates)


def write_group(
    session: Session, group: CaseGroup, found: Sequence["WeighedCase"], now: datetime, why: str = ""
) -> None:
    """Write what was found of cases that are as they were read but for further mail."""
    for weighed in found:
        rows = session.exec(select(CaseRow).where(col(CaseRow.id).in_(weighed.cases))).all()
        if len(rows) == len(weighed.cases) and all(_is_as_read(group, row) for row in rows):
            late = any(row.evidence != group.evidence[row.id or 0] for row in rows)
            case = _join(session, rows, now)
            _follow(session, case, weighed, group.asked.world.now, why)
            case.weighed = case.evidence
            case.due_at = None
            if late:
                add_evidence(case, now)
    session.flush()


def _is_as_read(group: CaseGroup, row: CaseRow) -> bool:
    number = row.id or 0
    return row.merged_into is None and row.state == group.states[number] and row.revised <= group.evidence[number]


def _join(session: Session, rows: Sequence[CaseRow], now: datetime) -> CaseRow:
    """Let the case that people know best have what the others had."""
    case, *parts = sorted(rows, key=lambda row: (not row.touched, row.state not in OPEN, row.id))
    for part in parts:
        absorb(session, case, part, now)
    if parts:
        burning.follow_state(session, case)
    return case


def _follow(session: Session, case: CaseRow, weighed: "WeighedCase", as_of: datetime, why: str) -> None:
    """Store what is believed of a case, and let it open or be explained."""
    store_assessment(session, case, weighed.assessment, as_of)
    case_at = session.info.get(CASE_AT, USUAL) if records.has_leaks(session, case) else inf
    step = next_step(CaseState(case.state), case.leak, case_at, touched=case.touched)
    _STEPS[step](session, case, as_of, why)
    session.flush()


def _open(session: Session, case: CaseRow, at: datetime, why: str) -> None:
    """Open a case, or again one that was explained."""
    known = session.get(CaseNotificationRow, case.id) is not None
    case.state, case.vendor_id = CaseState.NEW.value, records.leading_vendor(session, case)
    said = f"A leak is {percent(case.leak)} likely by all that came.{_because(why)}"
    records.add_event(session, case, at, "reopened" if known else "opened", said)
    burning.follow_state(session, case)
    case_alerts.record_assessment(session, case, at)
    if not known:
        case_alerts.queue_opened(session, case)


def _explain(session: Session, case: CaseRow, at: datetime, why: str) -> None:
    """Close a case that no leak explains better, which nobody has touched."""
    case.state = CaseState.EXPLAINED.value
    said = f"Explained: a leak is only {percent(case.leak)} likely by now.{_because(why)}"
    records.add_event(session, case, at, "explained", said)
    burning.follow_state(session, case)


def _propose(session: Session, case: CaseRow, at: datetime, why: str) -> None:
    """Propose to close a case that somebody works on, once."""
    case_alerts.record_assessment(session, case, at)
    if records.last_event(session, case, ("proposal", "state")) != "proposal":
        said = f"A leak is only {percent(case.leak)} likely by now: close it as explained?{_because(why)}"
        records.add_event(session, case, at, "proposal", said)


def _stay(session: Session, case: CaseRow, at: datetime, _why: str) -> None:
    if case.state in OPEN:
        case_alerts.record_assessment(session, case, at)
    elif case.state == CaseState.WATCHED:
        case_alerts.queue_watched(session, case)


_STEPS = {Step.OPEN: _open, Step.EXPLAIN: _explain, Step.PROPOSE: _propose, Step.STAY: _stay}


def _because(why: str) -> str:
    return f" {why}" if why else ""


def _clear_unweighed(session: Session, number: int, found: Sequence["WeighedCase"]) -> None:
    """Nothing is due of a case that is not weighed any more."""
    if not any(number in weighed.cases for weighed in found):
        case = session.get_one(CaseRow, number)
        case.due_at = None
