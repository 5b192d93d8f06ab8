"""A batch of mails is one transaction: all of it counts or nothing, and one bad mail holds up no other."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import func, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.model.mail import Client, Envelope
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import CampaignRow, CaseRow, HitRow, MailContentRow, MailRow
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

    def run(self, spool: Spool | None = None) -> int:
        parts = Context(
            self.store, lambda: ZoneLookup(ZONE), supplier_book(), self.clock, lambda s: self.passed.update([s])
        )
        worked = asyncio.run(run_pending(parts, spool or self.spool))
        weigh_all(self.store, self.clock())
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
