"""A whole listener with its spool in a loop of its own, for tests that talk to it over real sockets."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from canary.canaries.address_cache import AddressCache
from canary.model.attempt import Attempt
from canary.model.mail import RawMail
from canary.smtp.admission import Limits
from canary.smtp.handler import CanaryHandler
from canary.smtp.listeners import ListenAddress, open_listeners
from canary.smtp.server import Listener, ServerConfig
from canary.spool.spool import Spool
from canary.store.issued_addresses import AddressNews
from tests.patience import PATIENCE

T = TypeVar("T")
ISSUED = frozenset({"play-x7k2m9@example.net", "shop-abc123@example.net", "news-q9w8e7@example.net"})
CANARY = "play-x7k2m9@example.net"
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Store:
    """What replaces the store: the addresses it would return, or the fault it has."""

    addresses: frozenset[str] = ISSUED
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def fetch(self, mark: str) -> Iterator[AddressNews]:
        self.asked.append(mark)
        if self.fault:
            raise self.fault
        new = str(sorted(self.addresses))
        if mark != new:
            yield AddressNews(len(self.addresses), sorted(self.addresses), new)


class Dialogue:
    """A raw SMTP client: sends octets, reads replies, and nothing else."""

    def __init__(self, place: tuple[str, int] | str, source: str = "") -> None:
        if isinstance(place, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(place)
        else:
            self.socket = socket.create_connection(place, timeout=PATIENCE, source_address=(source, 0))
        self.file = self.socket.makefile("rb")

    def say(self, *lines: str | bytes) -> None:
        octets = [line.encode() + b"\r\n" if isinstance(line, str) else line for line in lines]
        self.socket.sendall(b"".join(octets))

    def hear(self) -> str:
        """One reply, its lines joined, without the last CRLF; empty when the connection has ended."""
        lines = []
        while line := self.file.readline():
            lines.append(line)
            if line[3:4] != b"-":
                break
        return b"".join(lines).decode().removesuffix("\r\n")

    def ask(self, *lines: str | bytes) -> str:
        self.say(*lines)
        return self.hear()

    def begin(self, *recipients: str) -> str:
        """Everything up to the 354 of DATA."""
        replies = [self.hear(), self.ask("EHLO client.example"), self.ask("MAIL FROM:<a@sender.example>")]
        replies += [self.ask(f"RCPT TO:<{recipient}>") for recipient in recipients or (CANARY,)]
        assert all(reply[0] == "2" for reply in replies), replies
        return self.ask("DATA")

    def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def hang_up(self) -> None:
        self.file.close()
        self.socket.close()

    def __exit__(self, *_: object) -> None:
        self.hang_up()


class Sink:
    """A listener on a free port of loopback, running in a thread until the block ends."""

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        max_pages: int | None = None,
        reserve_bytes: int = 0,
        max_backlog: int = 100_000,
        tls: ssl.SSLContext | None = None,
        doors: Sequence[ListenAddress] = (),
        exempt: Callable[[str], bool] = lambda _: False,
        protocol: str = "smtp",
        proxies: Callable[[str], bool] = lambda _: False,
        xclient: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.doors = [ListenAddress(protocol, host="127.0.0.1"), *doors]
        self.exempt = exempt
        self.store = Store()
        self.spool = Spool(
            folder / "spool.db", reserve_bytes=reserve_bytes, max_backlog=max_backlog, max_pages=max_pages
        )
        self.book = AddressCache(self.store.fetch, self.spool)
        limits = limits or Limits()
        self.handler = CanaryHandler(
            frozenset({"example.net"}), self.book, self.spool, lambda: DAY, most=limits.recipients
        )
        self.config = ServerConfig("mx.example.net", self.handler, limits, tls, proxies, xclient)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    async def _start(self) -> tuple[str, int]:
        await self.book.start()
        self.listener = Listener(self.config, self.exempt)
        self.opened = open_listeners(self.doors)
        await self.listener.start(self.opened)
        host, port = self.opened[0].socket.getsockname()[:2]
        return host, port

    def __enter__(self) -> Self:
        self.thread.start()
        self.spool.start(lambda: DAY)
        self.place = self.run(self._start())
        return self

    def stop(self, grace: float = 0.1) -> None:
        self.run(self.listener.stop(grace))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.run(self.book.stop())
        self.spool.close()
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def dial(self, source: str = "") -> Dialogue:
        """A new client, from an address of loopback if one is given."""
        return Dialogue(self.place, source)

    def mails(self) -> list[RawMail]:
        return self.spool.waiting(100_000, DAY)

    def attempts(self) -> list[Attempt]:
        """All attempts noted so far: stops the spool's writer first, which writes them all."""
        self.stop()
        self.spool.close()
        return [attempt for _, attempt in self.spool.attempts(100_000)]
