"""The composition root: builds every part from settings, and keeps the roles running."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import uvicorn
from prometheus_client import CollectorRegistry
from sqlmodel import Session

from canary.alerts import health
from canary.alerts.channels.base import Target
from canary.alerts.delivery import DeliveryContext, DeliveryPool
from canary.alerts.health_check import HealthCheck
from canary.authenticate.dns_records import Arrangement, check_records, wanted_records
from canary.canaries import decoys
from canary.canaries.decoy_key import key_problem, prepare_key
from canary.cases import case_alerts
from canary.cases.assess import reassess_due
from canary.mail.received import read_trusted
from canary.net.http import Http
from canary.net.rspamd import Rspamd
from canary.pipeline.batch import Inbox, run_pending
from canary.pipeline.rspamd_check import RspamdChecker
from canary.pipeline.story import Context
from canary.processes.jobs import Job, scheduler
from canary.processes.judging import lookups, supplier_book
from canary.processes.smtp_process import (
    clock,
    command,
    decoy_mac_from,
    fetch_addresses,
    open_spool,
    open_store,
    receiver_metrics,
    receivers,
)
from canary.processes.stage_timer import StageTimer
from canary.processes.supervisor import ManagedProcess, ShutdownSignal, announce, supervise
from canary.settings import Settings
from canary.spool.spool import Spool
from canary.store.database import Database, is_down
from canary.store.leases import hold
from canary.store.queries.users import forget_expired
from canary.store.retention import let_go
from canary.store.signing_key import installation_key
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.issue_forms import IssueSettings
from canary.web.rendering import KEEPS_UP, LISTENING

__all__ = ["clock", "decoy_mac_from", "fetch_addresses", "open_spool", "open_store"]

log = logging.getLogger("canary.run")

IDLE_SECONDS = 0.2
ALERT_SECONDS = 0.2
DOWN_SECONDS = 2.0
BEHIND = 500
"""So many mails in the spools are no burst any more: the worker is slow, or there is none."""


def arrangement(settings: Settings) -> Arrangement:
    """Return the records that DNS should have for the domains of the settings, and what asks whether it does."""
    host, lookup = settings.smtp.hostname, lookups(settings)
    records = tuple(record for domain in settings.domains for record in wanted_records(domain, host))
    return Arrangement(records, lambda: check_records(lookup(), records))


def pipeline_parts(settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None) -> Context:
    """Build what the pipeline works with."""
    trusted, key = read_trusted(settings.smtp.trusted), installation_key(settings.data)
    return Context(store, lookups(settings), supplier_book(), clock, passed, trusted, key, settings.judge.learning)


def alert_desk(settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None) -> DeliveryContext:
    """Build what delivery works with."""
    http = Http(allow_private=settings.alert.allow_private, clock=clock)
    return DeliveryContext(store, http, alert_targets(settings), clock, settings.web_url, _jitter, passed)


def alert_targets(settings: Settings) -> list[Target]:
    """Return where alerts go."""
    return [
        Target(name, d.kind, d.url.get_secret_value(), d.secrets, d.when, d.route)
        for name, d in settings.alert.destinations.items()
    ]


def second_opinion(settings: Settings, store: Database) -> RspamdChecker | None:
    """Build what asks rspamd, where one is set."""
    told = settings.rspamd
    if told.url is None:
        return None
    return RspamdChecker(store, Rspamd(told.url, told.password.get_secret_value() if told.password else None), clock)


def _jitter() -> float:
    return 0.8 + 0.4 * secrets.randbelow(1000) / 1000


class Inboxes:
    """The spools of this machine, as a worker sees them; new ones are found as they appear."""

    def __init__(self, settings: Settings) -> None:
        """Look into the spool folder of the settings."""
        self.settings = settings
        self.spools: dict[str, Spool] = {}

    def __iter__(self) -> Iterator[Inbox]:
        """Yield every spool that exists."""
        for file in sorted((self.settings.data / "spool").glob("*.db")):
            yield self.spools.setdefault(file.stem, open_spool(self.settings, file.stem))

    def close(self) -> None:
        """Let the files go."""
        for spool in self.spools.values():
            spool.close()


async def worker(settings: Settings, *, watched: bool = False) -> None:
    """Bring mails to their cases and deliver alerts until stopped; a store that is down is waited for."""
    stopping, stopwatch = ShutdownSignal(watched=watched), StageTimer()
    store, inboxes = open_store(settings), Inboxes(settings)

    def keep_decoys() -> None:
        _unless_down(lambda: _keep_decoys(store, settings))

    parts, desk = pipeline_parts(settings, store, stopwatch.passed), alert_desk(settings, store)
    couriers, checkup = DeliveryPool(desk), _checkup(settings, inboxes)
    jobs = [
        Job("deliver alerts", ALERT_SECONDS, lambda: _unless_down(couriers.look)),
        Job("look for silence", 3600.0, lambda: _unless_down(lambda: _look_for_silence(store))),
        Job("check up", 60.0, lambda: _unless_down(lambda: _check_up(store, checkup))),
        Job("look after cases", 15.0, lambda: _unless_down(lambda: _look_after(store))),
        Job("timings", 60.0, stopwatch.tell),
        Job("keep decoys", 3600.0, keep_decoys),
        Job("weigh anew", 3600.0, lambda: _unless_down(lambda: _weigh_anew(store))),
        Job("let mail go", 3600.0, lambda: _unless_down(lambda: _let_go(store, settings.retention.after))),
        Job("forget expired tokens", 3600.0, lambda: _unless_down(lambda: _tidy(store))),
    ]
    if asking := second_opinion(settings, store):
        jobs.append(Job("ask rspamd", 2.0, lambda: _unless_down(lambda: _advise(store, asking))))
    clockwork = scheduler(jobs)
    try:
        await _migrate(store, stopping)
        await asyncio.to_thread(keep_decoys)
        clockwork.start()
        announce("worker ready")
        await _work(parts, inboxes, stopping)
    finally:
        if clockwork.running:
            clockwork.shutdown()
        couriers.close()
        inboxes.close()
        desk.http.close()
        store.close()


async def _work(parts: Context, inboxes: Inboxes, stopping: ShutdownSignal) -> None:
    down = False
    while not stopping.event.is_set():
        try:
            worked = sum([await run_pending(parts, inbox) for inbox in inboxes])
            down = False
        except Exception as fault:
            if not is_down(fault) and not isinstance(fault, OSError):
                raise
            if not down:
                log.warning("store or spool cannot be used (%s); waiting, nothing is lost", _brief(fault))
            worked, down = 0, True
        if not worked:
            await stopping.pause(DOWN_SECONDS if down else IDLE_SECONDS)


async def _migrate(store: Database, stopping: ShutdownSignal) -> None:
    while True:
        try:
            await asyncio.to_thread(store.migrate)
        except Exception as fault:
            if not is_down(fault):
                raise
            log.warning("store cannot be used (%s); waiting for it", _brief(fault))
            if await stopping.pause(DOWN_SECONDS):
                return
        else:
            return


def _mine(session: Session, job: str, lasting: timedelta) -> bool:
    """Take or extend the lease of a job that one worker of all those that share a store does."""
    return hold(session, job, f"{socket.gethostname()}:{os.getpid()}", clock(), lasting)


def _look_after(store: Database) -> None:
    with store.writing() as session:
        if _mine(session, "look after cases", timedelta(minutes=1)):
            case_alerts.send_due_reminders(session, clock())


def _look_for_silence(store: Database) -> None:
    with store.writing() as session:
        if _mine(session, "silence", timedelta(hours=2)):
            health.look_for_silence(session, clock())


def _checkup(settings: Settings, inboxes: "Inboxes") -> HealthCheck:
    told = receiver_metrics(settings)

    def listening() -> bool | None:
        found = _health(told).get("listener")
        return None if found is None else found == "listening"

    def backlogs() -> dict[str, int]:
        return {inbox.path.stem: inbox.backlog() for inbox in list(inboxes.spools.values())}

    return HealthCheck(listening, backlogs, settings.smtp.tls_certificate)


def _check_up(store: Database, checkup: HealthCheck) -> None:
    present = checkup.look(clock())
    with store.writing() as session:
        health.report(session, socket.gethostname(), present, clock())


def _tidy(store: Database) -> None:
    # One worker of all those that share a store does it; whoever holds the lease.
    with store.writing() as session:
        if _mine(session, "tidy", timedelta(hours=2)):
            forget_expired(session, clock())


def _let_go(store: Database, after: timedelta | None) -> None:
    # Batch by batch: mail that comes in waits for none of it.
    if after is None:
        return
    with store.writing() as session:
        mine = _mine(session, "retention", timedelta(hours=2))
    last: int | None = 0 if mine else None
    while last is not None:
        with store.writing() as session:
            last = let_go(session, clock() - after, last)


def _weigh_anew(store: Database) -> None:
    with store.writing() as session:
        mine = _mine(session, "weigh anew", timedelta(hours=2))
    if mine:
        reassess_due(store, clock())


def _keep_decoys(store: Database, settings: Settings) -> None:
    # Only where they have enough issued addresses to hide among; `canary decoys` makes them anywhere.
    wanted = decoys.DecoyRequest(settings.decoys.count, least=max(1, settings.decoys.count))
    with store.writing() as session:
        if told := prepare_key(session) if wanted.count else key_problem(session):
            log.warning("%s", told)
        elif _mine(session, "decoys", timedelta(hours=2)):
            decoys.maintain_decoys(session, wanted, secrets.randbelow, clock())


def _advise(store: Database, asking: RspamdChecker) -> None:
    # One worker asks, so that no mail is asked about twice; it holds the lease longer than a batch can take.
    with store.writing() as session:
        mine = _mine(session, "rspamd", timedelta(minutes=5))
    if mine:
        asking.ask_due()


def _unless_down(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception as fault:
        if not is_down(fault):
            raise
        log.warning("a job waits: the store cannot be used (%s)", _brief(fault))


def _brief(fault: Exception) -> str:
    return str(getattr(fault, "orig", None) or fault).strip().splitlines()[0][:200]


class _WebServer(uvicorn.Server):
    """Says where it listens once it does, and leaves signals to whoever runs it."""

    ready: Callable[[str], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in self.servers:
            for sock in listener.sockets:
                host, port = sock.getsockname()[:2]
                self.ready(f"http://{host}:{port}")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _health(told: CollectorRegistry) -> dict[str, str]:
    """Tell how the parts on this machine are; where no receiver ever told its numbers there is nothing to tell."""
    found = [sample for family in told.collect() for sample in family.samples]
    alive = [sample.value for sample in found if sample.name == "canary_smtp_up"]
    if not alive:
        return {}
    waiting = int(sum(sample.value for sample in found if sample.name == "canary_spool_backlog"))
    return {
        "listener": LISTENING if all(alive) else "not heard of lately",
        "worker": KEEPS_UP if waiting < BEHIND else f"{waiting} mails wait",
    }


def _say_web(address: str) -> None:
    announce(f"web listening on {address}")


async def web(settings: Settings, *, watched: bool = False, ready: Callable[[str], None] = _say_web) -> None:
    """Serve the dashboard until stopped; `ready` is told its address once it listens."""
    stopping, store = ShutdownSignal(watched=watched), open_store(settings)
    told = receiver_metrics(settings)
    site = WebConfig(
        store,
        clock,
        url=settings.web_url,
        health=lambda: _health(told),
        registry=receiver_metrics(settings),
        issuing=IssueSettings(tuple(settings.domains), supplier_book().is_shared, installation_key(settings.data)),
        destinations=[target.view for target in alert_targets(settings)],
        arranged=arrangement(settings),
        retention=settings.retention.after,
    )
    # An access log would show one-time links; the application logs what matters.
    host, port = settings.web.host, settings.web.port
    config = uvicorn.Config(
        create_app(site), host, port, lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=2,  # whoever listens to news would hold it up for ever
    )  # fmt: skip
    server = _WebServer(config)
    server.ready = ready
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.event.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        waiting.cancel()
        store.close()


def up(settings: Settings, arguments: Sequence[str]) -> None:
    """Run every role as a child process, watch and restart them, until stopped."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    supervise(
        [
            *receivers(settings, arguments),
            *(ManagedProcess(role, command(arguments, role)) for role in ("worker", "web")),
        ]
    )
