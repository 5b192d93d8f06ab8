"""What was believed when: the likeliest suspects of a case at each time it was weighed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert
from sqlmodel import Session

from canary.model.case import Suspect
from canary.store.tables import SuspectHistoryRow
from canary.store.tables.base import metadata

REMEMBERED = 8
"""So many suspects are remembered from each weighing; what is less likely than these tells nobody anything."""

_BELIEF = metadata.tables[str(SuspectHistoryRow.__tablename__)]
_FORGET = delete(_BELIEF).where(_BELIEF.c.case_id == bindparam("case"), _BELIEF.c.at == bindparam("then"))


def record_suspects(session: Session, case: int, at: datetime, suspects: Sequence[Suspect]) -> None:
    """Remember what is believed of a case as of a time; a later weighing as of the same time takes its place."""
    connection = session.connection()
    connection.execute(_FORGET, {"case": case, "then": at})
    rows = [{"case_id": case, "at": at, "kind": str(s.kind), "suspect": s.id, "p": s.p} for s in suspects[:REMEMBERED]]
    if rows:
        connection.execute(insert(_BELIEF), rows)
