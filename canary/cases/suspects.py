"""What is believed of a case, stored beside earlier beliefs."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert
from sqlmodel import Session

from canary.model.case import Suspect, leak_probability
from canary.store.codec import findings_json, suspects_json
from canary.store.tables import CaseRow, SuspectHistoryRow
from canary.store.tables.base import metadata

if TYPE_CHECKING:
    from canary.attribute.assess import Assessment

REMEMBERED = 8
"""How many suspects of each assessment are stored; less likely ones matter to nobody."""

_HISTORY = metadata.tables[str(SuspectHistoryRow.__tablename__)]
_FORGET = delete(_HISTORY).where(_HISTORY.c.case_id == bindparam("case"), _HISTORY.c.at == bindparam("then"))


def store_assessment(session: Session, case: CaseRow, found: "Assessment", at: datetime) -> None:
    """Store what is believed of a case as of a time."""
    case.suspects, case.findings = suspects_json(found.suspects), findings_json(found.findings)
    case.leak = leak_probability(found.suspects)
    session.add(case)
    session.flush()
    _remember_suspects(session, case.id or 0, at, found.suspects)


def _remember_suspects(session: Session, case: int, at: datetime, suspects: Sequence[Suspect]) -> None:
    """Store the suspects of a case as of a time; a later assessment as of the same time replaces them."""
    connection = session.connection()
    connection.execute(_FORGET, {"case": case, "then": at})
    rows = [{"case_id": case, "at": at, "kind": str(s.kind), "suspect": s.id, "p": s.p} for s in suspects[:REMEMBERED]]
    if rows:
        connection.execute(insert(_HISTORY), rows)
