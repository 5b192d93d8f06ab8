"""The roles by name, and how one is started: in this process, or each in its own under a supervisor."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

from canary.processes.mailbox_health import entered_mark
from canary.processes.ports import check_ports
from canary.processes.role_lock import check_free, holding_role
from canary.processes.systemd_sockets import descriptors
from canary.settings import Settings, load_settings

Role = Coroutine[Any, Any, None]

_PATIENCE = 3.0
"""Seconds for processes of a supervisor that was killed: they end by themselves."""


def receiver_names(settings: Settings) -> list[str]:
    """Return the roles that receive mail, each with a spool of its own name."""
    return ["smtp", *(f"smtp-{number}" for number in range(2, settings.smtp.processes + 1))]


def all_roles(settings: Settings) -> list[str]:
    """Return everything that runs on a machine that runs all of it."""
    return [*receiver_names(settings), *_inlet_names(settings), "worker", "web"]


def waiting_roles(settings: Settings) -> dict[str, Path]:
    """Return what starts on such a machine once a file is there, and that file."""
    return {name: entered_mark(settings.data, name) for name, used in _inlet_roles(settings).items() if not used}


def _inlet_names(settings: Settings) -> list[str]:
    return [name for name, used in _inlet_roles(settings).items() if used]


def _inlet_roles(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the roles of inlets, and what the settings file has of each."""
    return {"mailboxes": settings.inlet.mailboxes, "ingest": settings.ingest.services}


def run_role(role: str, settings: Settings, *, config: Path | None = None, watched: bool = False) -> None:
    """Run a role until it is stopped; a watched one also ends when its standard input does.

    Raises RoleTaken where another process has this role in the data folder.
    """
    begin = {"worker": _worker, "web": _web, "mailboxes": _mailboxes, "ingest": _ingest}.get(role, _receiver)
    with holding_role(settings.data, role), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(begin(role, settings, config, watched))


def become_supervisor(settings: Settings, roles: list[str], config: Path | None) -> NoReturn:
    """Let the supervisor of these roles take the place of this program; raises RoleTaken where one of them runs."""
    name = "up" if "worker" in roles else "receivers"
    waiting = waiting_roles(settings) if name == "up" else {}
    with holding_role(settings.data, name, _PATIENCE) as lock:
        check_free(settings.data, [*roles, *waiting], _PATIENCE)
        check_ports(settings, web="web" in roles)
        os.set_inheritable(lock, True)
        _become(settings, [*roles, *(f"{role}={file.absolute()}" for role, file in waiting.items())], config)


def _become(settings: Settings, roles: list[str], config: Path | None) -> NoReturn:
    options = ["--log-level", settings.log.level]
    options += ["--log-json"] if settings.log.json_lines else []
    options += ["--config", str(config)] if config else []
    sockets = len(descriptors(os.environ, os.getpid()))
    options += ["--sockets", str(sockets)] if sockets else []
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    program = [sys.executable, "-m", "canary.processes.supervisor", *options, *roles]
    os.execv(sys.executable, program)  # noqa: S606 - ourselves


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop: uvloop where it is installed, which takes more mail a second, else nothing."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


# Each imports its role, so that a process loads no other.


def _receiver(role: str, settings: Settings, config: Path | None, watched: bool) -> Role:
    from canary.processes.smtp_process import receive  # noqa: PLC0415

    return receive(settings, role, watched=watched, reread=lambda: load_settings(config, os.environ))


def _worker(_: str, settings: Settings, __: Path | None, watched: bool) -> Role:
    from canary.processes.worker import work  # noqa: PLC0415

    return work(settings, watched=watched)


def _web(_: str, settings: Settings, config: Path | None, watched: bool) -> Role:
    from canary.processes.web_process import serve  # noqa: PLC0415

    return serve(settings, watched=watched, config=config)


def _ingest(_: str, settings: Settings, __: Path | None, watched: bool) -> Role:
    from canary.processes.ingest_process import ingest  # noqa: PLC0415

    return ingest(settings, watched=watched)


def _mailboxes(_: str, settings: Settings, __: Path | None, watched: bool) -> Role:
    from canary.processes.mailbox_process import read_mailboxes  # noqa: PLC0415

    return read_mailboxes(settings, watched=watched)
