"""The page on setting up: each of its steps is run or named as not run, and what it says of files is so."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.set_up_steps import STEPS, image_settings, steps

PAGE = (ROOT / "docs/set-up.md").read_text()


def test_every_step_is_run_or_named_as_not_run() -> None:
    assert set(steps()) == set(STEPS)


def test_systemd_reads_the_units_without_complaint(tmp_path: Path) -> None:
    if not (program := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not on this machine; install systemd to run this test")
    for name in ("canary.service", "canary.socket"):
        unit = (ROOT / "deploy" / name).read_text().replace("/usr/local/bin/canary", "/bin/true")
        (tmp_path / name).write_text(unit)
    command = [program, "verify", str(tmp_path / "canary.service"), str(tmp_path / "canary.socket")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_and_link_are_in_the_folder_that_the_page_names() -> None:
    assert image_settings()["CANARY_CONFIG"] == "/data/canary.toml"
    assert image_settings()["CANARY_DATA"] == "/data"
    unit = (ROOT / "deploy/canary.service").read_text()
    assert "CANARY_DATA=/var/lib/canary CANARY_CONFIG=/var/lib/canary/canary.toml" in unit
    assert "StateDirectory=canary" in unit
    for place in ("/data/first-run.link", "/data/canary.toml", "/var/lib/canary/first-run.link"):
        assert place in PAGE


def test_no_step_installs_into_the_python_of_the_system() -> None:
    installs = [step for step in steps() if "pip install" in step]
    assert installs
    assert [step for step in installs if "bin/pip" not in step] == []
