"""`canary plan` as it is typed: from a file, and from the installation."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import CommandLine, installation
from tests.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
WORLD = str(ROOT / "tests/cases/worlds/play/world.json")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        yield found


def test_a_world_in_a_file_is_planned_for(house: CommandLine) -> None:
    done = house("plan", "--world", WORLD, "--most", "1", "--json")
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert {t["id"] for t in found["under_instrumented"]} == {"silverline", "otherpost"}
    assert all(p["after"]["right"] >= p["before"]["right"] for p in found["proposals"])


def test_the_installation_is_planned_for(house: CommandLine) -> None:
    house("vendor", "add", "Shop", "--domain", "shop.example", "--supplier", "Silver")
    house("issue", "shop")
    done = house("plan", "--most", "0")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "Not distinguishable: supplier silver and vendor shop.",
    )


def test_nothing_is_well_planned_where_nothing_was_issued(house: CommandLine) -> None:
    house("vendor", "add", "Shop", "--domain", "shop.example")
    assert house("plan").out.startswith("No address was issued yet, so there is nothing to plan for")


def test_a_file_that_is_no_world_is_one_line(house: CommandLine) -> None:
    done = house("plan", "--world", "nothing.json")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
