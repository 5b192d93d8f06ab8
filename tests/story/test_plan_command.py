"""`canary plan` as it is typed: from a file, and from the installation."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, House

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # each command is a process of its own
WORLD = str(ROOT / "tests/cases/worlds/play/world.json")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path).open() as found:
        yield found


def say(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "canary", *arguments]
    return subprocess.run(command, env=house.environment, cwd=house.folder, capture_output=True, text=True, check=False)


def test_a_world_in_a_file_is_planned_for(house: House) -> None:
    done = say(house, "plan", "--world", WORLD, "--most", "1", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert {t["id"] for t in found["under_instrumented"]} == {"silverline", "otherpost"}
    assert all(p["after"]["right"] >= p["before"]["right"] for p in found["proposals"])


def test_the_installation_is_planned_for(house: House) -> None:
    say(house, "vendor", "add", "Shop", "--domain", "shop.example", "--supplier", "Silver")
    say(house, "issue", "shop")
    done = say(house, "plan", "--most", "0")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "Not distinguishable: supplier silver and vendor shop.",
    )


def test_a_file_that_is_no_world_is_one_line(house: House) -> None:
    done = say(house, "plan", "--world", "nothing.json")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
