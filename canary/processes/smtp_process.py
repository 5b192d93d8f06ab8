"""The root of composition for receiving: apart from `run`, so that a receiver loads nothing that it does not need."""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from canary.attribute.priors import CARRIED_AS
from canary.mail.received import read_trusted
from canary.processes.supervisor import ManagedProcess, ShutdownSignal, announce
from canary.settings import Settings, SettingsError
from canary.smtp.admission import Limits
from canary.smtp.book import AddressBook
from canary.smtp.doors import descriptors, handed_over, open_doors, read_door
from canary.smtp.metrics import ReceiverFiles, registry_of, shown
from canary.smtp.receiver import Lines, Manners, Place, Receiver, allow_many_connections, tune_interpreter
from canary.smtp.tls import given_or_made
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.queries.canaries import known_addresses

log = logging.getLogger("canary.processes.run")

_FIXED = tuple("host port listen socket_mode processes metrics spool_reserve spool_backlog spool_pages".split())


def clock() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


def open_store(settings: Settings) -> Database:
    """Open the store, making the data folder if need be."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(
        settings.store_url, decoy_mac=decoy_mac_from(settings), carried={CARRIED_AS: settings.attribution.rates}
    )


def decoy_mac_from(settings: Settings) -> DecoyMac:
    """Return what tells decoys from issued addresses, by the key in its file."""
    return DecoyMac(settings.decoy_key, settings.decoys.every if settings.decoys.count else 0)


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
    stopping, name = ShutdownSignal(watched=watched), receiver_name(number)
    allow_many_connections()
    tune_interpreter()
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
            announce(listening)
        if reread and not os.isatty(0):
            stopping.on_hangup(lambda: _take_over(receiver, settings, reread))
        where = settings.smtp.metrics if number == 1 else None
        with shown(read_door(where) if where else None, receiver_metrics(settings), announce):
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


def receivers(settings: Settings, arguments: Sequence[str]) -> list[ManagedProcess]:
    """Build the receiving processes; the sockets that systemd opened for us are handed on to each."""
    sockets = descriptors(os.environ, os.getpid())
    numbers = range(1, settings.smtp.processes + 1)
    return [
        ManagedProcess(receiver_name(n), [*command(arguments, "smtp"), "--number", str(n)], sockets) for n in numbers
    ]


def command(arguments: Sequence[str], role: str) -> list[str]:
    """Return how a role is started as a process of its own."""
    return [sys.executable, "-m", "canary", *arguments, role, "--watched"]
