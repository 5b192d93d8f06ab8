"""The composition root: builds every part from settings, and keeps the roles running."""

import asyncio
import json
import logging
import os
import secrets
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry

from canary.alert.channels.base import Target
from canary.alert.deliver import Desk, deliver_due
from canary.authenticate.lookup import Lookup, ZoneLookup
from canary.children import Child, Stopping, say, tend
from canary.judge.suppliers import SupplierBook, read_suppliers
from canary.mail.trace import read_trusted
from canary.net.dns import LiveLookup
from canary.net.http import Http
from canary.pipeline import Inbox, Parts, run_pending
from canary.receive.admission import Limits
from canary.receive.book import AddressBook
from canary.receive.doors import descriptors, handed_over, open_doors, read_door
from canary.receive.metrics import ReceiverFiles, registry_of, shown
from canary.receive.receiver import Lines, Manners, Place, Receiver, allow_many_connections
from canary.receive.spool import Spool
from canary.receive.tls import given_or_made
from canary.schedule import Job, scheduler
from canary.settings import Settings, SettingsError
from canary.store.canaries import known_addresses
from canary.store.database import Database, is_down
from canary.store.leases import hold
from canary.store.users import forget_expired
from canary.web.app import create_app

log = logging.getLogger("canary.run")

IDLE_SECONDS = 0.2
_FIXED = tuple("host port listen socket_mode processes metrics spool_reserve spool_backlog spool_pages".split())
DOWN_SECONDS = 2.0


def clock() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


def config_folder() -> Path:
    """Return the folder of the files that ship with the program: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    return package / "config" if (package / "config").is_dir() else package.parent / "config"


def supplier_book() -> SupplierBook:
    """Read what is known of mail providers; raises SupplierError naming every bad entry."""
    return read_suppliers(tomllib.loads((config_folder() / "suppliers.toml").read_text(encoding="utf-8")))


def open_store(settings: Settings) -> Database:
    """Open the store, making the data folder if need be."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(settings.store_url)


def open_spool(settings: Settings, name: str = "smtp") -> Spool:
    """Open a spool of this installation; whoever receives into it starts it."""
    folder = settings.data / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    smtp = settings.smtp
    return Spool(
        folder / f"{name}.db",
        reserve_bytes=smtp.spool_reserve,
        max_backlog=smtp.spool_backlog,
        max_pages=smtp.spool_pages,
    )


def fetch_addresses(store: Database) -> Callable[[str], tuple[str, frozenset[str]] | None]:
    """Return what a receiver asks for the issued addresses."""

    def fetch(mark: str) -> tuple[str, frozenset[str]] | None:
        with store.reading() as session:
            return known_addresses(session, mark)

    return fetch


def lookups(settings: Settings) -> Callable[[], Lookup]:
    """Return what makes a Lookup for each mail: live DNS with a budget, or the zone file of the settings."""
    if settings.dns.zone:
        zone = ZoneLookup(json.loads(settings.dns.zone.read_text(encoding="utf-8")))
        return lambda: zone
    live = LiveLookup(settings.dns.nameservers, timeout=settings.dns.timeout)
    return lambda: live.for_mail(seconds=4 * settings.dns.timeout)


def pipeline_parts(settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None) -> Parts:
    """Build what the pipeline works with."""
    return Parts(store, lookups(settings), supplier_book(), clock, passed, read_trusted(settings.smtp.trusted))


def alert_desk(settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None) -> Desk:
    """Build what delivery works with."""
    targets = [
        Target(name, d.kind, d.url.get_secret_value(), d.secret.get_secret_value() if d.secret else None)
        for name, d in settings.alert.destinations.items()
    ]
    http = Http(allow_private=settings.alert.allow_private)
    return Desk(store, http, targets, clock, settings.web_url, _jitter, passed)


def _jitter() -> float:
    return 0.8 + 0.4 * secrets.randbelow(1000) / 1000


def manners(settings: Settings) -> Manners:
    """Build what a receiver goes by and may be told anew."""
    smtp = settings.smtp
    files = given_or_made(smtp.tls_certificate, smtp.tls_key, settings.data / "tls", smtp.hostname)
    return Manners(
        hostname=smtp.hostname,
        domains=frozenset(domain.lower() for domain in settings.domains),
        limits=Limits(size=smtp.max_size, **smtp.limits.model_dump()),
        tls=files if smtp.starttls else None,
        proxies=smtp.proxies,
        xclient=smtp.xclient,
        exempt=(*smtp.exempt, *map(str, read_trusted(smtp.trusted).networks)),
        mask=smtp.mask_addresses,
    )


async def smtp(
    settings: Settings, *, watched: bool = False, number: int = 1, reread: Callable[[], Settings] | None = None
) -> None:
    """Receive mail until stopped; the store may be down all the while. SIGHUP takes over what `reread` reads.

    Unix sockets are the first process's of several; a port is everybody's.
    """
    stopping, name = Stopping(watched=watched), receiver_name(number)
    allow_many_connections()
    spool, store = open_spool(settings, name), open_store(settings)
    spool.start(clock)
    book = AddressBook(fetch_addresses(store), spool)
    told = Lines(sys.stderr.write)
    emit = told if log.isEnabledFor(logging.INFO) else _ignore
    place = Place(name, spool, book, settings.data / "metrics" / f"{name}.prom", clock, emit, _bounds(settings))
    receiver = Receiver(manners(settings), place)
    doors = [door for door in settings.smtp.doors if number == 1 or not door.path]
    try:
        opened = open_doors(doors, shared=settings.smtp.processes > 1, mode=int(settings.smtp.socket_mode, 8))
        await book.start()
        for listening in await receiver.start([*opened, *handed_over(os.environ, (os.getpid(), os.getppid()))]):
            say(listening)
        if reread and not os.isatty(0):
            stopping.on_hangup(lambda: _take_over(receiver, settings, reread))
        where = settings.smtp.metrics if number == 1 else None
        with shown(read_door(where) if where else None, receiver_metrics(settings), say):
            await receiver.serve(stopping.event)
    finally:
        await receiver.stop()
        await book.stop()
        told.flush()
        spool.close()
        store.close()


