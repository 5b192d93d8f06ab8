"""A session over a connection in memory: no socket, no thread, no disk, so that tens of thousands are soon done."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from canary.canaries.address_cache import AddressCache
from canary.canaries.address_set import AddressSet
from canary.model.attempt import Attempt
from canary.model.mail import Envelope
from canary.smtp.admission import Limits
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.handler import CanaryHandler
from canary.smtp.journal import Journal
from canary.smtp.server import ServerConfig
from canary.smtp.session import CanarySMTP
from canary.spool.envelope import envelope_from
from canary.spool.receipts import Receipt
from canary.spool.spool import Spool
from canary.spool.spool_file import SpoolFault
from tests.sink import DAY, ISSUED


class Wire(asyncio.Transport):
    """The transport that a protocol is given: it remembers what was sent."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4711)})
        self.sent = bytearray()
        self.closed = False
        self.unread = 0

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        assert not self.closed
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Book(AddressCache):
    """Addresses that are known for certain."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = AddressSet(addresses)

    async def look_again(self, *, patient: bool) -> bool:
        await asyncio.sleep(0)
        return True


class Shelf(Spool):
    """What is kept, in memory; it takes a turn of the loop, as the spool takes a commit."""

    full = False

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, bytes]] = []
        self.noted: list[Attempt] = []

    def enqueue(
        self, envelope: str, content: bytes, told: Callable[[str | SpoolFault], object], receipt: Receipt | None = None
    ) -> None:
        self.mails.append((envelope_from(envelope), content))
        asyncio.get_running_loop().call_soon(told, f"key-{len(self.mails)}")

    def note(self, attempt: Attempt) -> None:
        self.noted.append(attempt)

    @property
    def contents(self) -> list[bytes]:
        return [content for _, content in self.mails]


class Spoken:
    """A session and what it is sent; use it inside a loop."""

    def __init__(
        self,
        limits: Limits | None = None,
        protocol: str = "smtp",
        issued: Collection[str] = ISSUED,
        *,
        proxies: Callable[[str], bool] = lambda _: False,
        xclient: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.shelf, self.wire = Shelf(), Wire()
        limits = limits or Limits()
        self.handler = CanaryHandler(
            frozenset({"example.net"}),
            Book(*issued),
            self.shelf,
            lambda: DAY,
            Journal(lambda _: None),
            limits.recipients,
        )
        self.clients = ConnectionLimits(limits)
        config = ServerConfig("mx.example.net", self.handler, limits, proxies=proxies, xclient=xclient)
        self.session: CanarySMTP = config.first_session(protocol, self.clients).copy("1")
        self.session.connection_made(self.wire)

    async def say(self, *chunks: bytes) -> None:
        """Hands over chunks as they are, each when the one before has been dealt with."""
        await self.settle()
        for chunk in chunks:
            if not self.wire.closed:
                self.session.data_received(chunk)
            await self.settle()

    async def settle(self) -> None:
        """Lets the loop turn until the session has answered and waits for its client."""
        while not self._waits:  # noqa: ASYNC110 - what is waited for is a turn
            await asyncio.sleep(0)

    @property
    def _waits(self) -> bool:
        session = self.session
        return session._ended or (session._reader._waiting is not None and not session._replies)

    def hang_up(self) -> None:
        self.wire.closed = True
        self.session.connection_lost(None)

    @property
    def replies(self) -> list[str]:
        return replies(self.wire)


def replies(wire: Wire) -> list[str]:
    """The replies sent so far, of those of many lines the last one."""
    return [line for line in wire.sent.decode().split("\r\n") if line and line[3:4] != "-"]
