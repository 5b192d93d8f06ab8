"""Clients for what smtp-source does not measure: the wait for a 250, TLS sessions, endless lines, idle crowds."""

import asyncio
import os
import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import cast

from bench.peers.servers import SMTP_SOURCE, Server

_LINE = b"x" * 78 + b"\r\n"


@dataclass(frozen=True)
class Load:
    """Mails for smtp-source: how long, how many sessions, and whether a session sends one or many."""

    octets: int
    many: bool
    sessions: int = 50


@dataclass(frozen=True)
class Run:
    """What a load cost: mails a second, and seconds of the server's processor for each."""

    rate: float
    cpu: float


def send(server: Server, load: Load, mails: int) -> Run:
    """Sends mails by smtp-source; ends the program if one is refused."""
    command = [str(SMTP_SOURCE), "-M", "client.test", "-f", "b@client.test", "-t", server.recipient]
    command += ["-s", str(load.sessions), "-l", str(load.octets), "-m", str(mails), *(["-d"] if load.many else [])]
    before, began = server.cpu(), time.perf_counter()
    done = subprocess.run([*command, f"127.0.0.1:{server.port}"], check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode or done.stderr:
        raise SystemExit(f"smtp-source at {server.name}: {done.stderr[-300:]}")
    return Run(mails / seconds, (server.cpu() - before) / mails)


# The wait from the final dot to the 250.


class _Sender(asyncio.Protocol):
    """A session that sends the same mail over and over, and notes each wait."""

    def __init__(self, recipient: str, octets: int, waits: list[float]) -> None:
        self._start = f"MAIL FROM:<b@client.test>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
        self._content = b"Subject: bench\r\n\r\n" + _LINE * (octets // len(_LINE)) + b".\r\n"
        self._waits = waits
        self._heard = b""
        self._sent = 0.0
        self._steps = cycle(
            [(b"250 ", self._nothing), (b"250 ", self._nothing), (b"354 ", self._mail), (b"250 ", self._again)]
        )
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stop = False
        self._greeted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\r\n")
        for line in lines:
            if self._greeted < 2:
                self._greet()
                continue
            wanted, act = next(self._steps)
            if not line.startswith(wanted):
                self.ended.set_exception(RuntimeError(f"heard {line!r}"))
                return
            act()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _greet(self) -> None:
        self._greeted += 1
        self._transport.write(b"HELO client.test\r\n" if self._greeted == 1 else self._start)

    def _nothing(self) -> None: ...

    def _mail(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._content)

    def _again(self) -> None:
        self._waits.append(time.perf_counter() - self._sent)
        if self.stop:
            self._transport.close()
        else:
            self._transport.write(self._start)


async def waits(server: Server, seconds: float, sessions: int = 50) -> list[float]:
    """The waits of every mail while so many sessions send at once, each as soon as its last was answered."""
    found: list[float] = []
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: _Sender(server.recipient, 4000, found), "127.0.0.1", server.port))[1]
        for _ in range(sessions)
    ]
    await asyncio.sleep(seconds)
    for sender in senders:
        sender.stop = True
    await asyncio.wait_for(asyncio.gather(*(sender.ended for sender in senders)), 30)
    return found


# One mail in each TLS session.


async def tls_sessions(server: Server, count: int, at_once: int = 10) -> float:
    """Seconds of the server's processor for each session of STARTTLS, EHLO, one mail of 4 KB and QUIT."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    numbers, before = iter(range(count)), server.cpu()

    async def visit() -> None:
        for _ in numbers:
            await _tls_session(server, context)

    await asyncio.gather(*(visit() for _ in range(at_once)))
    return (server.cpu() - before) / count


async def _tls_session(server: Server, context: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await _hear(reader, b"220")
    await _ask(reader, writer, b"EHLO client.test", b"250")
    await _ask(reader, writer, b"STARTTLS", b"220")
    await writer.start_tls(context)
    await _ask(reader, writer, b"EHLO client.test", b"250")
    await _ask(reader, writer, b"MAIL FROM:<b@client.test>", b"250")
    await _ask(reader, writer, f"RCPT TO:<{server.recipient}>".encode(), b"250")
    await _ask(reader, writer, b"DATA", b"354")
    await _ask(reader, writer, _LINE * 50 + b".", b"250")
    await _ask(reader, writer, b"QUIT", b"221")
    writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, wanted: bytes) -> None:
    writer.write(line + b"\r\n")
    await _hear(reader, wanted)


async def _hear(reader: asyncio.StreamReader, wanted: bytes) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    if not line.startswith(wanted):
        raise SystemExit(f"heard {line!r}, not {wanted!r}")


# Memory.


@contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """Notes the memory of a server every tenth of a second until the block ends."""
    seen, ended = [server.rss()], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            seen.append(server.rss())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
        seen.append(server.rss())


def endless_line(server: Server, octets: int) -> str:
    """Sends a mail of one line; answers what was said to it in the end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client, client.makefile("rb") as replies:
        replies.readline()
        for command in (b"HELO client.test", b"MAIL FROM:<>", f"RCPT TO:<{server.recipient}>".encode(), b"DATA"):
            client.sendall(command + b"\r\n")
            replies.readline()
        chunk = b"x" * 65536
        for _ in range(octets // len(chunk)):
            client.sendall(chunk)
        client.sendall(b"\r\n.\r\n")
        return replies.readline().decode().strip()


@contextmanager
def idle_crowd(server: Server, size: int) -> Iterator[None]:
    """So many connections that greet and then say nothing."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        for _ in range(size):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            client.sendall(b"EHLO client.test\r\n")
            if not client.recv(4096).startswith(b"220"):
                raise SystemExit(f"{server.name} took fewer than {size} connections")
        yield


def cores() -> int:
    """How many processors there are for the servers and the load together."""
    return len(os.sched_getaffinity(0))
