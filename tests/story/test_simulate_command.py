"""`canary simulate` as it is typed: what it prints, and that only the seed decides it."""

import json
import subprocess
import sys

import pytest

from tests.processes import ROOT

pytestmark = pytest.mark.slow  # each command is a process of its own, and has some of its own
RIVALS = ("--method", "vote", "--method", "hits-only")


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "canary", "simulate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_figures_are_the_same_for_any_number_of_jobs() -> None:
    one, two = (simulate("--worlds", "24", "--seed", "7", "--jobs", n, "--json", *RIVALS) for n in "12")
    assert (one.returncode, one.stderr) == (0, "")
    assert one.stdout == two.stdout
    assert json.loads(one.stdout)["mixes"]["standard"]["methods"]["hits-only"]["worlds"] == 24


def test_ours_is_shown_beside_the_others_with_what_was_promised() -> None:
    done = simulate("--worlds", "2", "--mix", "low-coverage", "--method", "canary", *RIVALS)
    lines = done.stdout.splitlines()
    assert next(line for line in lines if line.startswith("figure")).split() == [
        "figure",
        "canary",
        "vote",
        "hits-only",
    ]
    assert sum(line[0] in "✓✗?" for line in lines if line) == 3


@pytest.mark.parametrize(("option", "value"), [("--mix", "mild"), ("--method", "tarot")])
def test_an_unknown_name_is_one_line_with_the_known_ones(option: str, value: str) -> None:
    done = simulate(option, value)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"{option[2:]} {value}" in done.stderr
