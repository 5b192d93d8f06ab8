"""The commands as a new user types them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from canary.processes.doctor.examination import CHECKS
from tests.commands import CommandLine, Outcome, installation
from tests.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
CASES = ROOT / "tests/cases/verdicts"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        yield found


@pytest.fixture
def say(house: CommandLine) -> Callable[..., Outcome]:
    def run(*arguments: str, **environ: str) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            return house(*arguments)

    return run


def test_a_new_user_comes_from_init_to_an_address(say: Callable[..., Outcome], tmp_path: Path) -> None:
    begun = say("init", "--domain", "in.example")
    assert "MX   10 mail.in.example." in begun.out
    assert "password: " in begun.out
    assert (tmp_path / "canary.toml").exists()
    assert say("vendor", "add", "Shop", "--domain", "shop.example", "--supplier", "Silver:newsletter").code == 0
    issued = json.loads(say("issue", "shop", "--channel", "newsletter", "--count", "3", "--format", "json").out)
    assert len({row["address"] for row in issued}) == 3
    shown = json.loads(say("vendor", "show", "shop", "--json").out)
    [silver] = shown["suppliers"]
    assert (silver["id"], silver["channel"], silver["from"], silver["origin"]) == (
        "silver",
        "newsletter",
        None,
        "declared",
    )


def test_init_does_not_overwrite_what_is_there(say: Callable[..., Outcome]) -> None:
    say("init", "--domain", "in.example")
    again = say("init", "--domain", "other.example")
    assert (again.code, len(again.err.splitlines())) == (1, 1)


def test_init_that_fails_can_be_tried_again(say: Callable[..., Outcome], tmp_path: Path) -> None:
    failed = say("init", "--domain", "in.example", CANARY_SMTP__PORT="many")
    assert (failed.code, "port" in failed.err, (tmp_path / "canary.toml").exists()) == (2, True, False)
    assert say("init", "--domain", "in.example").code == 0


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
    say: Callable[..., Outcome], arguments: tuple[str, ...], code: int, told: str
) -> None:
    say("vendor", "list")
    done = say(*arguments)
    assert (done.code, len(done.err.splitlines()), told in done.err) == (code, 1, True)


def test_a_bad_setting_ends_every_command_with_code_2(say: Callable[..., Outcome]) -> None:
    done = say("vendor", "list", CANARY_SMTP__PORT="many")
    assert (done.code, done.err.startswith("smtp.port = 'many'")) == (2, True)


def test_a_store_that_cannot_be_reached_is_one_line(say: Callable[..., Outcome]) -> None:
    done = say("vendor", "list", CANARY_STORE__URL="postgresql+psycopg://x@127.0.0.1:9/x")
    assert (done.code, done.err.startswith("store: ")) == (1, True)
    assert "Traceback" not in done.err


def test_judge_explains_one_mail_as_one_json_document(say: Callable[..., Outcome]) -> None:
    folder = CASES / "04-impersonation-policy"
    done = say(
        "judge", str(folder / "mail.eml"), "--vendor-domain", "shop.example", "--zone", str(folder / "zone.json"),
        "--mail-from", "x@nowhere.example", "--client-ip", "203.0.113.5", "--helo", "bad.example", "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    assert set(told) == {"verdict", "confidence", "reasons", "identity", "auth"}
    assert (told["verdict"], told["auth"]["dmarc"], told["auth"]["spf"]) == ("impersonation", "fail", "none")
    assert set(told["identity"]) == {"domain", "proof", "esp", "account"}


def test_doctor_finds_what_does_not_listen(say: Callable[..., Outcome], tmp_path: Path) -> None:
    say("vendor", "list")
    subprocess.run(["chmod", "-R", "go=", str(tmp_path)], check=True)
    done = say("doctor", "--json")
    assert done.code == 1
    fine = {row["check"]: row["fine"] for row in json.loads(done.out)}
    assert fine == {
        **dict.fromkeys((name for name, _ in CHECKS), True), "listener": False, "worker": False, "dashboard": False,
        "records": False,
    }  # fmt: skip


def test_a_csv_of_canaries_holds_no_formula(say: Callable[..., Outcome]) -> None:
    say("vendor", "add", "Shop", "--domain", "shop.example")
    said = say("issue", "shop", "--channel", "=1+1", "--format", "csv").out
    assert ",'=1+1," in said


def test_decoys_are_made_and_listed_apart_and_their_missing_key_is_reported(
    say: Callable[..., Outcome], house: CommandLine
) -> None:
    say("init", "--domain", "in.example")
    say("vendor", "add", "Shop", "--domain", "shop.example")
    say("issue", "shop", "--count", "3")
    told = json.loads(say("decoys", "--json").out)
    [domain] = told["domains"]
    assert (domain["issued"], domain["random"], domain["guessable"], domain["hit"]) == (3, 10, 10, [])
    assert len(json.loads(say("canaries", "--json").out)) == 3
    assert len(json.loads(say("canaries", "--decoys", "--json").out)) == 20
    (house.folder / told["key"]).unlink()
    without = say("decoys")
    assert (without.code, len(without.err.splitlines()), "missing" in without.err) == (1, 1, True)
    assert len(json.loads(say("canaries", "--json").out)) == 23
