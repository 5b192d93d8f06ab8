"""What people do with a case, and what later mail does to it: on a real spool and a real store of each kind."""

import secrets
from datetime import timedelta

import pytest
from sqlmodel import select

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import records, workflow
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.store.database import Database
from canary.store.queries import audit
from canary.store.queries.users import add_user
from canary.store.queries.vendors import Unknown
from canary.store.tables import CanaryRow, CaseRow, HitRow
from tests.conftest import START
from tests.parts.test_pipeline import LURE, World, world  # noqa: F401 - a fixture

ADA = Decision("ada", START + timedelta(hours=1))
OTHER = (
    b"From: Bank <x@evil.example>\r\nSubject: Gold coins\r\n\r\nWrite to us for gold at https://evil.example/gold\r\n"
)


@pytest.fixture
def hit(world: World) -> World:  # noqa: F811
    """A case of the shop, which has two addresses."""
    world.send(LURE, "shop")
    world.run()
    with world.store.writing() as session:
        world.addresses["second"] = lifecycle.issue(
            session, IssueOrder("shop", "in.example"), secrets.randbelow, START
        ).address
    return world


def go(store: Database, *states: CaseState, number: int = 1) -> None:
    with store.writing() as session:
        for state in states:
            workflow.set_state(session, number, state, ADA)


def come(world: World, content: bytes, to: str) -> tuple[list[str], list[int | None]]:  # noqa: F811
    world.send(content, to)
    world.run()
    return [case.state for case in world.rows(CaseRow)], [row.case_id for row in world.rows(HitRow)]


CONFIRM = (CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.CLOSED)


def test_a_case_goes_through_its_states_with_who_in_timeline_and_audit(hit: World) -> None:
    go(hit.store, *CONFIRM)
    with hit.store.reading() as session:
        case, lines, audited = workflow.get_case(session, 1), records.timeline(session, 1), audit.audited(session)
    assert (case.state, case.outcome) == ("closed", "confirmed")
    assert [(e.who, e.text) for e in lines if e.kind == "state"] == [
        ("ada", "new → investigating"), ("ada", "investigating → confirmed"), ("ada", "confirmed → closed"),
    ]  # fmt: skip
    assert [(a.who, a.action, a.subject) for a in audited] == [("ada", "case-state", "case 1")] * 3


def test_a_state_that_cannot_follow_is_refused_with_those_that_can(hit: World) -> None:
    with pytest.raises(ValueError, match="case 1: new cannot become closed; it can become investigating, vendor-not"):
        go(hit.store, CaseState.CLOSED)


def test_only_a_user_can_be_assigned_to_a_case(hit: World) -> None:
    with hit.store.writing() as session:
        add_user(session, "ada", "correct horse battery", "analyst", START)
        assert workflow.set_assignee(session, 1, "Ada", ADA).owner == "ada"
        with pytest.raises(Unknown, match="user 'ben' is not known: add one with `canary user add`"):
            workflow.set_assignee(session, 1, "ben", ADA)


def test_a_time_of_awareness_in_the_future_is_refused(hit: World) -> None:
    with hit.store.writing() as session, pytest.raises(ValueError, match="that is in the future"):
        workflow.set_aware(session, 1, START + timedelta(days=1), ADA)


def test_an_empty_note_is_refused(hit: World) -> None:
    with hit.store.writing() as session, pytest.raises(ValueError, match="the note is empty"):
        workflow.add_note(session, 1, Decision("ada", START, "  "))


def test_more_of_the_same_joins_a_closed_case_silently(hit: World) -> None:
    go(hit.store, *CONFIRM)
    assert come(hit, LURE, "shop") == (["closed"], [1, 1])


@pytest.mark.parametrize(
    ("content", "to", "why"), [(LURE, "second", "an address"), (OTHER, "shop", "another campaign")]
)
def test_new_evidence_opens_a_closed_case_again(hit: World, content: bytes, to: str, why: str) -> None:
    go(hit.store, *CONFIRM)
    assert come(hit, content, to) == (["investigating"], [1, 1])
    with hit.store.reading() as session:
        assert [e.text for e in records.timeline(session, 1) if e.kind == "reopened" and why in e.text]


def test_what_hits_further_addresses_in_a_false_positive_changes_nothing_and_burns_none(hit: World) -> None:
    go(hit.store, CaseState.FALSE_POSITIVE)
    assert come(hit, LURE, "second") == (["false-positive"], [1, 1])
    with hit.store.reading() as session:
        states = session.exec(select(CanaryRow.state).where(CanaryRow.address == hit.addresses["second"])).all()
    assert states == ["active"]


def test_another_campaign_than_that_of_a_false_positive_is_another_case(hit: World) -> None:
    go(hit.store, CaseState.FALSE_POSITIVE, CaseState.CLOSED)
    assert come(hit, OTHER, "shop") == (["closed", "new"], [1, 2])
    assert come(hit, LURE, "shop") == (["closed", "new"], [1, 2, 1])
