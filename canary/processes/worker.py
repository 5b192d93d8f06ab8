"""The worker role: bring mails to their cases and deliver alerts, for as long as it runs."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from canary.alerts.delivery import DeliveryPool
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.build import (
    delivery_context,
    destinations_in_force,
    health_check,
    pipeline_context,
    rspamd_checker,
)
from canary.processes.entered import EnteredSettings
from canary.processes.faults import brief
from canary.processes.jobs import (
    KEEP_DECOYS,
    REPORT_NODE,
    WEIGH_CASES,
    JobContext,
    give_leases_back,
    run_job,
    scheduler,
)
from canary.processes.log_keeping import log_keeper
from canary.processes.mail_parser import MailParser
from canary.processes.memory import give_large_blocks_back
from canary.processes.node_report import worker_reporter
from canary.processes.own_suppliers import DeclaredSuppliers
from canary.processes.shutdown import ShutdownSignal, announce
from canary.processes.spools import Spools, clock
from canary.processes.stage_timer import StageTimer
from canary.processes.stores import open_store, prepare_store
from canary.settings import Settings
from canary.store.commit_watch import CommitWatch
from canary.store.database import Database, is_down
from canary.store.notify_watch import NotifyWatch
from canary.store.retention import CopiesKept

log = logging.getLogger("canary.processes.worker")

LOOK_SECONDS = 0.2
"""So often a look at what may have been committed, which costs next to nothing."""

RESTS = 2.0
"""Weighing rests for so many times as long as it took."""

DOWN_SECONDS = 2.0
IDLE_SECONDS = 10.0
"""So often spools and store are asked all the same: a mail that was put off may be due."""


async def work(settings: Settings, *, watched: bool = False) -> None:
    """Bring mails to their cases and deliver alerts until stopped; a store that is down is waited for."""
    give_large_blocks_back()
    stopping, timer = ShutdownSignal(watched=watched), StageTimer()
    store, spools = open_store(settings), Spools(settings)
    parser = MailParser()
    pipeline, delivery = pipeline_context(settings, store, timer.passed, parser), delivery_context(settings, store)
    pool = DeliveryPool(delivery, follow=destinations_in_force(settings))
    jobs = _job_context(settings, store, spools, timer)
    clockwork = scheduler(jobs)
    try:
        await _prepare(settings, store, stopping)
        for job in (KEEP_DECOYS, REPORT_NODE):
            await asyncio.to_thread(run_job, job, jobs)
        clockwork.start()
        announce("worker ready")
        news = Wakeups()
        beside = [
            asyncio.create_task(news.watch(spools, store.watch(), stopping)),
            asyncio.create_task(deliver_alerts(pool, news.alerts, clock, stopping)),
            asyncio.create_task(weigh_cases(jobs, news.cases, stopping)),
        ]
        try:
            await process_mails(pipeline, spools, news, stopping)
        finally:
            stopping.event.set()
            await asyncio.gather(*beside)
    finally:
        if clockwork.running:
            clockwork.shutdown()
            await asyncio.to_thread(give_leases_back, jobs)
        pool.close()
        parser.close()
        spools.close()
        delivery.http.close()
        store.close()


def _copies_kept(settings: Settings) -> CopiesKept | None:
    kept = settings.retention
    return CopiesKept(kept.copies, timedelta(days=kept.copies_days)) if kept.copies else None


def _job_context(settings: Settings, store: Database, spools: Spools, timer: StageTimer) -> JobContext:
    machine, entered = socket.gethostname(), EnteredSettings(settings, clock)

    def follow(context: JobContext) -> JobContext:
        with store.reading() as session:
            found = entered.current(session).settings
        return replace(context, decoys=found.decoys.count, retention=found.retention.after, copies=_copies_kept(found))

    return JobContext(
        store,
        clock,
        machine,
        holder=f"{machine}:{os.getpid()}",
        health_check=health_check(settings, spools, store),
        stage_timer=timer,
        decoys=settings.decoys.count,
        retention=settings.retention.after,
        copies=_copies_kept(settings),
        role_retention=settings.smtp.roles.after,
        rspamd=rspamd_checker(settings, store),
        reporter=worker_reporter(settings, clock()),
        rests_after=settings.canaries.rests_after,
        log_keeper=log_keeper(settings, store, clock),
        follow=follow,
    )


async def _prepare(settings: Settings, store: Database, stopping: ShutdownSignal) -> None:
    said = ""
    while True:
        try:
            await asyncio.to_thread(prepare_store, settings, store)
        except Exception as fault:
            if not is_down(fault):
                raise
            if said != (said := brief(fault)):
                log.warning("store cannot be used (%s); waiting for it", said)
            if await stopping.pause(DOWN_SECONDS):
                return
        else:
            return


class Wakeups:
    """What may be there to be done: a task waits until there is some, or for so many seconds."""

    def __init__(self) -> None:
        """Begin with none, as every task looks once before it waits."""
        self.mails, self.alerts, self.cases = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def watch(self, spools: Spools, store: CommitWatch | NotifyWatch, stopping: ShutdownSignal) -> None:
        """Look for commits until stopped: one look for all, so that a worker at rest hardly wakes up."""
        watches: dict[Path, CommitWatch] = {}
        while not stopping.event.is_set():
            if spools.changed():
                watches |= {path: CommitWatch(path) for path in spools.paths() if path not in watches}
            if any(watch.changed() for watch in watches.values()):
                self.mails.set()
            if store.changed():
                self.alerts.set()
                self.cases.set()
            await asyncio.sleep(LOOK_SECONDS)
        # Let go of those who still wait.
        self.mails.set()
        self.alerts.set()
        self.cases.set()
        for watch in (store, *watches.values()):
            watch.close()


async def _wait(news: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


async def process_mails(context: Context, spools: Spools, news: Wakeups, stopping: ShutdownSignal) -> None:
    """Process what waits in the spools, as soon as it is there, until stopped."""
    down, suppliers = False, DeclaredSuppliers(context.book)
    while not stopping.event.is_set():
        news.mails.clear()  # before looking, so that what comes meanwhile is looked at next
        try:
            context = await asyncio.to_thread(suppliers.refreshed, context)
            worked, down = sum([await run_pending(context, spool) for spool in spools]), False
        except Exception as fault:
            if not is_down(fault) and not isinstance(fault, OSError):
                raise
            if not down:
                log.warning("store or spool cannot be used (%s); waiting, nothing is lost", brief(fault))
            worked, down = 0, True
        if worked:
            news.alerts.set()
            news.cases.set()
        elif down:
            await stopping.pause(DOWN_SECONDS)
        else:
            await _wait(news.mails, IDLE_SECONDS)


async def weigh_cases(jobs: JobContext, news: asyncio.Event, stopping: ShutdownSignal) -> None:
    """Weigh the cases that are due, as soon as that is committed, until stopped; what comes together is weighed once.

    Weighing rests for longer than it took, as mail is judged by the same process.
    """
    while not stopping.event.is_set():
        news.clear()
        began = time.monotonic()
        weighed = await asyncio.to_thread(run_job, WEIGH_CASES, jobs)
        took = time.monotonic() - began
        if not weighed:
            await _wait(news, IDLE_SECONDS)
        await stopping.pause(max(LOOK_SECONDS - took, took * RESTS))


async def deliver_alerts(
    pool: DeliveryPool, news: asyncio.Event, now: Callable[[], datetime], stopping: ShutdownSignal
) -> None:
    """Send what is due, as soon as it is committed or its time has come, until stopped."""
    down = False
    while not stopping.event.is_set():
        news.clear()
        began = time.monotonic()
        try:
            due, down = await asyncio.to_thread(pool.look), False
        except Exception as fault:
            if not is_down(fault):
                log.exception("alerts wait: a bug in Canary")
            elif not down:
                log.warning("alerts wait: the store cannot be used (%s)", brief(fault))
            due, down = None, True
        if down:
            await stopping.pause(DOWN_SECONDS)
            continue
        rest = (due - now()).total_seconds() if due else IDLE_SECONDS
        await _wait(news, min(rest, IDLE_SECONDS))
        # However much is committed, a look in this time is enough: what comes together goes together.
        await stopping.pause(began + LOOK_SECONDS - time.monotonic())
