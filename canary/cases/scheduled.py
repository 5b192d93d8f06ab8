"""Open cases are weighed again as time passes: every day on which an address stays quiet is evidence.

Cases of many addresses get their reasons here, as these take long, and a mail that is concluded cannot wait.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from canary.cases import case_alerts, records
from canary.cases.charge import CASES_LOCK, assess_case
from canary.store.codec import findings_of
from canary.store.database import Database, lock
from canary.store.tables import CaseRow

AFTER = timedelta(days=1)
"""A belief as old as this is worth another look."""


def reassess_due(store: Database, now: datetime) -> int:
    """Weigh the open cases whose belief is a day old or without reasons, and return how many.

    The work is done outside of any transaction that writes.
    """
    with store.reading() as session:
        due = list(_due(session, now))
    return sum(_weigh(store, number, now) for number in due)


def _due(session: Session, now: datetime) -> Iterator[int]:
    for case in session.exec(select(CaseRow).where(col(CaseRow.state).in_(records.OPEN)).order_by(col(CaseRow.id))):
        assessed = findings_of(case.findings).assessed_at
        if case.id and (assessed is None or now - assessed >= AFTER):
            yield case.id


def _weigh(store: Database, number: int, now: datetime) -> bool:
    with store.reading() as session:
        case = session.get_one(CaseRow, number)
        seen, found = case.last_hit_at, assess_case(session, case, now, patient=True)
    with store.writing() as session:
        lock(session, CASES_LOCK)
        case = session.get_one(CaseRow, number)
        # What was hit meanwhile is not in this belief: it waits for the next time.
        fresh = case.last_hit_at == seen and case.state in records.OPEN
        if fresh:
            records.set_belief(session, case, found, now)
            case_alerts.record_assessment(session, case, now)
    return fresh
