"""`canary import` as a process: killed while it reads and while it judges, it comes to the same end as undisturbed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import func, select

from canary.store.tables import CaseRow, HitRow, MailRow
from tests.letterbox import RECEIVER, Letter, history, lure, mbox
from tests.processes import ROOT, House, eventually

pytestmark = pytest.mark.slow
BULKY = Letter("a@else.example", "b@other.example", text="not for us\n" * 10_000)


def archive(folder: Path) -> Path:
    """Some 40 MB that are nobody's here, and among them 620 mails to two canaries, a third of the leaked one's strange."""
    ours = [replace(letter, day=letter.day + n / 7) for n in range(40) for letter in history()[:15]]
    strange = [lure("shop@in.example", 800 + n, f"reader{n}") for n in range(20)]
    folder.mkdir(exist_ok=True)
    with (folder / "years.mbox").open("wb") as file:
        for at, letter in enumerate((*ours, *strange)):
            file.write(mbox([letter]))
            if at % 2:
                file.write(mbox([replace(BULKY, subject=str(at))]))
            if at == 300:
                file.write(mbox([b"\0 garbage"]))
    return folder / "years.mbox"


ASKED = ("import", "--adopt", "in.example", "--trust-authserv", RECEIVER, "--yes", "--json")


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    opened: list[House] = []

    def make(name: str) -> House:
        (tmp_path / name).mkdir()
        # A decoy is made by chance beside what is adopted, and its silence counts in the weighing.
        opened.append(House(tmp_path / name, {"CANARY_DECOYS__COUNT": "0"}))
        return opened[-1]

    yield make
    for house in opened:
        house.store.close()


def kill_when(house: House, path: Path, ready: Callable[[], bool]) -> None:
    """Start the import and kill it as soon as it has come so far."""
    command = [sys.executable, "-m", "canary", *ASKED, str(path)]
    with subprocess.Popen(
        command, env=house.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        eventually(lambda: process.poll() is not None or ready())
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        os.kill(process.pid, signal.SIGKILL)


def read_so_far(house: House) -> int:
    """How many mails the ledger of the import has seen."""
    for file in (house.folder / "data/import").glob("*.db"):
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as ledger:
            row = ledger.execute("SELECT count FROM tally WHERE name = 'read'").fetchone()
            return int(row[0]) if row else 0
    return 0


def judged_so_far(house: House) -> int:
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(house.folder / "data/canary.db")) as store:
        return int(store.execute("SELECT count(*) FROM mail").fetchone()[0])
    return 0


def counts(house: House) -> list[int]:
    with house.store.reading() as session:
        return [session.exec(select(func.count()).select_from(t)).one() for t in (MailRow, HitRow, CaseRow)]


def told(house: House, path: Path) -> dict[str, object]:
    found = json.loads(house.canary(*ASKED, str(path)))
    assert isinstance(found, dict)
    return {
        name: found[name] for name in ("read", "new", "known", "elsewhere", "unissued", "aside", "verdicts", "cases")
    }


def test_killed_twice_it_comes_to_the_same_end(houses: Callable[[str], House], tmp_path: Path) -> None:
    path, whole, cut = archive(tmp_path / "mail"), houses("whole"), houses("cut")
    undisturbed = told(whole, path)
    kill_when(cut, path, lambda: read_so_far(cut) > 50)
    halfway = read_so_far(cut)
    kill_when(cut, path, lambda: judged_so_far(cut) > 50)
    assert halfway < 931
    assert 50 < judged_so_far(cut) < 620
    assert told(cut, path) == undisturbed
    assert counts(cut) == counts(whole) == [620, 620, 1]
    assert undisturbed["verdicts"] == {"expected": 600, "spam": 20}
    assert (undisturbed["read"], undisturbed["aside"], undisturbed["elsewhere"]) == (931, 1, 310)


def test_without_a_terminal_and_without_yes_it_changes_nothing(houses: Callable[[str], House], tmp_path: Path) -> None:
    house = houses("asked")
    (tmp_path / "box").write_bytes(mbox(history()))
    command = [sys.executable, "-m", "canary", *ASKED[:5], str(tmp_path / "box")]
    done = subprocess.run(
        command, env=house.environment, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "2 addresses would be adopted: nothing was changed" in done.stderr
    assert "shop@in.example" in done.stdout
    assert house.canary("canaries", "--json").strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("gone.mbox",), "gone.mbox"),
        ((".", "--adopt", "nonsense"), "'nonsense'"),
        ((".", "--trust-authserv", "x y"), "'x y'"),
        ((".", "--vendor-map", "gone.csv"), "gone.csv"),
    ],
)
def test_wrong_use_is_one_line(houses: Callable[[str], House], arguments: tuple[str, ...], line: str) -> None:
    house = houses("wrong")
    command = [sys.executable, "-m", "canary", "import", *arguments]
    done = subprocess.run(command, env=house.environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert line in done.stderr


def test_a_vendor_map_overrides_and_its_bad_rows_are_named(houses: Callable[[str], House], tmp_path: Path) -> None:
    house, table = houses("mapped"), tmp_path / "map.csv"
    table.write_text("shop@in.example,My Shop,orders\nnonsense,x\n")
    (tmp_path / "box").write_bytes(mbox(history()))
    command = [sys.executable, "-m", "canary", *ASKED, str(tmp_path / "box"), "--vendor-map", str(table)]
    done = subprocess.run(command, env=house.environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [
        f"{table}, line 2: 'nonsense' is not an address: write address,vendor,channel,domains"
    ]
    found = {row["address"]: row for row in json.loads(house.canary("canaries", "--json"))}
    assert (found["shop@in.example"]["vendor"], found["shop@in.example"]["channel"]) == ("my-shop", "orders")
    assert found["me+club@in.example"]["vendor"] == "club"
