"""No command, whatever goes wrong, shows the address of a destination."""

from pathlib import Path

import pytest

from tests.commands import CommandLine, installation
from tests.receiver import Receiver, receiving

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
TOKEN = "T0ken-of-ours-42"


def test_a_refusal_shows_neither_the_address_nor_what_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver, installation(tmp_path) as command:
        said = tried(receiver, command, monkeypatch, f"{receiver.url}/{TOKEN}?key={TOKEN}")
    assert said == "ops: HTTP 500\n"
    assert len(receiver.got) == 1


def test_an_address_that_cannot_be_read_is_not_shown_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, installation(tmp_path) as command:
        said = tried(receiver, command, monkeypatch, f"https://user:{TOKEN}@hooks.example:{TOKEN}/x")
    assert TOKEN not in said
    assert said.count("\n") == 1


def tried(receiver: Receiver, command: CommandLine, patch: pytest.MonkeyPatch, url: str) -> str:
    """What a test of a destination at this address says."""
    receiver.answers = [(500, f"no hook {TOKEN} here", {})]
    patch.setenv("CANARY_ALERT__DESTINATIONS__OPS__KIND", "slack")
    patch.setenv("CANARY_ALERT__DESTINATIONS__OPS__URL", url)
    patch.setenv("CANARY_ALERT__ALLOW_PRIVATE", "true")
    outcome = command("alert", "test", "ops")
    assert outcome.code == 1
    return outcome.err
