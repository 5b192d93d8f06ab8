"""What is believed of stored cases, in words, and whether it calls for action."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from canary.attribute.summary import Conclusion, conclude
from canary.model.case import CaseState
from canary.store.codec import findings_of, suspects_of
from canary.store.tables import CaseEventRow, CaseRow

_EXPLAINING = (CaseState.EXPLAINED.value, "state")
"""The kinds of event that say why a case counts as explained: the weighing's, and a person's with a note."""

_NO_ACTION = (CaseState.WATCHED, CaseState.EXPLAINED, CaseState.FALSE_POSITIVE)


def conclusion_of(case: CaseRow, reason: str = "") -> Conclusion:
    """Return what is believed of a case; `reason` is why it counts as explained."""
    suspects, findings = suspects_of(case.suspects), findings_of(case.findings)
    return conclude(suspects, findings, case.state, outcome=case.outcome, reason=reason)


def calls_for_action(case: CaseRow) -> bool:
    """Whether a case is one to ask vendors about and to change addresses for: a leak leads, or a person confirmed it."""
    leads = case.state not in _NO_ACTION and conclusion_of(case).leads
    return leads or CaseState.CONFIRMED in (case.state, case.outcome)


def reasons_explained(session: Session, cases: Sequence[CaseRow]) -> dict[int, str]:
    """Return why cases count as explained: what their timelines say of it last."""
    explained = [case.id for case in cases if case.state == CaseState.EXPLAINED]
    if not explained:
        return {}
    event = CaseEventRow
    query: Any = select(event.case_id, event.kind, event.text).order_by(col(event.at), col(event.id))
    found = session.execute(query.where(col(event.case_id).in_(explained), col(event.kind).in_(_EXPLAINING)))
    return {case: text if kind != "state" else text.partition(": ")[2] for case, kind, text in found}
