"""The commands as a new user types them, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, House

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # each command is a process of its own, a second or so
Said = subprocess.CompletedProcess[str]
CASES = ROOT / "tests/cases/verdicts"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path).open() as found:
        yield found


@pytest.fixture
def say(house: House) -> Callable[..., Said]:
    return speaker(house)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Callable[..., Said]]:
    """Commands in one installation that is empty, and that they leave so."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "data").mkdir()
    shutil.copy(sqlite_template, folder / "data" / "canary.db")
    with House(folder).open() as house:
        yield speaker(house)


def speaker(house: House) -> Callable[..., Said]:
    def run(*arguments: str, **environ: str) -> Said:
        command = [sys.executable, "-m", "canary", *arguments]
        return subprocess.run(
            command, env={**house.environment, **environ}, cwd=house.folder, capture_output=True, text=True, check=False
        )

    return run


def test_a_new_user_comes_from_init_to_an_address(say: Callable[..., Said], tmp_path: Path) -> None:
    begun = say("init", "--domain", "in.example")
    assert "MX   10 mail.in.example." in begun.stdout
    assert "password: " in begun.stdout
    assert (tmp_path / "canary.toml").exists()
    assert say("vendor", "add", "Shop", "--domain", "shop.example", "--supplier", "Silver:newsletter").returncode == 0
    issued = json.loads(say("issue", "shop", "--channel", "newsletter", "--count", "3", "--format", "json").stdout)
    assert len({row["address"] for row in issued}) == 3
    shown = json.loads(say("vendor", "show", "shop", "--json").stdout)
    [silver] = shown["suppliers"]
    assert (silver["id"], silver["channel"], silver["from"], silver["origin"]) == (
        "silver",
        "newsletter",
        None,
        "declared",
    )


def test_init_does_not_overwrite_what_is_there(say: Callable[..., Said]) -> None:
    say("init", "--domain", "in.example")
    again = say("init", "--domain", "other.example")
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("issue", "nobody"), 1, "'nobody'"),
        (("vendor", "add", "X", "--domain", "nonsense"), 2, "'nonsense'"),
        (("vendor", "add", "X", "--domain", "gmail.com"), 2, "platform"),
        (("rotate", "x@y.example"), 1, "x@y.example"),
        (("case", "show", "7"), 1, "case 7"),
        (("judge", "missing.eml", "--vendor-domain", "a.example"), 2, "missing.eml"),
        (("alert", "test"), 2, "alert.destinations"),
    ],
)
def test_wrong_use_is_one_line_with_the_thing_and_the_cure(
    ask: Callable[..., Said], arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = ask(*arguments)
    assert (done.returncode, len(done.stderr.splitlines()), told in done.stderr) == (code, 1, True)


def test_a_bad_setting_ends_every_command_with_code_2(say: Callable[..., Said]) -> None:
    done = say("vendor", "list", CANARY_SMTP__PORT="many")
    assert (done.returncode, done.stderr.startswith("smtp.port = 'many'")) == (2, True)


def test_a_store_that_cannot_be_reached_is_one_line(say: Callable[..., Said]) -> None:
    done = say("vendor", "list", CANARY_STORE__URL="postgresql+psycopg://x@127.0.0.1:9/x")
    assert (done.returncode, done.stderr.startswith("store: ")) == (1, True)
    assert "Traceback" not in done.stderr


def test_judge_explains_one_mail_as_one_json_document(say: Callable[..., Said]) -> None:
    folder = CASES / "04-impersonation-policy"
    done = say(
        "judge", str(folder / "mail.eml"), "--vendor-domain", "shop.example", "--zone", str(folder / "zone.json"),
        "--mail-from", "x@nowhere.example", "--client-ip", "203.0.113.5", "--helo", "bad.example", "--json",
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert set(told) == {"verdict", "confidence", "reasons", "identity", "auth"}
    assert (told["verdict"], told["auth"]["dmarc"], told["auth"]["spf"]) == ("impersonation", "fail", "none")
    assert set(told["identity"]) == {"domain", "proof", "esp", "account"}


def test_doctor_finds_what_does_not_listen(ask: Callable[..., Said]) -> None:
    done = ask("doctor", "--json")
    assert done.returncode == 1
    fine = {row["check"]: row["fine"] for row in json.loads(done.stdout)}
    assert fine == {
        "domains": True, "disk": True, "store": True, "listener": False, "dashboard": False, "self-test": True,
        "alerts": True,
    }  # fmt: skip


def test_a_csv_of_canaries_holds_no_formula(say: Callable[..., Said]) -> None:
    say("vendor", "add", "Shop", "--domain", "shop.example")
    said = say("issue", "shop", "--channel", "=1+1", "--format", "csv").stdout
    assert ",'=1+1," in said


def test_decoys_are_made_listed_apart_and_told_when_their_key_is_gone(say: Callable[..., Said], house: House) -> None:
    say("init", "--domain", "in.example")
    say("vendor", "add", "Shop", "--domain", "shop.example")
    say("issue", "shop", "--count", "3")
    told = json.loads(say("decoys", "--json").stdout)
    [domain] = told["domains"]
    assert (domain["issued"], domain["random"], domain["guessable"], domain["hit"]) == (3, 10, 10, [])
    assert len(json.loads(say("canaries", "--json").stdout)) == 3
    assert len(json.loads(say("canaries", "--decoys", "--json").stdout)) == 20
    (house.folder / told["key"]).unlink()
    without = say("decoys")
    assert (without.returncode, len(without.stderr.splitlines()), "missing" in without.stderr) == (1, 1, True)
    assert len(json.loads(say("canaries", "--json").stdout)) == 23
