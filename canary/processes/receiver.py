"""One receiving process: listener, certificate, journal and numbers, and what may change while it runs."""

import asyncio
import contextlib
import gc
import logging
import resource
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from canary.canaries.address_cache import AddressCache
from canary.model.networks import read_networks
from canary.processes.certificate import Certificate, CertificateFiles
from canary.processes.receiver_health import registry_of
from canary.processes.receiver_metrics import ReceiverCollector, write
from canary.smtp.admission import Limits
from canary.smtp.handler import CanaryHandler
from canary.smtp.journal import Journal
from canary.smtp.listeners import OpenListener
from canary.smtp.role_mail import RoleLimits, RoleQuota
from canary.smtp.server import Listener, ServerConfig
from canary.spool.spool import Spool

log = logging.getLogger("canary.smtp")

LOOK_SECONDS = 2.0
REST_SECONDS = 10.0
"""So often the numbers are written while nobody is connected."""

_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    """The configuration of a receiver that can change while it runs; `domains` are lower case, networks as written."""

    hostname: str
    domains: frozenset[str]
    limits: Limits
    tls: CertificateFiles | None = None
    proxies: tuple[str, ...] = ()
    xclient: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    roles: RoleLimits = field(default_factory=RoleLimits)
    mask: bool = False


@dataclass(frozen=True, slots=True)
class ReceiverDeps:
    """Where a receiver works: its name, its started spool, its book, and the file for its numbers.

    `emit` takes the lines of the journal; `bounds` are further limits, to be shown.
    """

    name: str
    spool: Spool
    book: AddressCache
    numbers: Path
    clock: Callable[[], datetime]
    emit: Callable[[str], None] | None = None
    bounds: Mapping[str, float] | None = None


class Receiver:
    """Receives until it is stopped."""

    def __init__(self, config: ReceiverConfig, deps: ReceiverDeps) -> None:
        """Reads or makes the certificate; raises OSError if it cannot be used."""
        self._deps = deps
        self._config = config
        self._certificate = self._certified(config)
        self._journal = Journal(deps.emit, mask=config.mask)
        self._roles = RoleQuota()
        self._listener = Listener(self._served(config), read_networks(config.exempt), f"{deps.name}-")
        numbers = ReceiverCollector(self._listener.clients, self._journal, self._of_spool, deps.bounds or {})
        self._registry = registry_of([numbers])

    async def start(self, opened: Iterable[OpenListener]) -> list[str]:
        """Listens, and returns where; raises OSError."""
        return await self._listener.start(opened)

    async def serve(self, stop: asyncio.Event) -> None:
        """Looks after certificate and numbers from time to time, until told to stop."""
        crowd, entered, due = self._listener.clients, -1, 0.0
        while True:
            self.look()
            now = asyncio.get_running_loop().time()
            if crowd.admitted != entered or now >= due or stop.is_set():
                # Who is connected now will have to be counted again.
                entered, due = -1 if crowd.clients else crowd.admitted, now + REST_SECONDS
                await self._write()
            if stop.is_set():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def stop(self, grace: float = 20.0) -> None:
        """Finishes transactions and says goodbye."""
        await self._listener.stop(grace)
        self._deps.numbers.unlink(missing_ok=True)

    def look(self) -> None:
        """Gives new sessions the certificate that is there now."""
        if self._certificate and self._certificate.look():
            listener = self._listener
            listener.adopt(replace(listener.config, tls=self._certificate.context), listener.clients.exempt)

    def adopt(self, config: ReceiverConfig) -> None:
        """Uses another configuration from now on; raises OSError, and then keeps the one from before."""
        if config.tls != self._config.tls:
            self._certificate = self._certified(config)
        self._config = config
        self._journal.mask = config.mask
        self._listener.adopt(self._served(config), read_networks(config.exempt))

    def _certified(self, config: ReceiverConfig) -> Certificate | None:
        return Certificate(config.tls, self._deps.clock) if config.tls else None

    def _served(self, config: ReceiverConfig) -> ServerConfig:
        deps = self._deps
        self._roles.limits, self._roles.exempt = config.roles, read_networks(config.exempt)
        handler = CanaryHandler(
            config.domains, deps.book, deps.spool, deps.clock, self._journal, config.limits.recipients
        )
        handler.roles = self._roles
        return ServerConfig(
            config.hostname,
            handler,
            config.limits,
            self._certificate.context if self._certificate else None,
            read_networks(config.proxies),
            read_networks(config.xclient),
        )

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(write, self._registry, self._deps.numbers)
        except OSError as fault:
            log.warning("numbers of %s cannot be written: %s", self._deps.name, fault)

    def _of_spool(self) -> dict[str, float]:
        spool = self._deps.spool
        found: dict[str, float] = {"addresses": len(self._deps.book.addresses)}
        with contextlib.suppress(OSError):
            found["octets"] = _size(spool.path)
            found["free_octets"] = shutil.disk_usage(spool.path.parent).free
            found["backlog"] = spool.backlog()
        return found


class Lines:
    """Writes lines to a stream in the loop, many at a time: each may come a twentieth of a second late."""

    def __init__(self, write: Callable[[str], object]) -> None:
        """Passes them to `write`, with their line ends."""
        self._write = write
        self._lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Takes a line."""
        if not self._lines:
            asyncio.get_running_loop().call_later(0.05, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Writes what has been taken."""
        lines, self._lines = self._lines, []
        if lines:
            with contextlib.suppress(OSError):
                self._write("\n".join(lines) + "\n")


def allow_many_connections() -> None:
    """Raises the limit of open files as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65_536, hard))


def tune_interpreter() -> None:
    """Sets the interpreter up, once all is loaded, for a loop and a writer that are both busy.

    Neither waits long for the other, and garbage, of which there is hardly any, is looked for seldom and among what is
    new.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _size(path: Path) -> int:
    log_file = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log_file.stat().st_size if log_file.exists() else 0)
