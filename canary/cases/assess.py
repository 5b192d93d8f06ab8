"""Weighing a case: who leaked, as of a time, stored beside earlier assessments.

Open cases are weighed again as time passes, as every day on which an address stays quiet is evidence. Cases of many
addresses get their reasons then, since these take long, and a mail that is being written cannot wait.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert
from sqlmodel import Session, col, select

from canary.attribute.priors import CARRIED_AS, RATES, Rates
from canary.cases import case_alerts, records
from canary.model.case import Suspect
from canary.store.codec import findings_json, findings_of, suspects_json
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.queries import vendors
from canary.store.queries.world import world_of
from canary.store.tables import CaseRow, SuspectHistoryRow
from canary.store.tables.base import metadata

if TYPE_CHECKING:
    from canary.attribute.assess import Assessment

REASSESS_AFTER = timedelta(days=1)
"""An assessment as old as this is made again."""

REMEMBERED = 8
"""How many suspects of each assessment are stored; less likely ones matter to nobody."""

_HISTORY = metadata.tables[str(SuspectHistoryRow.__tablename__)]
_FORGET = delete(_HISTORY).where(_HISTORY.c.case_id == bindparam("case"), _HISTORY.c.at == bindparam("then"))


def assess_now(session: Session, case: CaseRow) -> None:
    """Weigh the suspects of a case as of its last hit; changes that are worth an alert go into the outbox."""
    session.flush()
    _keep_assessment(session, case, assess_case(session, case, case.last_hit_at), case.last_hit_at)


def assess_case(session: Session, case: CaseRow, at: datetime, *, patient: bool = False) -> "Assessment":
    """Return what is to be believed of a case at a time, by the assumptions that the store was opened with.

    A case of many addresses gets its reasons only where the caller is patient.
    """
    # The arithmetic takes as much memory as all the rest of a worker, which most of the time has nothing to weigh.
    from canary.attribute.assess import SourceNames, assess  # noqa: PLC0415

    names = vendors.vendor_names(session) | vendors.supplier_names(session)
    rates: Rates = session.info.get(CARRIED_AS, RATES)
    return assess(world_of(session, at, [case.id or 0]), SourceNames(names), rates, patient=patient)


def reassess_due(store: Database, now: datetime) -> int:
    """Weigh the open cases whose assessment is a day old or without reasons, and return how many.

    The computation is done outside of any writing transaction.
    """
    with store.reading() as session:
        due = list(_due_cases(session, now))
    return sum(_reassess(store, number, now) for number in due)


def _keep_assessment(session: Session, case: CaseRow, found: "Assessment", at: datetime) -> None:
    case.suspects, case.findings = suspects_json(found.suspects), findings_json(found.findings)
    session.add(case)
    _remember_suspects(session, case.id or 0, at, found.suspects)
    case_alerts.record_assessment(session, case, at)


def _remember_suspects(session: Session, case: int, at: datetime, suspects: Sequence[Suspect]) -> None:
    """Store the suspects of a case as of a time; a later assessment as of the same time replaces them."""
    connection = session.connection()
    connection.execute(_FORGET, {"case": case, "then": at})
    rows = [{"case_id": case, "at": at, "kind": str(s.kind), "suspect": s.id, "p": s.p} for s in suspects[:REMEMBERED]]
    if rows:
        connection.execute(insert(_HISTORY), rows)


def _due_cases(session: Session, now: datetime) -> Iterator[int]:
    for case in session.exec(select(CaseRow).where(col(CaseRow.state).in_(records.OPEN)).order_by(col(CaseRow.id))):
        assessed = findings_of(case.findings).assessed_at
        if case.id and (assessed is None or now - assessed >= REASSESS_AFTER):
            yield case.id


def _reassess(store: Database, number: int, now: datetime) -> bool:
    with store.reading() as session:
        case = session.get_one(CaseRow, number)
        seen, found = case.last_hit_at, assess_case(session, case, now, patient=True)
    with store.writing() as session:
        lock(session, Lock.CASES)
        case = session.get_one(CaseRow, number)
        # A case that was hit meanwhile is not in this assessment: it waits for the next one.
        fresh = case.last_hit_at == seen and case.state in records.OPEN
        if fresh:
            _keep_assessment(session, case, found, now)
    return fresh
