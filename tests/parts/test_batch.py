"""A batch of mails is one transaction: all of it counts or nothing, and one bad mail holds up no other."""

import asyncio
import secrets
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, func, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.mail.parse import parse
from canary.model.mail import SET_ASIDE, Client, Envelope, ParsedMail
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context, Parser, parse_here
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.mails import count_set_aside, octets
from canary.store.tables import CampaignRow, CaseRow, HitRow, MailContentRow, MailRow
from canary.views.unread_mail import unread_mail
from tests.conftest import Clock

ZONE = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "down.example": "SERVFAIL",
    "_dmarc.down.example": "SERVFAIL",
}
_POISON = {
    "sqlite": "CREATE TRIGGER poison BEFORE INSERT ON mail WHEN NEW.subject = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END",
    "postgresql": "ALTER TABLE mail ADD CONSTRAINT poison CHECK (subject <> 'poison')",
}


@dataclass
class Worker:
    """A spool, a store, two canaries, and how often each stage passed."""

    store: Database
    path: Path
    clock: Clock
    spool: Spool
    addresses: dict[str, str]
    passed: Counter[str] = field(default_factory=Counter)

    def send(self, subject: str, to: str = "shop", sender: str = "u@bad.example") -> None:
        content = f"From: {sender}\r\nSubject: {subject}\r\n\r\nDownload the new version at https://bad.example/get\r\n"
        envelope = Envelope(sender, (self.addresses[to],), Client("203.0.113.5", 25, "mx.example"), self.clock())
        asyncio.run(self.spool.keep(envelope, content.encode()))

    def run(self, spool: Spool | None = None, parser: Parser = parse_here, store: Database | None = None) -> int:
        parts = Context(
            store or self.store, lambda: ZoneLookup(ZONE), supplier_book(), self.clock,
            lambda s: self.passed.update([s]), parse=parser,
        )  # fmt: skip
        worked = asyncio.run(run_pending(parts, spool or self.spool))
        weigh_all(store or self.store, self.clock())
        return worked

    def counts(self, *tables: type) -> list[int]:
        with self.store.reading() as session:
            return [session.exec(select(func.count()).select_from(table)).one() for table in tables]


@pytest.fixture
def worker(store: Database, tmp_path: Path, clock: Clock) -> Iterator[Worker]:
    addresses = {}
    with store.writing() as session:
        for name in ("shop", "down"):
            vendors.add_vendor(session, name, [f"{name}.example"], clock())
            addresses[name] = lifecycle.issue(
                session, IssueOrder(name, "in.example"), secrets.randbelow, clock()
            ).address
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield Worker(store, tmp_path / "smtp.db", clock, spool, addresses)
    spool.close()


def test_the_mails_of_a_batch_are_committed_together(worker: Worker) -> None:
    for number in range(5):
        worker.send(f"offer {number}")
    assert worker.run() == 5
    assert (worker.passed["commit"], worker.counts(MailRow, MailContentRow, HitRow, CaseRow)) == (1, [5, 5, 5, 1])


def test_a_mail_at_fault_waits_and_the_others_of_its_batch_pass(worker: Worker) -> None:
    with worker.store.writing() as session:
        session.connection().execute(text(_POISON[session.get_bind().dialect.name]))
    for subject in ("before", "poison", "after"):
        worker.send(subject)
    worker.run()
    assert worker.counts(MailRow, HitRow, CaseRow) == [2, 2, 1]
    assert (worker.spool.backlog(), worker.spool.tries(f"{worker.spool.uid}-2")) == (1, 1)


@pytest.mark.slow
def test_a_mail_that_waits_for_dns_leaves_nothing_in_the_batch(worker: Worker) -> None:
    worker.send("before")
    worker.send("waiting", to="down", sender="news@down.example")
    worker.send("after")
    worker.run()
    assert worker.counts(MailRow, MailContentRow, HitRow, CampaignRow) == [2, 2, 2, 1]
    assert worker.spool.backlog() == 1


def test_two_workers_at_one_spool_count_every_mail_once(worker: Worker) -> None:
    for number in range(60):
        worker.send(f"offer {number % 3}")
    spools = [Spool(worker.path, reserve_bytes=0, max_backlog=1000) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda spool: [worker.run(spool) for _ in range(4)], spools))
    for spool in spools:
        spool.close()
    worker.clock.move(3600)
    worker.run()
    assert worker.counts(MailRow, MailContentRow, HitRow, CaseRow) == [60, 60, 60, 1]
    assert worker.spool.backlog() == 0


