"""What runs where: each worker and web process reports itself, and the receivers beside it."""

import asyncio
import socket
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from canary import __version__
from canary.alerts.health_check import HealthCheck
from canary.model.node import SILENT
from canary.processes.jobs import REPORT_NODE, JobContext, run_job
from canary.processes.node_report import NodeReporter, keep_reporting, worker_reporter
from canary.processes.stage_timer import StageTimer
from canary.settings import Settings
from canary.store.database import Database
from canary.store.queries.nodes import FORGOTTEN, list_roles
from tests.conftest import Clock
from tests.website import NOW, serve

NUMBERS = """# TYPE canary_spool_backlog gauge
canary_spool_backlog 7
"""


def test_a_worker_reports_itself_and_the_receivers_beside_it(
    sqlite_store: Database, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "smtp-2.prom").write_text(NUMBERS)
    reporter = worker_reporter(Settings(data=tmp_path), clock())
    reporter.report(sqlite_store, clock())
    with sqlite_store.reading() as session:
        found = list_roles(session)
    assert [(line.role, line.backlog, line.folder) for line in found] == [
        ("smtp-2", 7, str(tmp_path)), ("worker", None, str(tmp_path)),
    ]  # fmt: skip
    assert {(line.machine, line.version, line.seen) for line in found} == {(socket.gethostname(), __version__, clock())}


def test_a_role_is_one_line_however_often_it_reports_and_is_forgotten_after_a_week(
    sqlite_store: Database, clock: Clock
) -> None:
    old, new = (NodeReporter(role, "/data", clock()) for role in ("web", "worker"))
    for reporter in (old, new, new):
        reporter.report(sqlite_store, clock())
    clock.now += FORGOTTEN + timedelta(minutes=1)
    new.report(sqlite_store, clock())
    with sqlite_store.reading() as session:
        assert [(line.role, line.seen) for line in list_roles(session)] == [("worker", clock())]


def test_a_store_that_is_down_hears_of_a_process_later(sqlite_store: Database, tmp_path: Path, clock: Clock) -> None:
    broken = Database(f"sqlite:///{tmp_path}/none/canary.db")

    async def report_twice(store: Database) -> None:
        stop, left = asyncio.Event(), iter((False, True))

        def now() -> datetime:
            if next(left):
                stop.set()
            return clock()

        await keep_reporting(NodeReporter("web", "/data", clock()), store, now, stop, every=0.001)

    for store in (broken, sqlite_store):
        asyncio.run(report_twice(store))
    with sqlite_store.reading() as session:
        assert [line.role for line in list_roles(session)] == ["web"]
    broken.close()


def test_a_worker_reports_by_its_job(sqlite_store: Database, clock: Clock) -> None:
    context = JobContext(sqlite_store, clock, "here", "here:1", HealthCheck(lambda: None, dict), StageTimer())
    run_job(REPORT_NODE, context)
    run_job(REPORT_NODE, replace(context, reporter=NodeReporter("worker", "/data", clock())))
    with sqlite_store.reading() as session:
        assert [line.role for line in list_roles(session)] == ["worker"]


def test_the_page_names_what_was_not_heard_of(tmp_path: Path) -> None:
    with serve(tmp_path) as site, site.logged_in("viewer") as client:
        assert "Nothing has reported yet" in client.get("/nodes").text
        for role, ago in (("worker", timedelta()), ("web", SILENT)):
            NodeReporter(role, "/data", NOW - timedelta(days=2)).report(site.database, NOW - ago)
        page = client.get("/nodes").text
    assert "1 role was not heard of for some minutes." in " ".join(page.split())
    assert (page.count(">silent<"), page.count(">running<")) == (1, 1)
