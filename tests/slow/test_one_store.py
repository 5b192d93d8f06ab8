"""Whole processes beside a store that is gone, and beside others of the same role."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.patience import PATIENCE
from tests.processes import ROOT, House, Running, eventually

pytestmark = pytest.mark.slow

UP = ("smtp listening", "web listening")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path).open() as opened:
        yield opened


def refused(house: House, *arguments: str) -> str:
    """The only line of a command that ends with 1."""
    command = [sys.executable, "-m", "canary", *arguments]
    done = subprocess.run(
        command, env=house.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    return line


def code(running: Running, address: str) -> int:
    with running.client() as client:
        client.ehlo()
        client.mail("a@sender.example")
        return client.rcpt(address)[0]


def test_up_makes_no_store_where_one_was_and_goes_on_once_it_is_back(house: House) -> None:
    address = house.vendor("Shop", "shop.example")
    with house.running("up", until=(*UP, "worker ready")):
        eventually((house.folder / "data/spool/smtp.db.addresses").exists)
    file, away = house.folder / "data/canary.db", house.folder / "away.db"
    file.rename(away)
    with house.running("up", until=UP) as running:
        running.said("store cannot be used .*was used with one.*canary restore.*; waiting for it")
        assert code(running, address) == 250
        assert code(running, "nobody@in.example") == 451
        assert httpx.get(f"http://127.0.0.1:{running.port('web')}/readyz", timeout=PATIENCE).status_code == 503
        assert not file.exists()
        assert "was used with one" in refused(house, "vendor", "list")
        away.rename(file)
        running.said("worker ready")
        eventually(lambda: code(running, "nobody@in.example") == 550)
        assert not [line for line in running.lines if "Traceback" in line]


def test_a_lost_store_is_given_up_only_by_word(house: House) -> None:
    old = house.vendor("Shop", "shop.example")
    (house.folder / "data/canary.db").unlink()
    assert "canary init --fresh" in refused(house, "issue", "shop")
    assert "A new store" in house.canary("init", "--fresh")
    new = house.vendor("Shop", "shop.example")
    with house.running("up", until=(*UP, "worker ready")) as running:
        eventually(lambda: code(running, new) == 250)
        assert code(running, old) == 550
        assert "runs already" in refused(house, "init", "--claim")


def test_a_second_process_of_a_role_ends_with_one_line_that_names_the_first(house: House) -> None:
    house.vendor("Shop", "shop.example")
    house.environ["CANARY_SMTP__PROCESSES"] = "1"
    with house.running("up", until=(*UP, "worker ready")) as running:
        assert f"runs already as process {running.process.pid} " in refused(house, "up")
        for role in ("smtp", "worker", "web"):
            assert f"{role}: runs already as process " in refused(house, role)
    with house.running("worker", until=("worker ready",)) as running:
        assert f"worker: runs already as process {running.process.pid} " in refused(house, "up")
