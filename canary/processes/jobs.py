"""The table of periodic jobs, and how one is run: by name, interval, lease and function."""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import SQLAlchemyError

from canary.alerts import health
from canary.alerts.health_check import HealthCheck
from canary.canaries import decoys, tentative
from canary.canaries.decoy_key import key_problem, prepare_key
from canary.cases import case_alerts, past_mail
from canary.cases.weigh import weigh_aged, weigh_all
from canary.pipeline.rspamd_check import RspamdChecker
from canary.processes.faults import brief
from canary.processes.log_keeping import LogKeeper
from canary.processes.node_report import NodeReporter
from canary.processes.stage_timer import StageTimer
from canary.smtp.admission import ROLES
from canary.store.database import Database, is_down
from canary.store.leases import hold, release, still_held
from canary.store.purging import purge_mail_index
from canary.store.queries.users import forget_expired
from canary.store.retention import BEGIN, CopiesKept, CopyPosition, let_go, thin_out
from canary.store.role_mail import forget_role_mail
from canary.store.self_tests import KEPT, forget_self_tests

log = logging.getLogger("canary.processes.jobs")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

GROUPS = 20
"""So many groups of cases are weighed in one turn, which takes less than half of the lease."""

SLICES = 60
"""So many slices of past mail are judged again in one turn, which takes less than the lease."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What jobs work with; `decoys` are so many at each domain, mail in no case goes `retention` after it came.

    `copies` says of how many mails of a campaign the octets stay. Mail to postmaster and abuse goes after `role_retention`, tentative addresses without mail leave the lists after
    `rests_after`.

    `follow` returns the context with what an administrator entered since for decoys and retention.

    `holder` is the process that takes leases, on a `machine` under whose name its health is reported.
    """

    store: Database
    clock: Callable[[], datetime]
    machine: str
    holder: str
    health_check: HealthCheck
    stage_timer: StageTimer
    decoys: int = 0
    retention: timedelta | None = None
    copies: CopiesKept | None = None
    role_retention: timedelta | None = None
    rspamd: RspamdChecker | None = None
    reporter: NodeReporter | None = None
    rests_after: timedelta | None = None
    log_keeper: LogKeeper | None = None
    follow: "Callable[[JobContext], JobContext]" = lambda same: same


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again, never twice at once in one process.

    With a lease one process at a time does it, of all those that share a store: it keeps the lease for so long, which
    is longer than the work takes and than the time to the next turn.
    """

    name: str
    every: timedelta
    lease: timedelta | None
    run: Callable[[JobContext], object]
    wanted: Callable[[JobContext], bool] = lambda _: True


def _remind(context: JobContext) -> None:
    with context.store.writing() as session:
        case_alerts.send_due_reminders(session, context.clock())


def _look_for_silence(context: JobContext) -> None:
    with context.store.writing() as session:
        health.look_for_silence(session, context.clock())


def _check_health(context: JobContext) -> None:
    present = context.health_check.look(context.clock())
    with context.store.writing() as session:
        health.report(session, context.machine, present, context.clock())


def _log_stage_times(context: JobContext) -> None:
    context.stage_timer.report()


def _keep_decoys(context: JobContext) -> None:
    context = context.follow(context)
    # Only where they have enough issued addresses to hide among; `canary decoys` makes them anywhere.
    wanted = decoys.DecoyRequest(context.decoys, least=max(1, context.decoys))
    with context.store.writing() as session:
        if why := prepare_key(session) if wanted.count else key_problem(session):
            log.warning("%s", why)
        else:
            decoys.maintain_decoys(session, wanted, secrets.randbelow, context.clock())


def _reassess_cases(context: JobContext) -> None:
    weigh_aged(context.store, context.clock())


def _apply_retention(context: JobContext) -> None:
    retention = context.follow(context).retention
    if retention is None:
        return
    last: int | None = 0
    # Batch by batch: mail that comes in waits for none of it.
    while last is not None:
        with context.store.writing() as session:
            last = let_go(session, context.clock() - retention, last)
    # The whole index is read for this, so it is done once a day: the lease of a holder that nobody else is.
    if _takes(context, "purge the index", context.clock().isoformat(), DAY):
        purge_mail_index(context.store)


def _thin_out_copies(context: JobContext) -> None:
    copies = context.follow(context).copies
    position: CopyPosition | None = BEGIN
    while copies is not None and position is not None:
        with context.store.writing() as session:
            position = thin_out(session, copies.first, context.clock() - copies.after, position)


def _forget_self_tests(context: JobContext) -> None:
    gone = 1
    while gone:
        with context.store.writing() as session:
            gone = forget_self_tests(session, context.clock() - KEPT)


def _forget_role_mail(context: JobContext) -> None:
    last: int | None = 0
    while last is not None and context.role_retention is not None:
        with context.store.writing() as session:
            last = forget_role_mail(session, context.clock() - context.role_retention, ROLES, last)


def _rest_tentative(context: JobContext) -> None:
    now = context.clock()
    with context.store.writing() as session:
        tentative.rest(session, now - (context.rests_after or tentative.RESTS_AFTER), now)


def _forget_expired_tokens(context: JobContext) -> None:
    with context.store.writing() as session:
        forget_expired(session, context.clock())


def _judge_past_mail(context: JobContext) -> None:
    past_mail.work_off(context.store, slices=SLICES)


def _ask_rspamd(context: JobContext) -> None:
    if context.rspamd:
        context.rspamd.ask_due()


def _sequence_log(context: JobContext) -> None:
    if context.log_keeper:
        context.log_keeper.sequence()


def _witness_log(context: JobContext) -> None:
    if context.log_keeper:
        context.log_keeper.witness()


def _weigh_cases(context: JobContext) -> int:
    return weigh_all(context.store, context.clock(), GROUPS)


WEIGH_CASES = Job("weigh cases", timedelta(minutes=1), timedelta(minutes=2), _weigh_cases)
"""Done as soon as a case is due; the interval is for what nothing told of."""


def _report_node(context: JobContext) -> None:
    if context.reporter:
        context.reporter.report(context.store, context.clock())


REPORT_NODE = Job("report node", timedelta(minutes=1), None, _report_node, lambda context: context.reporter is not None)

KEEP_DECOYS = Job("keep decoys", HOUR, 2 * HOUR, _keep_decoys)

JOBS = (
    Job("remind of cases", timedelta(seconds=15), timedelta(minutes=1), _remind),
    Job("check health", timedelta(minutes=1), None, _check_health),
    REPORT_NODE,
    Job("log stage times", timedelta(minutes=1), None, _log_stage_times),
    Job("look for silence", HOUR, 2 * HOUR, _look_for_silence),
    KEEP_DECOYS,
    WEIGH_CASES,
    Job("reassess cases", HOUR, 2 * HOUR, _reassess_cases),
    Job("apply retention", HOUR, 2 * HOUR, _apply_retention),
    Job("thin out copies", HOUR, 2 * HOUR, _thin_out_copies),
    Job("forget self-tests", HOUR, 2 * HOUR, _forget_self_tests),
    Job("forget role mail", HOUR, 2 * HOUR, _forget_role_mail, lambda context: context.role_retention is not None),
    Job("rest tentative addresses", HOUR, 2 * HOUR, _rest_tentative, lambda context: context.rests_after is not None),
    Job("forget expired tokens", HOUR, 2 * HOUR, _forget_expired_tokens),
    Job("judge past mail", timedelta(seconds=5), timedelta(minutes=5), _judge_past_mail),
    Job("sequence the log", timedelta(seconds=30), timedelta(minutes=2), _sequence_log),
    Job(
        "witness the log",
        HOUR,
        2 * HOUR,
        _witness_log,
        lambda context: context.log_keeper is not None and context.log_keeper.has_witnesses,
    ),
    # So that no mail is asked about twice; a batch takes less than its lease.
    Job(
        "ask rspamd",
        timedelta(seconds=2),
        timedelta(minutes=5),
        _ask_rspamd,
        lambda context: context.rspamd is not None,
    ),
)
"""Every job of a worker. What waits for a mail or for the time of an alert is no job: see `worker`."""


def scheduler(context: JobContext, jobs: Sequence[Job] = JOBS) -> AsyncIOScheduler:
    """Return a scheduler that runs jobs in threads beside the caller's loop; missed runs are made up for once."""
    made = AsyncIOScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    )
    for job in jobs:
        if job.wanted(context):
            made.add_job(run_job, "interval", (job, context), seconds=job.every.total_seconds(), id=job.name)
    return made


def run_job(job: Job, context: JobContext) -> object:
    """Run a job if its lease is ours, or needs none, and return its result.

    What goes wrong is logged, and its next turn tries again.
    """
    try:
        if job.lease is None or _leads(context, job.name, job.lease):
            return job.run(context)
    except Exception as fault:
        if is_down(fault):
            log.warning("%s: waits, as the store cannot be used (%s)", job.name, brief(fault))
        else:
            log.exception("%s: failed, and is tried again in %s", job.name, job.every)
    return None


def _leads(context: JobContext, name: str, lasting: timedelta) -> bool:
    with context.store.reading() as session:
        if still_held(session, name, context.holder, context.clock() + lasting / 2):
            return True
    return _takes(context, name, context.holder, lasting)


def _takes(context: JobContext, name: str, holder: str, lasting: timedelta) -> bool:
    with context.store.writing() as session:
        return hold(session, name, holder, context.clock(), lasting)


def give_leases_back(context: JobContext) -> None:
    """Let other processes take over at once what this one did alone."""
    with suppress(SQLAlchemyError), context.store.writing() as session:
        release(session, context.holder)
