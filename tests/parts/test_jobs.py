"""Periodic jobs: one table, run by the scheduler as it says; whatever goes wrong, they go on."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from canary.alerts.health_check import HealthCheck
from canary.net.rspamd import Rspamd
from canary.pipeline.rspamd_check import RspamdChecker
from canary.processes.jobs import JOBS, Job, JobContext, give_leases_back, run_job, scheduler
from canary.processes.log_keeping import Authority, LogKeeper
from canary.processes.node_report import NodeReporter
from canary.processes.stage_timer import StageTimer
from canary.store.database import Database
from canary.store.tables import RejudgeJobRow, VendorRow
from tests.conftest import Clock

SOON = timedelta(milliseconds=20)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def context(sqlite_store: Database, clock: Clock) -> JobContext:
    check = HealthCheck(lambda: None, dict)
    reporter = NodeReporter("worker", "/data", clock())
    return JobContext(sqlite_store, clock, "here", "here:1", check, StageTimer(), reporter=reporter)


@pytest.fixture
def everything(context: JobContext, clock: Clock) -> JobContext:
    """All that makes a job wanted."""
    rspamd = RspamdChecker(context.store, Rspamd("http://127.0.0.1:9"), clock)
    keeper = LogKeeper(context.store, clock, [Authority("one", "http://127.0.0.1:9")])
    month = timedelta(days=30)
    return replace(context, retention=month, role_retention=month, rspamd=rspamd, rests_after=month, log_keeper=keeper)


def run_until(ended: threading.Event, context: JobContext, jobs: Sequence[Job]) -> None:
    """Let the scheduler run jobs until one of them says that it is enough."""

    async def main() -> None:
        clockwork = scheduler(context, jobs)
        clockwork.start()
        try:
            assert await asyncio.to_thread(ended.wait, 20)
        finally:
            clockwork.shutdown()

    asyncio.run(main())


def after(times: int, ended: threading.Event) -> Callable[[JobContext], None]:
    """A job that ends the test when it has run so often."""
    left = iter(range(times - 1, -1, -1))

    def count(_: JobContext) -> None:
        if next(left, 0) == 0:
            ended.set()

    return count


def test_the_scheduler_runs_every_job_of_the_table_at_its_interval(everything: JobContext) -> None:
    scheduled = {job.id: (job.trigger.interval, job.args) for job in scheduler(everything).get_jobs()}
    assert scheduled == {job.name: (job.every, (job, everything)) for job in JOBS}


def test_no_job_overlaps_itself_and_turns_that_were_missed_are_made_up_for_once(everything: JobContext) -> None:
    async def main() -> set[tuple[int, bool]]:
        clockwork = scheduler(everything)
        clockwork.start(paused=True)
        found = {(job.max_instances, job.coalesce) for job in clockwork.get_jobs()}
        clockwork.shutdown()
        return found

    assert asyncio.run(main()) == {(1, True)}


def test_a_job_that_the_settings_leave_nothing_to_do_is_not_scheduled(
    context: JobContext, everything: JobContext
) -> None:
    idle = {job.id for job in scheduler(everything).get_jobs()} - {job.id for job in scheduler(context).get_jobs()}
    assert idle == {"forget role mail", "rest tentative addresses", "ask rspamd", "witness the log"}


def test_every_job_has_a_name_of_its_own_and_keeps_its_lease_until_its_next_turn() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert [job.name for job in JOBS if job.lease and job.lease <= job.every] == []


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_runs_on_an_empty_store(context: JobContext, job: Job, caplog: pytest.LogCaptureFixture) -> None:
    run_job(job, context)
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


def test_a_job_that_raises_is_logged_and_tried_again(context: JobContext, caplog: pytest.LogCaptureFixture) -> None:
    ended, count = threading.Event(), 0

    def stumble(_: JobContext) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise RuntimeError("no idea")
        ended.set()

    run_until(ended, context, [Job("stumble", SOON, None, stumble)])
    [line] = [line for line in caplog.records if line.levelno >= logging.ERROR]
    assert "stumble: failed" in line.getMessage()
    assert "no idea" in caplog.text


def test_a_slow_job_does_not_run_twice_at_once_and_holds_up_no_other(context: JobContext) -> None:
    released, running, most = threading.Event(), 0, 0

    def linger(_: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        released.wait(20)
        running -= 1

    run_until(released, context, [Job("linger", SOON, None, linger), Job("count", SOON, None, after(5, released))])
    assert most == 1


def test_what_needs_a_lease_is_done_by_one_process_at_a_time(context: JobContext, clock: Clock) -> None:
    done: list[str] = []
    job = Job("only one", timedelta(seconds=15), MINUTE, lambda context: done.append(context.holder))
    first, second = context, replace(context, holder="there:2")
    for _ in range(2):
        run_job(job, first)
        run_job(job, second)
    assert done == ["here:1", "here:1"]
    clock.move(61)
    run_job(job, second)
    run_job(job, first)
    assert done[2:] == ["there:2"]


def test_a_lease_is_kept_for_as_long_as_its_holder_comes_back_in_time(context: JobContext, clock: Clock) -> None:
    done: list[str] = []
    job = Job("only one", timedelta(seconds=15), MINUTE, lambda context: done.append(context.holder))
    for _ in range(10):
        run_job(job, context)
        clock.move(15)
        run_job(job, replace(context, holder="there:2"))
    assert done == ["here:1"] * 10


def test_what_needs_no_lease_is_done_by_every_process(context: JobContext) -> None:
    done: list[str] = []
    job = Job("each", MINUTE, None, lambda context: done.append(context.holder))
    run_job(job, context)
    run_job(job, replace(context, holder="there:2"))
    assert done == ["here:1", "there:2"]


def test_a_process_that_ends_gives_its_leases_back_and_no_others(context: JobContext) -> None:
    done: list[str] = []
    jobs = [Job(name, MINUTE, 2 * MINUTE, lambda context: done.append(context.holder)) for name in ("a", "b")]
    other = replace(context, holder="there:2")
    run_job(jobs[0], context)
    run_job(jobs[1], other)
    give_leases_back(context)
    run_job(jobs[0], other)
    run_job(jobs[1], context)
    assert done == ["here:1", "there:2", "there:2"]


def test_a_job_waits_while_the_store_is_down(context: JobContext, caplog: pytest.LogCaptureFixture) -> None:
    down = Database("postgresql+psycopg://canary@127.0.0.1:9/none", busy_seconds=2)
    run_job(Job("wait", MINUTE, MINUTE, lambda _: None), replace(context, store=down))
    [line] = caplog.records
    assert (line.levelname, line.getMessage()[:36]) == ("WARNING", "wait: waits, as the store cannot be ")


def test_past_mail_that_waits_is_judged_again_and_forgotten(context: JobContext, clock: Clock) -> None:
    with context.store.writing() as session:
        session.add(VendorRow(slug="shop", name="Shop", created_at=clock()))
        session.flush()
        session.add(RejudgeJobRow(vendor_id=1, key="a.example", text="x", who="ada", at=clock(), last=9, count=1))
    run_job(next(job for job in JOBS if job.name == "judge past mail"), context)
    with context.store.reading() as session:
        assert session.exec(select(RejudgeJobRow)).all() == []
