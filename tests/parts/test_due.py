"""Cases are marked as due to be weighed again when what bears on them changed."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from canary.cases.due import cases_of_vendor, mark_due
from canary.model.case import SETTLED, CaseState
from canary.store.database import Database
from canary.store.queries.vendors import add_vendor
from canary.store.tables import CaseRow, CaseVendorRow
from tests.conftest import START

LATER = START + timedelta(hours=3)
AS_BEFORE = (3, 1, None)


def add_case(session: Session, vendor_id: int, state: CaseState) -> CaseRow:
    case = CaseRow(
        vendor_id=vendor_id, state=state.value, opened_at=START, last_hit_at=START, evidence=3, revised=1, weighed=3
    )
    session.add(case)
    session.flush()
    session.add(CaseVendorRow(case_id=case.id or 0, vendor_id=vendor_id))
    session.flush()
    return case


def marks(store: Database, state: CaseState, hit: int = 1, marked: int = 1) -> tuple[object, ...]:
    """The numbers of a case that hit one vendor, after some vendor was marked."""
    with store.writing() as session:
        for name in ("Shop", "Bikes"):
            add_vendor(session, name, [f"{name.lower()}.example"], START)
        case = add_case(session, hit, state)
        mark_due(session, cases_of_vendor(session, marked), LATER)
        return case.evidence, case.revised, case.due_at


@pytest.mark.parametrize("state", [state for state in CaseState if state not in SETTLED])
def test_a_case_that_is_not_settled_becomes_due_with_a_new_number(store: Database, state: CaseState) -> None:
    assert marks(store, state) == (4, 4, LATER)


@pytest.mark.parametrize("state", SETTLED)
def test_a_settled_case_stays_as_it_is(store: Database, state: CaseState) -> None:
    assert marks(store, state) == AS_BEFORE


def test_a_case_of_another_vendor_stays_as_it_is(store: Database) -> None:
    assert marks(store, CaseState.NEW, hit=2) == AS_BEFORE


def test_a_case_that_is_due_keeps_its_time_and_gets_another_number(store: Database) -> None:
    with store.writing() as session:
        add_vendor(session, "Shop", ["shop.example"], START)
        case = add_case(session, 1, CaseState.WATCHED)
        mark_due(session, cases_of_vendor(session, 1), START)
        mark_due(session, cases_of_vendor(session, 1), LATER)
        assert (case.evidence, case.revised, case.due_at) == (5, 5, START)
