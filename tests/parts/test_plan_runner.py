"""The plan in the browser is worked out by a process of its own, one at a time; the newest is kept."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from canary.model.plan_run import PlanRun
from canary.processes.plan_runner import PlanRunner
from tests.processes import eventually

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ended(runner: PlanRunner) -> PlanRun:
    eventually(lambda: not runner.look().running)
    return runner.look()


def test_the_plan_of_an_installation_is_worked_out_beside_it(tmp_path: Path) -> None:
    config = tmp_path / "canary.toml"
    config.write_text(f'data = "{tmp_path}/data"\ndomains = ["in.example"]\n')
    add = [sys.executable, "-m", "canary", "--config", str(config), "vendor", "add", "Shop", "--domain", "shop.example"]
    subprocess.run(add, check=True, capture_output=True)
    runner = PlanRunner(tmp_path / "data", config, lambda: NOW)
    assert runner.look() == PlanRun()
    runner.begin()
    runner.begin()
    found = ended(runner)
    assert (found.made, found.fault, bool(found.lines)) == (NOW, "", True)
    eventually(lambda: PlanRunner(tmp_path / "data", config, lambda: NOW).look() == found)


def test_a_plan_that_cannot_be_made_says_why_and_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    broken = PlanRunner(tmp_path / "data", tmp_path / "none.toml", lambda: NOW)
    broken.begin()
    assert str(tmp_path / "none.toml") in ended(broken).fault
    slow = PlanRunner(tmp_path / "data", tmp_path / "none.toml", lambda: NOW, seconds=0)
    slow.begin()
    assert ended(slow).fault.startswith("took longer than 0 s")


def test_nothing_is_begun_once_the_dashboard_ends(tmp_path: Path) -> None:
    runner = PlanRunner(tmp_path / "data", tmp_path / "none.toml", lambda: NOW)
    runner.stop()
    runner.begin()
    assert not runner.look().running
