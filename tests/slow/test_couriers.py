"""Many processes deliver from one outbox: each fact arrives exactly once, and one campaign is a handful of messages."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import insert
from sqlmodel import func, select

from canary.alerts.channels.base import Target
from canary.alerts.delivery import DeliveryContext, deliver_due
from canary.authenticate.lookup import OfflineLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import case_alerts
from canary.cases.weigh import weigh_all
from canary.model.mail import Client, Envelope
from canary.net.http import Http
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import HitRow
from canary.store.tables.base import metadata
from tests.conftest import Clock
from tests.patience import PATIENCE
from tests.processes import ROOT
from tests.receiver import receiving
from tests.slack import Slack, slack

pytestmark = pytest.mark.slow
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FACTS, PROCESSES = 10_000, 4
VENDORS, EACH, MAILS = 50, 10, 500


def fill(store: Database) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    facts = [
        {
            "id": f"f{n}", "at": at, "routed": False, "topic": "",
            "fact": {"id": f"f{n}", "kind": "case-opened", "at": at.isoformat(), "case": 0, "vendor": f"V{n}",
                     "verdict": "spam", "confidence": 0.9, "canary": "c@x.example", "sender": "s", "subject": "Hi"},
        }
        for n in range(FACTS)
    ]  # fmt: skip
    with store.engine.begin() as connection:
        connection.execute(insert(metadata.tables["outbox"]), facts)


def test_ten_thousand_facts_through_four_processes_arrive_exactly_once_each(postgres_store: Database) -> None:
    fill(postgres_store)
    url = postgres_store.url.render_as_string(hide_password=False)
    with receiving() as receiver:
        command = [sys.executable, "-m", "tests.slow.courier", url, receiver.url, SECRET]
        processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(PROCESSES)]
        assert [process.wait(2 * PATIENCE) for process in processes] == [0] * PROCESSES
    counts = Counter(receiver.ids("webhook-id"))
    assert len(counts) == FACTS
    assert set(counts.values()) == {1}


class Flood:
    """One campaign that reaches ten addresses of each of fifty vendors, through the real pipeline."""

    def __init__(self, store: Database, folder: Path, clock: Clock, found: Slack) -> None:
        self.store, self.clock = store, clock
        self.spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=10**6)
        self.spool.start(clock)
        self.parts = Context(store, OfflineLookup, supplier_book(), clock)
        self.http = Http(allow_private=True)
        target = Target("ops", "slack", found.url)
        self.desk = DeliveryContext(store, self.http, [target], clock, "https://canary.example")
        with store.writing() as session:
            for n in range(VENDORS):
                vendors.add_vendor(session, f"Shop {n}", [f"shop{n}.example"], clock())
            draw = Random(1).randrange
            self.addresses = [
                lifecycle.issue(session, IssueOrder(f"shop-{n}", "in.example", f"c{c}"), draw, clock()).address
                for c in range(EACH)
                for n in range(VENDORS)
            ]

    def send(self, number: int) -> None:
        """Send one mail to ten of the addresses."""
        first = number * 10 % len(self.addresses)
        to = tuple(self.addresses[first : first + 10])
        content = (
            b"From: Deals <deals@bad.example>\r\nSubject: Reader update\r\nMessage-ID: <%d@bad.example>\r\n\r\n"
            b"Dear customer, download the new version of your reader at https://bad.example/update now, or your"
            b" documents will no longer open. This offer ends on Friday, so do not wait any longer.\r\n" % number
        )
        envelope = Envelope("deals@bad.example", to, Client("203.0.113.5"), self.clock())
        asyncio.run(self.spool.keep(envelope, content))

    def step(self, seconds: float) -> None:
        """Let time pass, and everything be done that is due."""
        while asyncio.run(run_pending(self.parts, self.spool)):
            pass
        weigh_all(self.store, self.clock())
        with self.store.writing() as session:
            case_alerts.send_due_reminders(session, self.clock())
        deliver_due(self.desk)
        self.clock.move(seconds)

    def hits(self) -> int:
        with self.store.reading() as session:
            return session.exec(select(func.count()).select_from(HitRow)).one()

    def close(self) -> None:
        self.http.close()
        self.spool.close()


@pytest.fixture
def flood(sqlite_store: Database, tmp_path: Path, clock: Clock) -> Iterator[tuple[Flood, Slack]]:
    with slack(paced=False) as found:  # time is the test's, and goes faster than Slack's
        flood = Flood(sqlite_store, tmp_path, clock, found)
        yield flood, found
        flood.close()


def test_five_thousand_hits_of_one_campaign_at_fifty_vendors_are_three_messages_at_most(
    flood: tuple[Flood, Slack], clock: Clock
) -> None:
    world, found = flood
    began = clock()
    world.send(0)
    world.step(0)
    assert len(found.arrived) == 1
    for number in range(1, MAILS):
        world.send(number)
        if number % 10 == 9:
            world.step(60 * 10 / MAILS)
    assert world.hits() == 5_000
    assert clock() - began <= timedelta(minutes=1)
    for _ in range(23 * 60):
        deliver_due(world.desk)
        clock.move(60)
    assert found.faults == []
    assert 2 <= len(found.arrived) <= 3
    said = str(found.messages[-1])
    assert "and 49 other vendors" in said
    assert "5,000 mails at 500 addresses of 50 vendors" in said