class Killed(BaseException):
    """The process that works on a mail dies: nothing is cleaned up."""


def deadly(fatal: bytes) -> Parser:
    async def parse_or_die(content: bytes) -> ParsedMail:
        if fatal in content:
            raise Killed
        return parse(content)

    return parse_or_die


def subjects(worker: Worker) -> list[str]:
    with worker.store.reading() as session:
        return list(session.exec(select(MailRow.subject).order_by(col(MailRow.id))))


def crash(worker: Worker) -> None:
    """A worker that dies at the deadly mail, and is another one afterwards."""
    spool = Spool(worker.path, reserve_bytes=0, max_backlog=1000)
    with pytest.raises(Killed):
        worker.run(spool, deadly(b"deadly"))
    spool.close()


def test_after_a_crash_what_was_not_begun_goes_first(worker: Worker) -> None:
    for subject in ("before", "deadly", "after"):
        worker.send(subject)
    crash(worker)
    worker.send("fresh")
    crash(worker)
    assert subjects(worker) == ["fresh"]


def test_a_mail_left_unfinished_twice_goes_alone_and_after_three_times_it_is_set_aside(worker: Worker) -> None:
    worker.send("before")
    worker.send("deadly", sender="u\x1b[2J@bad.example")
    worker.send("after")
    for _ in range(2):
        crash(worker)
    assert worker.run(parser=deadly(b"deadly")) == 1
    assert subjects(worker) == ["before"]
    crash(worker)
    while worker.run(parser=deadly(b"deadly")):
        pass
    assert sorted(subjects(worker)) == ["", "after", "before"]
    assert worker.spool.backlog() == 0
    with worker.store.reading() as session:
        lines, older = unread_mail(session)
        octets_of_it = octets(session, lines[0].mail)
        assert count_set_aside(session, worker.clock()) == 1
        verdicts = {row.verdict for row in session.exec(select(HitRow).where(HitRow.mail_id == lines[0].mail))}
    assert [(line.why, line.sender, line.to) for line in lines] == [
        (SET_ASIDE, "u\ufffd[2J@bad.example", (worker.addresses["shop"],))
    ]
    assert (older, octets_of_it is not None and b"deadly" in octets_of_it, len(verdicts)) == (None, True, 1)


def test_a_mail_that_the_store_refuses_is_not_taken_for_a_store_that_is_down(worker: Worker) -> None:
    with worker.store.writing() as session:
        session.connection().execute(text(_POISON[session.get_bind().dialect.name]))
    for subject in ("poison", "after"):
        worker.send(subject)
    for _ in range(6):
        worker.run()
        worker.clock.move(3600)
    # Its subject is what is refused, and by its envelope alone it has none.
    assert sorted(subjects(worker)) == ["", "after"]
    assert worker.spool.backlog() == 0


def test_a_store_that_is_down_counts_against_no_mail(worker: Worker, tmp_path: Path) -> None:
    worker.send("patient")
    gone = Database(f"sqlite:///{tmp_path}/no/folder.db")
    for _ in range(5):
        with pytest.raises(OperationalError):
            worker.run(store=gone)
    gone.close()
    worker.run()
    assert subjects(worker) == ["patient"]


def test_a_mail_that_waits_for_dns_counts_as_finished(worker: Worker) -> None:
    worker.send("waiting", to="down", sender="news@down.example")
    worker.run()
    assert (worker.spool.backlog(), worker.spool.unfinished(9, worker.clock() + timedelta(days=1), (1, 9))) == (1, [])


def test_mail_that_another_living_worker_has_begun_is_left_to_it(worker: Worker) -> None:
    worker.send("busy")
    key, now = f"{worker.spool.uid}-1", worker.clock()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        worker.spool.begin([key], now)
        with closing(sqlite3.connect(worker.path)) as file, file:
            file.execute("UPDATE begun SET worker = ?", (f"{other.pid}-x",))
        seen = [worker.spool.unfinished(9, now, (1, 9)), worker.spool.unfinished(9, now + timedelta(hours=1), (1, 9))]
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
    assert [len(mails) for mails in (*seen, worker.spool.unfinished(9, now, (1, 9)))] == [0, 1, 1]
