"""Open cases are weighed again from day to day, and by what the settings assume: on a real store of each kind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from canary.attribute.priors import CARRIED_AS, RATES
from canary.cases import workflow
from canary.cases.case_group import QUIET
from canary.cases.weigh import weigh_aged
from canary.importing.import_store import quiet_store
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.processes.stores import open_store
from canary.settings import Arranged
from canary.store.codec import findings_of, suspects_of
from canary.store.database import Database
from canary.store.tables import CaseRow
from tests.conftest import START
from tests.parts.test_pipeline import LURE, World, vendor_mail, world  # noqa: F401 - a fixture
from tests.weighed import assessed

LATER = START + timedelta(days=200)


@pytest.fixture
def hit(world: World) -> World:  # noqa: F811
    world.send(LURE, "shop")
    world.run()
    return world


def hear_of_the_vendor(world: World) -> None:  # noqa: F811
    """A mail of a vendor's own comes much later: somebody was listening all the time."""
    world.clock.now = LATER
    world.send(vendor_mail("bikes.example"), "bikes", sender="news@bikes.example", ip="192.0.2.1")
    world.run()


def test_a_case_is_weighed_again_after_a_day_and_not_before(hit: World) -> None:
    days = [weigh_aged(hit.store, START + timedelta(days=n)) for n in (0.5, 1.5, 2, 3)]
    assert days == [0, 1, 0, 1]


def test_what_kept_quiet_for_long_moves_the_odds(hit: World) -> None:
    before = {s.id: s.p for s in suspects_of(hit.rows(CaseRow)[0].suspects)}
    hear_of_the_vendor(hit)
    weigh_aged(hit.store, LATER)
    (case,) = hit.rows(CaseRow)
    assert {s.id: s.p for s in suspects_of(case.suspects)} != before
    assert findings_of(case.findings).assessed_at == LATER


def test_an_archive_that_ended_is_no_address_that_kept_quiet(hit: World) -> None:
    weigh_aged(hit.store, LATER)
    (case,) = hit.rows(CaseRow)
    assert findings_of(case.findings).assessed_at == START + QUIET
    assert weigh_aged(hit.store, LATER + timedelta(days=5)) == 0


def test_a_closed_case_is_left_alone(hit: World) -> None:
    with hit.store.writing() as session:
        for state in (CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.CLOSED):
            workflow.set_state(session, 1, state, Decision("ada", START + timedelta(hours=1)))
    assert weigh_aged(hit.store, LATER) == 0


def test_suspects_are_weighed_by_what_the_settings_assume(hit: World) -> None:
    with hit.store.reading() as session:
        usual = assessed(session, 1, LATER)
        session.info[CARRIED_AS] = replace(RATES, owner=100 * RATES.owner)
        suspicious = assessed(session, 1, LATER)
    owner = {name: next(s.p for s in b.suspects if s.id == "own side") for name, b in (("a", usual), ("b", suspicious))}
    assert owner["b"] > 10 * owner["a"]


@pytest.mark.parametrize("kind", [Database, quiet_store])
def test_the_store_of_an_installation_carries_what_its_settings_assume(
    tmp_path: Path, kind: Callable[..., Database]
) -> None:
    store = open_store(Arranged(data=tmp_path, attribution={"owner": 0.5}), kind)
    with store.reading() as session:
        assert session.info[CARRIED_AS] == replace(RATES, owner=0.5)
    store.close()
