"""What a leak mail passes through, from the spool to the outbox: how many modules and functions, and when it asks the store."""

import asyncio
import importlib
import secrets
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import CodeType, FrameType

import pytest
from sqlalchemy import event
from sqlmodel import select

import canary
from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.judge import rules
from canary.model.mail import Client, Envelope
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import OutboxRow
from tests.conftest import Clock

PACKAGE = str(Path(canary.__file__).parent) + "/"
PURE = ("mail/", "authenticate/", "judge/", "model/")
LURE = b"From: Reader <u@bad.example>\r\nSubject: Reader update\r\n\r\nDownload the new version at https://bad.example/get\r\n"


@contextmanager
def profiled(note: Callable[[CodeType], None]) -> Iterator[None]:
    """Hear of every call of a function of the package, in all threads that begin meanwhile."""

    def profile(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            note(frame.f_code)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Iterator[Spool]:
    made = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=100)
    made.start(clock)
    yield made
    made.close()


def addresses(store: Database, now: datetime) -> list[str]:
    with store.writing() as session:
        for name in ("Shop", "Bikes"):
            vendors.add_vendor(session, name, [f"{name.lower()}.example"], now)
        orders = [IssueOrder(slug, "in.example") for slug in ("shop", "bikes")]
        return [lifecycle.issue(session, order, secrets.randbelow, now).address for order in orders]


@pytest.fixture
def context(sqlite_store: Database, clock: Clock) -> Context:
    """A worker that has read its registries and loaded what it needs, as it has before any mail but the first."""
    importlib.import_module("canary.attribute.assess")
    return Context(sqlite_store, lambda: ZoneLookup({}), supplier_book(), clock)


def send(spool: Spool, to: str, now: datetime) -> None:
    asyncio.run(spool.keep(Envelope("u@bad.example", (to,), Client("203.0.113.5", 25, "mx.example"), now), LURE))


def test_a_leak_mail_passes_through_few_modules(
    sqlite_store: Database, spool: Spool, clock: Clock, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    send(spool, addresses(sqlite_store, clock())[0], clock())
    entered: dict[str, set[str]] = defaultdict(set)
    with profiled(lambda code: entered[code.co_filename.removeprefix(PACKAGE)].add(code.co_qualname)):
        asyncio.run(run_pending(context, spool))
    weigh_all(sqlite_store, clock())
    with sqlite_store.reading() as session:
        assert [row.fact["kind"] for row in session.exec(select(OutboxRow))] == ["case-opened"]
    counts = {
        part: (len(its), sum(sum("<" not in name.rpartition(".")[2] for name in entered[module]) for module in its))
        for part, its in {
            "in all": list(entered),
            "outside mail, authenticate, judge and model": [m for m in entered if not m.startswith(PURE)],
        }.items()
    }
    with capsys.disabled():
        for part, (modules, functions) in counts.items():
            print(f"\n{part}: {modules} modules, {functions} functions", end="")
    assert counts["outside mail, authenticate, judge and model"] <= (41, 198)


def test_the_store_is_not_asked_between_the_first_and_the_last_judgement_of_a_batch(
    sqlite_store: Database, spool: Spool, clock: Clock, context: Context
) -> None:
    for to in addresses(sqlite_store, clock()) * 3:
        send(spool, to, clock())
    seen: list[str] = []
    event.listen(sqlite_store.engine, "before_cursor_execute", lambda *_: seen.append("asked"))
    judging = rules.judge.__code__
    with profiled(lambda code: seen.append("judged") if code is judging else None):
        asyncio.run(run_pending(context, spool))
    first, last = seen.index("judged"), len(seen) - seen[::-1].index("judged")
    assert (seen[first:last], "asked" in seen[:first], "asked" in seen[last:]) == (["judged"] * 6, True, True)
