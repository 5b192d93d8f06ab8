"""`canary up` before anything was set up: the first-run page, until an installation was made."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import uvicorn

from canary.net.bounded_http import RequestLimits, protocol_with
from canary.net.special_addresses import local_address
from canary.processes import faults
from canary.processes.first_run import FirstRun, read_domain, set_up
from canary.processes.http_server import RoleServer, open_web
from canary.processes.shutdown import ShutdownSignal
from canary.settings import Settings
from canary.store.signing_key import installation_key
from canary.web.first_run import (
    LIFETIME,
    FirstRunForm,
    FirstRunLink,
    FirstRunSite,
    NewInstallation,
    create_first_run_app,
    new_link,
)

log = logging.getLogger("canary.processes.first_run")

LINK_FILE = "first-run.link"


class FirstRunEnded(OSError):
    """The first run ended without an installation; the text is one line."""


@dataclass(frozen=True, slots=True)
class FirstRunPlace:
    """Where a first run happens: the settings that there are, the file of those it makes, the environment, and the clock."""

    settings: Settings
    config: Path
    environ: Mapping[str, str]
    clock: Callable[[], datetime]

    def make(self, form: FirstRunForm) -> NewInstallation:
        """Make an installation as the form has it; raises what `set_up` does."""
        domain = read_domain(form.domain)
        host = read_domain(form.hostname, "name of this machine") if form.hostname.strip() else f"mail.{domain}"
        wanted = FirstRun(domain, host, form.name.strip(), form.password)
        found = set_up(wanted, self.config, self.settings.data, self.environ, self.clock())
        return NewInstallation(found.store, found.user, installation_key(found.settings.data))


def serve_first_run(place: FirstRunPlace, terminal: TextIO) -> None:
    """Serve the first-run page until an installation was made; raises FirstRunEnded where none was, and OSError.

    The link is shown in the terminal. Where there is none, what is printed ends in a log: it is then in a file that only
    its user may read.
    """
    settings = place.settings
    listening, link = open_web(settings), new_link(place.clock())
    host, port = listening[0].getsockname()[:2]
    url, file = settings.web.url or f"http://{_reachable(host)}:{port}", settings.data / LINK_FILE
    try:
        shown = partial(_show, f"{url.rstrip('/')}/first-run/{link.token}", file, terminal)
        made = asyncio.run(_serve(place, link, listening, url, shown))
    finally:
        file.unlink(missing_ok=True)
        for each in listening:
            each.close()
    if not made:
        raise FirstRunEnded("first run: ended before anything was set up; start `canary up` again for a new link")


def _reachable(host: str) -> str:
    found = local_address(host)
    return f"[{found}]" if ":" in found else found


def _show(link: str, file: Path, terminal: TextIO) -> None:
    minutes = int(LIFETIME.total_seconds() // 60)
    if terminal.isatty():
        terminal.write(
            f"Canary is not set up yet. Open this link within {minutes} minutes; it works once:\n\n  {link}\n\n"
        )
    else:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.touch(0o600, exist_ok=False)
        file.write_text(link + "\n", encoding="utf-8")
        terminal.write(f"Canary is not set up yet. The link to do so, for {minutes} minutes, is in {file}\n")
    terminal.flush()


async def _serve(
    place: FirstRunPlace, link: FirstRunLink, listening: list[socket.socket], url: str, show: Callable[[], None]
) -> bool:
    stopping, done, loop = ShutdownSignal(watched=False), asyncio.Event(), asyncio.get_running_loop()
    web = place.settings.web
    site = FirstRunSite(
        link, url, (web.host, *web.hosts), place.clock, place.make,
        explain=lambda fault: faults.explain(fault, logging.ERROR)[0],
        done=lambda: _wake(loop, done),
    )  # fmt: skip
    show()  # not before a signal ends this in good order
    ending = asyncio.Event()
    server = RoleServer(uvicorn.Config(
        create_first_run_app(site), lifespan="off", log_config=None, access_log=False, server_header=False, ws="none",
        http=protocol_with(RequestLimits(web.connections, web.header_seconds)), proxy_headers=False,
        timeout_graceful_shutdown=5,
    ), ending)  # fmt: skip
    serving = asyncio.create_task(server.serve(sockets=listening))
    waits = [asyncio.create_task(event.wait()) for event in (done, stopping.event)]
    await asyncio.wait([*waits, serving], timeout=LIFETIME.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    ending.set()
    await serving
    for wait in waits:
        wait.cancel()
    return done.is_set()


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)
