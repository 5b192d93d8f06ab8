"""`canary hits` over many hits: page by page, none twice and none left out."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, HitRow, MailRow
from tests.commands import CommandLine, installation
from tests.conftest import START

pytestmark = pytest.mark.slow  # it migrates a store of its own
MANY = 1203


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Two vendors with an address each: many mails at one time came to the first, a probe to the second."""
    with installation(tmp_path_factory.mktemp("hits")) as command:
        (command.folder / "data").mkdir()
        command.canary("vendor", "list")
        with command.store.writing() as session:
            canaries = []
            for name in ("Play", "Bikes"):
                slug = vendors.add_vendor(session, name, [f"{name.lower()}.example"], START).slug
                order = IssueOrder(slug, "in.example")
                canaries.append(lifecycle.issue(session, order, secrets.randbelow, START).id)
            for number in range(1, MANY + 1):
                session.add(
                    MailRow(key=str(number), sha256=f"{number:064}", size=1, received_at=START, subject=f"Mail {number}",
                            sender="a@b.example", envelope={}, identity={}, proofs={}, parts={})
                )  # fmt: skip
            session.flush()
            for number in range(1, MANY + 1):
                session.add(
                    HitRow(mail_id=number, canary_id=canaries[0], at=START, verdict="spam", confidence=0.9, reasons=[])
                )
            session.add(
                HitRow(canary_id=canaries[1], at=START + timedelta(days=1), verdict="probe", confidence=0.6, reasons=[])
            )
        yield command


def test_every_hit_is_a_line_once_however_many_came_at_one_time(command: CommandLine) -> None:
    lines = [json.loads(line) for line in command.canary("hits", "--json").splitlines()]
    probe, *mails = lines
    assert [line["subject"] for line in mails] == [f"Mail {number}" for number in range(MANY, 0, -1)]
    assert (probe["verdict"], probe["sender"], probe["sha256"]) == ("probe", "", "")


def test_hits_are_narrowed_to_a_vendor_a_time_and_a_number(command: CommandLine) -> None:
    assert len(command.canary("hits", "--json", "--vendor", "play").splitlines()) == MANY
    assert len(command.canary("hits", "--json", "--since", "2026-03-02T00:00:00+01:00").splitlines()) == 1
    assert len(command.canary("hits", "--json", "--limit", "700").splitlines()) == 700


def test_a_hit_of_a_decoy_is_of_no_vendor(command: CommandLine) -> None:
    command.canary("decoys", "--count", "1")
    decoy = json.loads(command.canary("canaries", "--decoys", "--json"))[0]["address"]
    with command.store.writing() as session:
        number = session.exec(select(CanaryRow.id).where(CanaryRow.address == decoy)).one() or 0
        session.add(HitRow(canary_id=number, at=START + timedelta(days=9), verdict="guess", confidence=0.9, reasons=[]))
    newest = json.loads(command.canary("hits", "--json", "--limit", "1"))
    assert (newest["address"], newest["vendor"]) == (decoy, None)
