"""`canary doctor` sends itself a mail through the running parts and finds it judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from canary.store.tables import CaseRow, HitRow
from tests.patience import PATIENCE
from tests.processes import ROOT, House, Running

pytestmark = pytest.mark.slow


def doctor(house: House, running: Running, **environ: str) -> dict[str, dict[str, object]]:
    ports = {"CANARY_SMTP__PORT": str(running.port("smtp"))}
    command = [sys.executable, "-m", "canary", "doctor", "--json"]
    told = {**house.environment, **ports, **environ}
    done = subprocess.run(command, env=told, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return {row["check"]: row for row in json.loads(done.stdout)}


def test_the_mail_of_the_doctor_is_judged_a_self_test_and_accuses_nobody(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        house.vendor("Shop", "shop.example")
        with house.running("up", until=("smtp listening", "web listening", "worker ready")) as running:
            found = doctor(house, running)["self-test"]
        assert (found["fine"], "received and judged after" in str(found["text"])) == (True, True)
        with house.store.reading() as session:
            assert session.exec(select(HitRow.verdict)).all() == ["self-test"]
            assert session.exec(select(CaseRow)).all() == []


def test_a_doctor_of_another_installation_is_recognised_as_such(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        house.vendor("Shop", "shop.example")
        with house.running("up", until=("smtp listening", "web listening", "worker ready")) as running:
            url = f"sqlite:///{house.folder}/data/canary.db"
            found = doctor(house, running, CANARY_DATA=str(tmp_path / "elsewhere"), CANARY_STORE__URL=url)["self-test"]
        assert (found["fine"], "same data folder" in str(found["text"])) == (False, True)


def test_the_doctor_says_when_nobody_judges(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        house.vendor("Shop", "shop.example")
        with house.running("smtp", until=("smtp listening",)) as running:
            found = doctor(house, running)["self-test"]
        assert (found["fine"], "is `canary worker` running" in str(found["text"])) == (False, True)
