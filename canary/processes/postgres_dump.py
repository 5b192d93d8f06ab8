"""A PostgreSQL database to a file and back, by the programs that come with it."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url


class DumpError(OSError):
    """A database could not be dumped or restored; one line: the program, what it said, the cure."""


def dump_database(url: str, to: Path) -> None:
    """Write a consistent dump of a database; raises DumpError."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={to}"], url)


def restore_database(url: str, dump: Path) -> None:
    """Restore a dump into an empty database, as a whole or not at all; raises DumpError."""
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run("pg_restore", [*options, str(dump)], url)


def _run(program: str, options: list[str], url: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise DumpError(
            f"{program}: is not installed; install the client programs of PostgreSQL, of the server's version or newer"
        )
    parts = make_url(url)
    # The password is not shown among the processes of this machine.
    address = parts.set(drivername="postgresql", password=None).render_as_string()
    environ = {**os.environ, **({"PGPASSWORD": parts.password} if parts.password else {})}
    command = [found, *options, f"--dbname={address}"]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - a program of that name, and arguments of ours
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[0][:300]
        raise DumpError(f"{program}: {said}: check store.url, and that its version is not older than the server's")
