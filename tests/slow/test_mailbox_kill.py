"""Killed at any step between mailbox and spool: no mail is lost, none is counted twice."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.importing import import_store
from canary.judge.adoption import AdoptionProposal
from canary.model.canary import Style
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.tables import HitRow, MailRow
from tests.dovecot import Dovecot, dovecot
from tests.graph_server import graph_server
from tests.jmap_server import jmap_server
from tests.landing import mail, now
from tests.patience import PATIENCE
from tests.processes import ROOT

pytestmark = pytest.mark.slow

MAILS = 250
"""More than two batches."""
IMAP = (
    "<ImapSession.items",
    "<ImapSession.contents",
    ">ImapSession.contents",
    ">InletDesk.hand_over",
    "<InletLedger.move_on",
    ">InletLedger.move_on",
)
JMAP = (">JmapSession.content", "<InletDesk.hand_over", ">InletDesk.hand_over", "<InletLedger.note_mark")
GRAPH = ("<InletDesk.hand_over", ">InletDesk.hand_over", "<InletLedger.note_mark")
MAILDIR = ("<InletDesk.hand_over", ">InletDesk.hand_over", "<InletLedger.note_files", ">InletLedger.note_files")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        found.deliver(*mails())
        yield found


def mails() -> list[bytes]:
    return [mail(subject=f"mail {number}", sender="u@bad.example") for number in range(MAILS)]


def read(folder: Path, place: str, step: str = "-", times: int = 1) -> int:
    command = [sys.executable, "-m", "tests.slow.dying_reader", str(folder), place, step, str(times)]
    return subprocess.run(command, cwd=ROOT, timeout=PATIENCE, check=False).returncode


def subjects(store: Database, spool: Spool) -> Counter[str]:
    """Judge what is in the spool, and count the hits by subject."""
    with store.writing() as session:
        proposal = AdoptionProposal(
            "shop.k7q2@in.example", "", "Shop", ("shop.example",), "signup", "told", Style.TAGGED, 60.0, now(), 1
        )
        import_store.adopt(session, [proposal], now())
    context = Context(store, lambda: ZoneLookup({}), supplier_book(), now)
    while asyncio.run(run_pending(context, spool)):
        pass
    with store.reading() as session:
        return Counter(session.exec(select(MailRow.subject).join(HitRow)).all())


@pytest.mark.parametrize("times", [2])
@pytest.mark.parametrize("step", IMAP)
def test_a_mailbox(server: Dovecot, sqlite_store: Database, tmp_path: Path, step: str, times: int) -> None:
    place = f"{server.port}:me@in.example"
    check(sqlite_store, tmp_path, place, step, times)


@pytest.mark.parametrize("step", MAILDIR)
def test_a_maildir(sqlite_store: Database, tmp_path: Path, step: str) -> None:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    for number, content in enumerate(mails()):
        (tmp_path / f"Maildir/new/{1772366400 + number}.{number}.host").write_bytes(content)
    check(sqlite_store, tmp_path, str(tmp_path / "Maildir"), step, 2)


@pytest.mark.parametrize("step", JMAP)
def test_a_mailbox_by_jmap(sqlite_store: Database, tmp_path: Path, step: str) -> None:
    with jmap_server() as server:
        for number, content in enumerate(mails()):
            server.deliver(f"m{number}", content)
        check(sqlite_store, tmp_path, server.url, step, 2 if "mark" not in step else 1)


@pytest.mark.parametrize("step", GRAPH)
def test_a_mailbox_by_graph(sqlite_store: Database, tmp_path: Path, step: str) -> None:
    with graph_server() as server:
        for number, content in enumerate(mails()):
            server.deliver(f"m{number}", content)
        check(sqlite_store, tmp_path, f"{server.url}/v1.0", step, 2)


def check(store: Database, folder: Path, place: str, step: str, times: int) -> None:
    ended = read(folder, place, step, times)
    assert ended == (0 if step.endswith("items") and times > 1 else -signal.SIGKILL)
    assert read(folder, place) == 0
    spool = Spool(folder / "mailboxes.db", reserve_bytes=0, max_backlog=1000)
    assert subjects(store, spool) == {f"mail {number}": 1 for number in range(MAILS)}
    spool.close()