def receiver_name(number: int) -> str:
    """Name the spool of the first, second, ... receiving process."""
    return "smtp" if number == 1 else f"smtp-{number}"


def _ignore(_: str) -> None: ...


def _bounds(settings: Settings) -> dict[str, float]:
    smtp = settings.smtp
    return {"spool_reserve": smtp.spool_reserve, "spool_backlog": smtp.spool_backlog, "processes": smtp.processes}


def _take_over(receiver: Receiver, settings: Settings, reread: Callable[[], Settings]) -> None:
    try:
        fresh = reread()
        receiver.adopt(manners(fresh))
    except (SettingsError, OSError, ValueError) as fault:
        faults = "; ".join(str(fault).splitlines())
        log.error("settings are not taken over, those from before stay: %s", faults)  # noqa: TRY400 - no fault of ours
        return
    log.warning("settings taken over")
    late = [key for key in _FIXED if getattr(fresh.smtp, key) != getattr(settings.smtp, key)]
    if late:
        log.warning("smtp.%s changed: that needs a restart", ", smtp.".join(late))


def receiver_metrics(settings: Settings) -> CollectorRegistry:
    """Return the numbers of all receivers of this machine."""
    return registry_of([ReceiverFiles(settings.data / "metrics", time.time)])


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


class Stopwatch:
    """Adds up how long the stages of the pipeline take, and says so from time to time."""

    def __init__(self) -> None:
        """Start at zero."""
        self.last = time.perf_counter()
        self.spent: dict[str, tuple[int, float]] = {}

    def passed(self, stage: str) -> None:
        """Count a stage that has just ended."""
        now = time.perf_counter()
        count, seconds = self.spent.get(stage, (0, 0.0))
        self.spent[stage] = (count + 1, seconds + now - self.last)
        self.last = now

    def tell(self) -> None:
        """Log the mean time of each stage since the last time."""
        spent, self.spent = self.spent, {}
        if spent:
            log.info("stages: %s", ", ".join(f"{s} {n} x {t / n * 1000:.1f} ms" for s, (n, t) in spent.items()))


async def worker(settings: Settings, *, watched: bool = False) -> None:
    """Bring mails to their cases and deliver alerts until stopped; a store that is down is waited for."""
    stopping, stopwatch = Stopping(watched=watched), Stopwatch()
    store, inboxes = open_store(settings), Inboxes(settings)
    parts, desk = pipeline_parts(settings, store, stopwatch.passed), alert_desk(settings, store)
    jobs = [
        Job("deliver alerts", 1.0, lambda: _unless_down(lambda: _deliver_all(desk))),
        Job("timings", 60.0, stopwatch.tell),
        Job("forget expired tokens", 3600.0, lambda: _unless_down(lambda: _tidy(store))),
    ]
    clockwork = scheduler(jobs)
    try:
        await _migrate(store, stopping)
        clockwork.start()
        say("worker ready")
        await _work(parts, inboxes, stopping)
    finally:
        if clockwork.running:
            clockwork.shutdown()
        inboxes.close()
        desk.http.close()
        store.close()


async def _work(parts: Parts, inboxes: Inboxes, stopping: Stopping) -> None:
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


async def _migrate(store: Database, stopping: Stopping) -> None:
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


def _deliver_all(desk: Desk) -> None:
    while deliver_due(desk):
        pass


def _tidy(store: Database) -> None:
    # One worker of all those that share a store does it; whoever holds the lease.
    with store.writing() as session:
        if hold(session, "tidy", f"{socket.gethostname()}:{os.getpid()}", clock(), timedelta(hours=2)):
            forget_expired(session, clock())


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


def _say_web(address: str) -> None:
    say(f"web listening on {address}")


async def web(settings: Settings, *, watched: bool = False, ready: Callable[[str], None] = _say_web) -> None:
    """Serve the dashboard until stopped; `ready` is told its address once it listens."""
    stopping, store = Stopping(watched=watched), open_store(settings)
    app = create_app(store, clock, settings.web_url, registry=receiver_metrics(settings))
    # An access log would show one-time links; the application logs what matters.
    config = uvicorn.Config(
        app,
        settings.web.host,
        settings.web.port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
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
    tend([*receivers(settings, arguments), *(Child(role, _role(arguments, role)) for role in ("worker", "web"))])


def receivers(settings: Settings, arguments: Sequence[str]) -> list[Child]:
    """Build the receiving processes; the sockets that systemd opened for us are handed on to each."""
    sockets = descriptors(os.environ, os.getpid())
    numbers = range(1, settings.smtp.processes + 1)
    return [Child(receiver_name(n), [*_role(arguments, "smtp"), "--number", str(n)], sockets) for n in numbers]


def _role(arguments: Sequence[str], role: str) -> list[str]:
    return [sys.executable, "-m", "canary", *arguments, role, "--watched"]
