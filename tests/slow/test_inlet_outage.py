"""Store or spool down for a while: mail stays where it lies, is fetched again, and all of it arrives once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from canary.inlets.ledger import Phase
from tests.landing import CANARIES, Landing, landing, mail
from tests.mailboxes import MAILBOXES, Mailbox, Posted
from tests.processes import eventually

pytestmark = pytest.mark.slow

NEW = "just.issued@in.example"
"""Of this one nothing is known while the store is down."""


def posted(subject: str, to: str) -> Posted:
    return Posted("news@shop.example", to, mail(to, subject))


BEFORE = {subject: posted(subject, "shop.k7q2@in.example") for subject in ("before 1", "before 2", "before 3")}
MEANWHILE = {subject: posted(subject, NEW) for subject in ("mail 1", "mail 2", "mail 3")}


def subjects(land: Landing) -> Counter[str]:
    return Counter(
        re.findall(r"^Subject: (.*)\r$", b"".join(found.content for found in land.mails).decode(), re.MULTILINE)
    )


def no_space(land: Landing) -> None:
    """As many mails wait to be judged as there is room for."""


def space(land: Landing) -> None:
    land.spool.done([found.key for found in land.mails])


def store_down(land: Landing) -> None:
    land.addresses, land.fault = CANARIES, OSError("the store is down")


def store_up(land: Landing) -> None:
    land.addresses, land.fault = CANARIES | {NEW}, None


@dataclass(frozen=True)
class Outage:
    """What is down: how many mails there is room for, how it begins and ends, and what is said meanwhile."""

    room: int
    addresses: frozenset[str]
    begin: Callable[[Landing], None]
    end: Callable[[Landing], None]
    said: str


OUTAGES = {
    "spool": Outage(len(BEFORE), CANARIES | {NEW}, no_space, space, "has no space"),
    "store": Outage(1_000_000, CANARIES, store_down, store_up, "the store does not answer"),
}


def deliver(box: Mailbox, mails: Mapping[str, Posted]) -> None:
    for name, each in mails.items():
        box.deliver(name.replace(" ", ""), each)


@pytest.mark.parametrize("down", OUTAGES)
@pytest.mark.parametrize("kind", MAILBOXES)
def test_what_comes_while_store_or_spool_is_down_stays_where_it_lies_and_arrives_once_afterwards(
    tmp_path: Path, kind: str, down: str
) -> None:
    outage = OUTAGES[down]
    with (
        MAILBOXES[kind](tmp_path) as box,
        landing(tmp_path, outage.addresses, max_backlog=outage.room) as land,
    ):  # fmt: skip
        with land.reading("home", box.reader(land)):
            deliver(box, BEFORE)
            eventually(lambda: subjects(land) == Counter(BEFORE.keys()))
            outage.begin(land)
            deliver(box, MEANWHILE)
            eventually(lambda: outage.said in land.desk.ledger.state("home").said)
            assert land.desk.ledger.state("home").phase is Phase.TROUBLE
            assert subjects(land) == Counter(BEFORE.keys())
            outage.end(land)
            eventually(lambda: MEANWHILE.keys() <= subjects(land).keys())
            eventually(lambda: land.desk.ledger.state("home").phase is Phase.WATCHING)
        box.reader(land).run_once()
        assert subjects(land) - Counter(BEFORE.keys()) == Counter(MEANWHILE.keys())
