"""Each broken set-up is one line with its cure and an exit code, as docs/operating.md has them."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broken_setups import SETUPS, BrokenSetup, row, run
from tests.patience import PATIENCE
from tests.processes import ROOT, House

pytestmark = pytest.mark.slow
DOCS = (ROOT / "docs/operating.md").read_text().splitlines()


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.what)
def test_a_broken_set_up_is_one_line_with_the_cure_and_the_docs_say_so(setup: BrokenSetup, tmp_path: Path) -> None:
    said = run(setup, tmp_path)
    assert row(setup, said) in DOCS, said.lines
    assert said.line
    assert setup.check or len(said.lines) == 1, said.lines


def test_the_docs_say_nothing_of_other_set_ups() -> None:
    begin = DOCS.index("| what is broken | command | what it says | code |") + 2
    rows = DOCS[begin : DOCS.index("", begin)]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == [setup.what for setup in SETUPS]


def test_without_a_terminal_the_first_run_link_is_in_a_file_for_its_user_alone(tmp_path: Path) -> None:
    environ = {"CANARY_DOMAINS": "[]", "CANARY_CONFIG": str(tmp_path / "canary.toml")}
    with House(tmp_path, environ).open() as house, house.running("up", until=("is in",)) as running:
        line = running.said("is in")
        file = Path(line.rpartition(" ")[2])
        assert line.startswith("Canary is not set up yet.")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "/first-run/" in file.read_text()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 1
        running.said("ended before anything was set up; start `canary up` again for a new link")
        assert (file.exists(), (tmp_path / "canary.toml").exists()) == (False, False)


def test_init_that_fails_on_a_bad_setting_leaves_nothing_and_can_be_done_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "canary", "init", "--domain", "in.example"]
    environ = {"PATH": os.environ["PATH"], "CANARY_PASSWORD": "correct horse battery"}

    def init(**more: str) -> tuple[int, int]:
        told = {**environ, **more, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=told, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, len(done.stderr.splitlines())

    assert init(CANARY_SMTP__PORT="x") == (2, 1)
    assert list(tmp_path.iterdir()) == []
    assert init() == (0, 0)
