"""Cases weighed in tests as a worker does it, and what is believed of one."""

from datetime import datetime

from sqlmodel import Session

from canary.attribute.assess import Assessment
from canary.cases import records
from canary.cases.case_group import read_group
from canary.cases.weigh import judge_group
from canary.model.case import CaseState
from canary.store.tables import CaseRow


def assessed(session: Session, number: int, now: datetime, *, patient: bool = False) -> Assessment:
    """What is to be believed of a case at a time."""
    return next(weighed.assessment for weighed in judge_group(read_group(session, number, now, patient=patient)))


def open_case(session: Session, vendor: int, at: datetime) -> CaseRow:
    """A case that is open, whatever is to be believed of it."""
    case = records.begin_case(session, vendor, at)
    case.state = CaseState.NEW.value
    return case
