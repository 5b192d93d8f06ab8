"""`canary spool drain`: the mail of a node that is gone comes to the store, each exactly once."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import func, select

from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from canary.store.tables import AttemptRow, MailRow
from tests.commands import CommandLine, installation
from tests.conftest import START

MAILS = 7
pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        found.canary("init", "--domain", "in.example")
        found.canary("vendor", "add", "Shop", "--domain", "shop.example")
        yield found


@pytest.fixture
def spool(house: CommandLine) -> Path:
    """The spool of a node that died with mails in it: one was begun, by a process whose number somebody has here too."""
    address = json.loads(house.canary("issue", "shop", "--format", "json"))[0]["address"]
    whose = (house.folder / "data/installation.id").read_text().strip()
    file = house.folder / "node2" / "smtp.db"
    file.parent.mkdir()
    spool = Spool(file, reserve_bytes=0, max_backlog=100, installation=lambda: whose)

    async def receive() -> list[str]:
        envelope = Envelope("a@shop.example", (address,), Client("192.0.2.7", 25, "mx.shop.example"), START)
        return [await spool.keep(envelope, b"Subject: %d\r\n\r\nHello\r\n" % number) for number in range(MAILS)]

    with closing(spool):
        spool.start(lambda: START)
        keys = asyncio.run(receive())
        spool.note(Attempt(AttemptKind.GUESS, "in.example", "192.0.2.0/24", START, shape=LocalShape.RANDOM))
        spool.begin(keys[:1], START)
        spool.postpone(keys[1], START + timedelta(days=900_000), "a fault")
    with closing(sqlite3.connect(file)) as begun, begun:
        begun.execute("UPDATE begun SET worker = '1-abc', since = 9e9")
    return file


def in_store(house: CommandLine) -> tuple[int, int]:
    """The mails and the attempts that are there."""
    with house.store.reading() as session:
        attempts = session.exec(select(func.coalesce(func.sum(AttemptRow.count), 0))).one()
        return session.exec(select(func.count()).select_from(MailRow)).one(), attempts


def test_every_mail_and_attempt_comes_to_the_store_and_the_spool_is_empty(house: CommandLine, spool: Path) -> None:
    said = house.canary("spool", "drain", str(spool))
    assert said == f"{spool}: {MAILS} mails are in the store; nothing is left in it, and it can be deleted.\n"
    assert in_store(house) == (MAILS, 1)
    assert house("spool", "drain", str(spool), "--json").document == [{"file": str(spool), "mails": 0, "left": 0}]


def test_what_the_store_has_already_is_not_counted_again(house: CommandLine, spool: Path) -> None:
    copy = spool.parent / "copy.db"
    for file in spool.parent.glob("smtp.db*"):
        shutil.copy(file, file.with_name(file.name.replace("smtp", "copy")))
    house.canary("spool", "drain", str(spool))
    assert house("spool", "drain", str(copy), "--json").document[0]["left"] == 0
    assert in_store(house) == (MAILS, 1)


def test_several_are_drained_together(house: CommandLine, spool: Path) -> None:
    other = spool.with_name("smtp-2.db")
    with closing(Spool(other, reserve_bytes=0, max_backlog=1)) as empty:
        empty.start(lambda: START)
    done = house("spool", "drain", str(spool), str(other), "--json").document
    assert [each["mails"] for each in done] == [MAILS, 0]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("node2/none.db", "there is no such file"),
        ("node2/text.db", "is no spool that can be read"),
        ("data/canary.db", "is no spool that can be read"),
        ("data/spool/own.db", "lies in this node's own folder"),
        ("node2/foreign.db", "is another installation's"),
    ],
)
def test_what_is_no_spool_of_another_node_is_refused_in_one_line(
    house: CommandLine, spool: Path, place: str, said: str
) -> None:
    (house.folder / "node2/text.db").write_text("no spool")
    (house.folder / "data/spool").mkdir(exist_ok=True)
    (house.folder / "data/spool/own.db").write_text("")
    with closing(
        Spool(spool.with_name("foreign.db"), reserve_bytes=0, max_backlog=1, installation=lambda: "f0")
    ) as other:
        other.start(lambda: START)
    done = house("spool", "drain", str(spool), str(house.folder / place))
    assert (done.code, done.err.count("\n"), said in done.err) == (1, 1, True), done.err
    assert in_store(house) == (0, 0)
