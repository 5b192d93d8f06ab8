"""A real mailbox of one address for each of 45 organisations, imported by the addresses alone: whom they are adopted for."""

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.judge.organisation import is_mailbox_provider
from canary.model.verdict import LEAKS
from tests.commands import CommandLine, installation
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.corpus]
OWN = "own.example"


@pytest.fixture(scope="module")
def stream() -> Path:
    path = Path(os.environ.get("CANARY_STREAMS", ROOT / "../shared/streams")) / "markup-2019"
    if not path.is_dir():
        pytest.skip(f"CANARY_STREAMS: no stream at {path}; set it to a folder of labelled streams to run this test")
    return path


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path, {"CANARY_DECOYS__COUNT": "0"}) as command:
        (command.folder / "data").mkdir()
        yield command


def adopted(command: CommandLine, box: Path, domain: str) -> dict[str, Any]:
    asked = ("--adopt", domain, "--trust-authserv", "mx.google.com", "--offline", "--yes", "--json")
    found: dict[str, Any] = json.loads(command("import", str(box), *asked).out)
    return found


def check(found: dict[str, Any]) -> None:
    """Most addresses find their sender, nobody's vendor is a mailbox provider, and next to no mail is charged."""
    assert len(found["adopted"]) >= 0.8 * (len(found["adopted"]) + len(found["left"]))
    assert not [each for each in found["adopted"] if any(map(is_mailbox_provider, each["domains"]))]
    assert sum(found["verdicts"].get(verdict.value, 0) for verdict in LEAKS) <= 0.01 * found["read"]


def test_plus_addresses_find_their_senders_by_the_rules_of_names(command: CommandLine, stream: Path) -> None:
    check(adopted(command, stream / "mail.mbox", "gmail.com"))


def test_tags_at_a_domain_of_ones_own_find_their_senders_too(
    command: CommandLine, stream: Path, tmp_path: Path
) -> None:
    octets = (stream / "mail.mbox").read_bytes()
    for row in csv.DictReader((stream / "aliases.csv").read_text().splitlines()):
        tag = row["address"].partition("@")[0].partition("+")[2]
        octets = re.sub(re.escape(row["address"].encode()), f"{tag}@{OWN}".encode(), octets, flags=re.IGNORECASE)
    (tmp_path / "own.mbox").write_bytes(octets)
    check(adopted(command, tmp_path / "own.mbox", OWN))
