"""`kill -9` of the worker after any step of one mail: nothing is lost, nothing counts twice, the alert arrives."""

import asyncio
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import func, select, update

from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.tables import CaseEventRow, CaseRow, DeliveryRow, DestinationRow, HitRow, MailRow, OutboxRow
from tests.patience import PATIENCE
from tests.processes import ROOT, House
from tests.receiver import Receiver

pytestmark = pytest.mark.slow
SOURCES = (
    "canary/pipeline/story.py", "canary/pipeline/batch.py", "canary/cases/weigh.py", "canary/alerts/delivery.py",
)  # fmt: skip
STAGES = [
    stage for source in SOURCES for stage in re.findall(r'(?:passed|on_stage)\("(\w+)"\)', (ROOT / source).read_text())
]
LURE = b"From: a@bad.example\r\nSubject: Reader update\r\n\r\nDownload the new version at https://bad.example/x now please\r\n"


def spooled(house: House) -> Spool:
    """One mail at two canaries of one vendor, waiting in the spool."""
    addresses = (house.vendor("Shop", "shop.example"), house.canary("issue", "shop", "--format", "csv").split("\n")[1])
    folder = house.folder / "data/spool"
    folder.mkdir(parents=True)
    spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=10)
    spool.start(lambda: datetime.now(UTC))
    recipients = tuple(address.partition(",")[0].strip() for address in addresses)
    envelope = Envelope("a@bad.example", recipients, Client("203.0.113.5"), datetime.now(UTC))
    asyncio.run(spool.keep(envelope, LURE))
    return spool


def work(house: House, fatal: str) -> int:
    command = [sys.executable, "-m", "tests.slow.dying_worker", fatal]
    return subprocess.run(command, env=house.environment, cwd=ROOT, timeout=PATIENCE, check=False).returncode


def expire_leases(store: Database) -> None:
    """Let the lease of the dead worker end, and the pace of the destination."""
    with store.writing() as session:
        session.execute(update(DestinationRow).values(free_at=datetime.now(UTC) - timedelta(seconds=1)))
        session.execute(update(DeliveryRow).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))


def counts(store: Database) -> list[int]:
    with store.reading() as session:
        return [session.exec(select(func.count()).select_from(t)).one() for t in (MailRow, HitRow, CaseRow)]


def opened_once(store: Database) -> bool:
    """Whether the one case was opened once and told of under one id."""
    with store.reading() as session:
        events = list(session.exec(select(CaseEventRow.kind).where(CaseEventRow.kind == "opened")))
        facts = [row.fact["kind"] for row in session.exec(select(OutboxRow))]
    return (events, facts) == (["opened"], ["case-opened"])


def test_the_walk_knows_every_step() -> None:
    story = "parse authenticate gather judge assign write commit done read weighed concluded stored claimed sent marked"
    assert sorted(STAGES) == sorted(story.split())


@pytest.mark.parametrize("fatal", STAGES)
def test_a_worker_killed_after_this_step_loses_and_repeats_nothing(
    house: House, receiver: Receiver, fatal: str
) -> None:
    spool = spooled(house)
    assert work(house, fatal) == -signal.SIGKILL
    expire_leases(house.store)
    assert work(house, "none") == 0
    assert counts(house.store) == [1, 2, 1]
    assert opened_once(house.store)
    assert spool.backlog() == 0
    assert len(set(receiver.ids())) == 1
    assert len(receiver.got) == (2 if fatal == "sent" else 1)
    spool.close()
