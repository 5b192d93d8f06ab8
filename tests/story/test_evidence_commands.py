"""`canary evidence ...` as people type it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.evidence.verify import verify_pack
from tests.commands import CommandLine, installation

pytestmark = pytest.mark.slow  # every test migrates a store of its own


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    """An installation with one vendor."""
    with installation(tmp_path) as found:
        found.canary("vendor", "add", "Play", "--domain", "play.example")
        yield found


def test_a_checkpoint_is_the_same_until_something_happens_and_only_grows(command: CommandLine) -> None:
    assert "has no entries yet" in command("evidence", "checkpoint").err
    sizes = []
    for _ in range(2):
        command.canary("issue", "play")
        found = command("evidence", "checkpoint", "--json").document
        assert found["note"] == command.canary("evidence", "checkpoint")
        sizes.append(found["size"])
    assert 0 < sizes[0] < sizes[1]


def test_the_key_of_the_log_is_for_its_user_alone(command: CommandLine) -> None:
    command.canary("issue", "play")
    assert (command.folder / "data/log.key").stat().st_mode & 0o777 == 0o600


def test_the_doctor_says_how_the_log_is_and_finds_a_key_that_is_another(command: CommandLine) -> None:
    command.canary("issue", "play")
    command.canary("evidence", "checkpoint")
    assert "entries; nobody stamps it" in command("doctor").out
    (command.folder / "data/log.key").write_text("another\n")
    assert "is not the key of this store's log; put a copy of that key there" in command("doctor").out


def test_a_pack_of_no_case_is_one_line(command: CommandLine) -> None:
    done = command("evidence", "pack", "7")
    assert (done.code, done.err) == (1, "case 7: there is none; see `canary cases`\n")


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        (None, 2, "pack.zip: cannot be read"),
        (b"PK", 1, "It cannot be read as a zip file"),
        (b"", 1, "cannot be read as a zip"),
    ],
)
def test_what_is_no_pack_is_said_to_be_none(command: CommandLine, written: bytes | None, code: int, said: str) -> None:
    if written is not None:
        Path("pack.zip").write_bytes(written)
    done = command("evidence", "verify", "pack.zip")
    assert (done.code, said in done.out + done.err) == (code, True)


def test_the_outcome_is_one_document_with_the_same_sentences(command: CommandLine) -> None:
    Path("pack.zip").write_bytes(b"PK")
    done = command("evidence", "verify", "pack.zip", "--json")
    assert (done.code, json.loads(done.out)) == (1, verify_pack(b"PK").document())


def test_no_file_is_written_over(command: CommandLine) -> None:
    Path("mine.pyz").write_bytes(b"mine")
    done = command("evidence", "verifier", "-o", "mine.pyz")
    assert (done.code, done.err) == (2, "mine.pyz: is there already; name another with --output\n")
    assert Path("mine.pyz").read_bytes() == b"mine"
