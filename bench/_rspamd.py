"""The peer: one worker of the Debian package's rspamd with its stock modules, on loopback, in a folder of its own."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from canary.model.mail import RawMail

CONNECTIONS = 8
"""Mails in flight, enough to keep the worker busy."""

_CONFIG = """
.include "$CONFDIR/common.conf"
options {{
    .include "$CONFDIR/options.inc"
    .include(priority=1,duplicate=merge) "{folder}/options.inc"
    pidfile = "{folder}/rspamd.pid";
}}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "error"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""
_OPTIONS = 'dns {{ nameserver = ["127.0.0.1:{dns}:1"]; timeout = 1s; sockets = 16; retransmits = 2; }}'
"""Merged, since a second block of the same name would be left unread."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running rspamd."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds of processor time used by all its processes so far."""
        return sum(_cpu(pid) for pid in (self.pid, *_children(self.pid)))

    def check(self, mails: Sequence[RawMail]) -> tuple[float, float]:
        """Have mails checked; return seconds of wall and of processor time."""
        cpu, began = self.cpu(), time.perf_counter()
        asyncio.run(_check_all(self.port, mails))
        return time.perf_counter() - began, self.cpu() - cpu


def installed() -> bool:
    """Whether the package is there."""
    return shutil.which("rspamd") is not None


@contextmanager
def running(folder: Path, dns: int) -> Iterator[Peer]:
    """Run it with this name server until the block ends."""
    home = folder / "rspamd"
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (home / "rspamd.conf").write_text(_CONFIG.format(folder=home, port=port))
    (home / "options.inc").write_text(_OPTIONS.format(dns=dns))
    user = []
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o755)
        user = ["-u", "nobody", "-g", "nogroup"]
    folders = [f"--var={name}={home}" for name in ("DBDIR", "RUNDIR", "LOGDIR", "LOCAL_CONFDIR")]
    process = subprocess.Popen(
        ["rspamd", "-f", "-c", str(home / "rspamd.conf"), *user, *folders],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _await(port, process)
        peer = Peer(process.pid, port)
        _settle(peer)
        yield peer
    finally:
        process.terminate()
        process.wait(20)
        if process.stderr:
            process.stderr.close()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            told = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise RuntimeError(f"rspamd ended with {process.returncode}: {told[-1000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("rspamd does not listen after 60 s")


def _settle(peer: Peer) -> None:
    """Wait until it has compiled its patterns: a second in which it does next to nothing."""
    for _ in range(60):
        before = peer.cpu()
        time.sleep(1)
        if peer.cpu() - before < 0.05:
            return
    raise RuntimeError("rspamd is still busy with itself after a minute")


async def _check_all(port: int, mails: Sequence[RawMail]) -> None:
    left = iter(mails)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for mail in left:
            writer.write(_request(mail))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(int(length.partition(b":")[2]))
            if b" 200 " not in head.partition(b"\r\n")[0] or b'"action"' not in body:
                raise RuntimeError(f"rspamd answered {head[:200]!r}")
            if b"keep-alive" not in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def _request(mail: RawMail) -> bytes:
    envelope = mail.envelope
    rcpt = "".join(f"Rcpt: {to}\r\n" for to in envelope.rcpt_to)
    head = (
        f"POST /checkv2 HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: {len(mail.content)}\r\n"
        f"IP: {envelope.client.ip}\r\nHelo: {envelope.client.helo}\r\nFrom: {envelope.mail_from}\r\n{rcpt}\r\n"
    )
    return head.encode() + mail.content


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
