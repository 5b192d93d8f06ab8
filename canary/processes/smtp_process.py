"""The receiving role: mail comes in by SMTP and LMTP, and is kept in the spool of this process."""

import logging
import os
import sys
from collections.abc import Callable

from canary.canaries.address_cache import AddressCache
from canary.mail.received import read_trusted
from canary.processes.certificate import given_or_made
from canary.processes.installation import Installation
from canary.processes.ports import open_ports
from canary.processes.receiver import (
    Lines,
    Receiver,
    ReceiverConfig,
    ReceiverDeps,
    allow_many_connections,
    tune_interpreter,
)
from canary.processes.receiver_health import receiver_metrics, serve_metrics
from canary.processes.shutdown import ShutdownSignal, announce
from canary.processes.spools import clock, open_spool
from canary.processes.systemd_sockets import systemd_listeners
from canary.settings import Settings, SettingsError
from canary.smtp.admission import Limits
from canary.smtp.listeners import read_listen_address
from canary.smtp.role_mail import RoleLimits
from canary.store.issued_addresses import IssuedAddresses

log = logging.getLogger("canary.processes.smtp_process")

FIRST = "smtp"
_FIXED = tuple("host port listen socket_mode processes metrics spool_reserve spool_backlog spool_pages".split())


def receiver_config(settings: Settings) -> ReceiverConfig:
    """Build what a receiver goes by; it may be replaced while it runs."""
    smtp = settings.smtp
    files = given_or_made(smtp.tls_certificate, smtp.tls_key, settings.data / "tls", smtp.hostname)
    return ReceiverConfig(
        hostname=smtp.hostname,
        domains=frozenset(domain.lower() for domain in settings.domains),
        limits=Limits(size=smtp.max_size, **smtp.limits.model_dump()),
        tls=files if smtp.starttls else None,
        proxies=smtp.proxies,
        xclient=smtp.xclient,
        exempt=(*smtp.exempt, *map(str, read_trusted(smtp.trusted).networks)),
        roles=RoleLimits(**smtp.roles.model_dump(exclude={"days"})),
        mask=smtp.mask_addresses,
    )


async def receive(
    settings: Settings, name: str = FIRST, *, watched: bool = False, reread: Callable[[], Settings] | None = None
) -> None:
    """Receive mail until stopped; the store may be down all the while. SIGHUP takes over what `reread` reads.

    `name` is that of the role and of its spool. Of several processes the first has the Unix sockets and shows the
    numbers; a port is shared by all.
    """
    stopping, first = ShutdownSignal(watched=watched), name == FIRST
    allow_many_connections()
    tune_interpreter()
    spool = open_spool(settings, name)
    issued = IssuedAddresses(settings.store_url, guard=Installation(settings).admit)
    spool.start(clock)
    book = AddressCache(issued.fetch, spool, issued.changed)
    lines = Lines(sys.stderr.write)
    emit = lines if log.isEnabledFor(logging.INFO) else _ignore
    deps = ReceiverDeps(name, spool, book, settings.data / "metrics" / f"{name}.prom", clock, emit, _bounds(settings))
    receiver = Receiver(receiver_config(settings), deps)
    places = [place for place in settings.smtp.doors if first or not place.path]
    try:
        opened = open_ports(places, shared=settings.smtp.processes > 1, mode=int(settings.smtp.socket_mode, 8))
        await book.start()
        for listening in await receiver.start([*opened, *systemd_listeners(os.environ, (os.getpid(), os.getppid()))]):
            announce(listening)
        if reread and not os.isatty(0):
            stopping.on_hangup(lambda: _take_over(receiver, settings, reread))
        where = settings.smtp.metrics if first else None
        with serve_metrics(read_listen_address(where) if where else None, receiver_metrics(settings), announce):
            await receiver.serve(stopping.event)
    finally:
        await receiver.stop()
        await book.stop()
        lines.flush()
        spool.close()
        issued.close()


def _ignore(_: str) -> None: ...


def _bounds(settings: Settings) -> dict[str, float]:
    smtp = settings.smtp
    return {"spool_reserve": smtp.spool_reserve, "spool_backlog": smtp.spool_backlog, "processes": smtp.processes}


def _take_over(receiver: Receiver, settings: Settings, reread: Callable[[], Settings]) -> None:
    try:
        fresh = reread()
        receiver.adopt(receiver_config(fresh))
    except (SettingsError, OSError, ValueError) as fault:
        faults = "; ".join(str(fault).splitlines())
        log.error("settings are not taken over, those from before stay: %s", faults)  # noqa: TRY400 - no fault of ours
        return
    log.warning("settings taken over")
    late = [key for key in _FIXED if getattr(fresh.smtp, key) != getattr(settings.smtp, key)]
    if late:
        log.warning("smtp.%s changed: that needs a restart", ", smtp.".join(late))
