"""Set-ups that are broken in one way each: what a command says, in one line with the cure, and its exit code.

    python -m tests.broken_setups

prints the table of docs/operating.md.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from canary.processes.role_lock import holding_role
from canary.store.queries.audit import audit
from canary.store.queries.entered import put_entry
from tests.patience import PATIENCE
from tests.processes import ROOT, House

LATER = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class BrokenSetup:
    """What is broken, the command that finds it, its exit code; `check` is that of the doctor. `arrange` breaks it."""

    what: str
    command: Sequence[str]
    arrange: Callable[[House], AbstractContextManager[object]]
    code: int = 1
    check: str = ""


def with_settings(**environ: str) -> Callable[[House], AbstractContextManager[object]]:
    """Break something by settings alone; FOLDER in a value is the folder."""

    def arrange(house: House) -> AbstractContextManager[object]:
        house.environ.update({name: value.replace("FOLDER", str(house.folder)) for name, value in environ.items()})
        return nullcontext()

    return arrange


def port_taken(setting: str, whose: str = "") -> Callable[[House], AbstractContextManager[object]]:
    """Let this program listen on a port, as another Canary with a role if one is named."""

    @contextmanager
    def arrange(house: House) -> Iterator[None]:
        holding = holding_role(house.folder / "other", whose) if whose else nullcontext()
        with holding, closing(socket.create_server(("127.0.0.1", 0))) as taken:
            house.environ[setting] = str(taken.getsockname()[1])
            yield

    return arrange


@contextmanager
def role_taken(house: House) -> Iterator[None]:
    with holding_role(house.folder / "data", "worker"):
        yield


@contextmanager
def file_written(house: House, name: str, content: str) -> Iterator[None]:
    file = house.folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    file.chmod(0o600)
    yield


@contextmanager
def key_lost(house: House) -> Iterator[None]:
    from canary.model.entered import EnteredValues

    house.canary("vendor", "list")
    with house.store.writing() as session:
        put_entry(session, EnteredValues("destination", "ops", {"kind": "slack"}, "1.sealed"), "ann", LATER)
    yield


@contextmanager
def clock_behind(house: House) -> Iterator[None]:
    house.canary("vendor", "list")
    with house.store.writing() as session:
        audit(session, LATER, "ann", "login", "ann", "")
    yield


@contextmanager
def disk_full(house: House) -> Iterator[None]:
    (house.folder / "data").mkdir(mode=0o700)
    house.environ["CANARY_SMTP__SPOOL_RESERVE"] = str(2**60)
    yield


@contextmanager
def disk_really_full(house: House) -> Iterator[None]:
    """Let the data folder be a disk of its own, of three megabytes, that is full once the store is there."""
    data = house.folder / "data"
    data.mkdir(mode=0o700)
    mount = shutil.which("mount")
    if (
        not mount
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", data], check=False).returncode
    ):
        pytest.skip("no disk can be mounted here: run it as root")
    try:
        house.canary("vendor", "list")
        with contextlib.suppress(OSError), (data / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        yield
    finally:
        house.store.close()
        subprocess.run(["umount", "-l", data], check=True)


@contextmanager
def newer_store(house: House) -> Iterator[None]:
    house.canary("vendor", "list")
    with house.store.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    yield


NO_DNS = {"CANARY_DNS__ZONE": "", "CANARY_DNS__NAMESERVERS": '["127.0.0.1:9"]', "CANARY_DNS__TIMEOUT": "0.2"}
SETUPS = (
    BrokenSetup("nothing was set up", ["worker"], with_settings(CANARY_DOMAINS="[]")),
    BrokenSetup("the port for mail is taken", ["smtp"], port_taken("CANARY_SMTP__PORT")),
    BrokenSetup("the port of the dashboard is taken", ["web"], port_taken("CANARY_WEB__PORT")),
    BrokenSetup("another Canary is on the port", ["up"], port_taken("CANARY_WEB__PORT", "web")),
    BrokenSetup("the same, for the doctor", ["doctor"], port_taken("CANARY_WEB__PORT", "web"), check="dashboard"),
    BrokenSetup("it runs already", ["worker"], role_taken),
    BrokenSetup("settings that cannot be read", ["--config", "/", "up"], with_settings(), 2),
    BrokenSetup("a setting that cannot be", ["up"], with_settings(CANARY_SMTP__PORT="smtp"), 2),
    BrokenSetup("a data folder that cannot be made", ["vendor", "list"], with_settings(CANARY_DATA="/proc/canary")),
    BrokenSetup(
        "a bad key of TLS", ["smtp"],
        lambda house: _with(house, "CANARY_SMTP__TLS_CERTIFICATE", file_written(house, "mx.pem", "nonsense")),
    ),
    BrokenSetup("a bad key of the installation", ["web"], lambda house: file_written(house, "data/secret.key", "short")),
    BrokenSetup("the key of what was entered in the browser is lost", ["doctor"], key_lost, check="entered"),
    BrokenSetup("the disk is full", ["doctor"], disk_full, check="disk"),
    *(
        BrokenSetup(f"the disk is full to the last octet{more}", command, disk_really_full, check=check)
        for more, command, check in (
            ("", ["up"], ""), (", for the receiver", ["smtp"], ""), (", for the worker", ["worker"], ""),
            (", for the dashboard", ["web"], ""), (", for a command", ["vendor", "add", "Shop", "--domain", "shop.example"], ""),
            (", for the doctor", ["doctor"], "alerts"),
        )
    ),
    BrokenSetup("the clock is wrong", ["doctor"], clock_behind, check="clock"),
    BrokenSetup("there is no DNS", ["doctor"], with_settings(**NO_DNS), check="resolver"),
    BrokenSetup("the store was made by a newer version", ["vendor", "list"], newer_store),
)  # fmt: skip


def _with(house: House, setting: str, made: AbstractContextManager[object]) -> AbstractContextManager[object]:
    house.environ[setting] = str(house.folder / "mx.pem")
    return made


@dataclass(frozen=True)
class Said:
    """All that a command said, its line about what is broken as the docs have it, and its exit code."""

    lines: list[str]
    line: str
    code: int


def run(setup: BrokenSetup, folder: Path) -> Said:
    """Break a set-up in a new folder, and run its command."""
    with House(folder).open() as house, setup.arrange(house):
        command = [sys.executable, "-m", "canary", *setup.command]
        environ = {name: value for name, value in house.environment.items() if value}
        done = subprocess.run(
            command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    lines = (done.stdout + done.stderr).splitlines()
    start = f"FAIL  {setup.check}: " if setup.check else ""
    found = next((line.removeprefix(start) for line in lines if line.startswith(start)), "")
    return Said(lines, _plain(found, folder), done.returncode)


def _plain(line: str, folder: Path) -> str:
    """Replace what differs from run to run."""
    line = line.replace(f"{folder}/other", "/srv/other").replace(f"{folder}/data", "/srv/canary")
    line = line.replace(str(folder), "/srv").replace(f"process {os.getpid()}", "process 812")
    line = re.sub(r"it is `[^`]+`", "it is `nginx`", line)
    line = re.sub(r"127\.0\.0\.1:\d{4,}", "127.0.0.1:8025", line)
    line = re.sub(r"port \d{4,5}", "port 8025", line)
    line = re.sub(r"\[SSL[^;]*", "not a PEM file", line)
    line = re.sub(r"the clock says [-0-9: ]+ UTC", "the clock says 2026-03-01 12:00 UTC", line)
    line = re.sub(r"\(schema 9999, this one has \d+\)", "(schema 9999, this one has 0001)", line)
    return re.sub(r"^\d+ MB", "3 MB", line)


def row(setup: BrokenSetup, said: Said) -> str:
    """Return the line of the table."""
    shown = " ".join(["canary", *setup.command])
    return f"| {setup.what} | `{shown}` | {said.line.replace('|', '/')} | {said.code} |"


def main() -> None:
    """Print the table."""
    print("| what is broken | command | what it says | code |\n|---|---|---|---|")
    for setup in SETUPS:
        with TemporaryDirectory() as folder:
            print(row(setup, run(setup, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
