"""One client's connection: who it is, how its commands are read, how long it may stay, and how it ends."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ssl import SSLContext
from typing import Protocol, cast

from aiosmtpd.smtp import SMTP, TLSSetupException

from canary.model.attempt import Attempt
from canary.model.mail import Client, Envelope
from canary.receive.admission import Limits, network, plain_ip
from canary.receive.book import AddressBook
from canary.receive.crowd import Crowd
from canary.receive.path import Refusal

log = logging.getLogger("canary.smtp")

FAULT = "451 4.3.0 Temporary local problem, try again later"

_TURN = 32  # pipelined commands answered before the other sessions have theirs
_LINGER_SECONDS = 5.0
_LINE = 512  # RFC 5321 4.5.3.1.4, the CRLF included; addresses and parameters may need more
_LINES = {"MAIL": 1024, "RCPT": 1024, "EHLO": 1024, "HELO": 1024}
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# A browser tricked into talking to port 25 is no mail client.
_HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE", "TRACE", "HOST:"})


class Keeper(Protocol):
    """The receiver's side of the spool."""

    @property
    def full(self) -> bool:
        """Whether there is no space for another mail."""

    async def keep(self, envelope: Envelope, content: bytes) -> str:
        """Answers the key of a mail once it is durable; raises SpoolFull or another OSError."""

    def note(self, attempt: Attempt) -> None:
        """Records an attempt without waiting."""


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a listener share; `hostname` is the name we greet with, `domains` are lower case."""

    hostname: str
    domains: frozenset[str]
    book: AddressBook
    spool: Keeper
    clock: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)
    tls: SSLContext | None = None


class Connection(SMTP):
    """A connection from greeting to goodbye; what the commands mean is the session's to say.

    The base class gives the transport, the methods by verb and STARTTLS. A verb answers by returning its reply
    or by raising Refusal.
    """

    # Of one command line: a longer one ends the session, and twice as much is the most that waits unread.
    line_length_limit = 65536

    def __init__(self, service: Service, crowd: Crowd, name: str) -> None:
        super().__init__(
            None,
            hostname=service.hostname,
            data_size_limit=service.limits.size,
            enable_SMTPUTF8=True,
            timeout=service.limits.idle,
            tls_context=service.tls,
            loop=asyncio.get_running_loop(),
        )
        self.name = name
        self.network = ""
        self.storing = False
        self.leaving = False
        self.gone = False
        self.commands = 0
        self._service = service
        self._crowd = crowd
        self._client = Client("")
        self._errors = 0
        self._seen = 0.0
        self._over = False
        self._timers: list[asyncio.TimerHandle] = []

    # What a session says of itself.

    @property
    def ip(self) -> str:
        """The client's address; empty at a Unix socket."""
        return self._client.ip

    @property
    def in_transaction(self) -> bool:
        """Whether a MAIL has been accepted and nothing has ended it."""
        raise NotImplementedError

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""
        raise NotImplementedError

    def shed(self) -> int:
        """Lets go of that mail, to be sent again later; answers the octets set free."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Ends a transaction that no mail followed."""
        raise NotImplementedError

    def forget(self) -> None:
        """Ends a transaction without a word."""
        raise NotImplementedError

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learns who is there; comes again when TLS has begun, and then what was said before is void."""
        self._seen = self.loop.time()
        peer = transport.get_extra_info("peername")
        ip, port = (plain_ip(peer[0]), peer[1]) if isinstance(peer, tuple) else ("", 0)
        channel = transport.get_extra_info("ssl_object")
        self._client = Client(ip, port, tls=f"{channel.version()} {channel.cipher()[0]}" if channel else None)
        if channel is None:
            self.network = network(ip)
            self._timers.append(self.loop.call_later(self._service.limits.session, self._expire))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Frees what the session held; a mail being stored is stored all the same."""
        self._over = self.gone = True
        self.abandon()
        self.part()
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Remembers when the client was last heard."""
        self._seen = self.loop.time()
        super().data_received(data)

    def eof_received(self) -> bool:
        """Lets a client that will say no more hear our answers; TLS knows no half-closed connection."""
        self._reader.feed_eof()
        return self._tls_protocol is None

    # Coming, staying and going.

    def leave(self, farewell: str = "421 4.3.2 Service shutting down", *, at_once: bool = False) -> None:
        """Says goodbye when the transaction is over, or at once."""
        self.leaving = True
        if at_once or not self.in_transaction:
            self.hang_up(farewell)

    def part(self) -> None:
        """Leaves the crowd, once the client is gone and its mail is stored."""
        if self.gone and not self.storing:
            self._crowd.leave(self)

    def hang_up(self, farewell: str = "") -> None:
        """Closes the connection, by force if the client does not read the farewell."""
        if self._over or self.storing:
            return
        self._over = True
        if farewell and self.transport:
            self._writer.write(farewell.encode() + b"\r\n")
        # Between the two, while TLS is negotiated, there is only the original one.
        transport = cast("asyncio.Transport | None", self.transport or self._original_transport)
        if transport:
            transport.close()
            linger = min(_LINGER_SECONDS, self._service.limits.idle)
            self._timers.append(self.loop.call_later(linger, transport.abort))

    def _timeout_cb(self) -> None:
        quiet = self.loop.time() - self._seen
        if quiet >= self._service.limits.idle:
            self.hang_up("421 4.4.2 Idle for too long")
        if not self._over:
            left = self._service.limits.idle - quiet
            self._reset_timeout(left if left > 0 else 1.0)

    def _expire(self) -> None:
        self.leaving |= self.storing
        self.hang_up("421 4.4.2 Session has lasted too long")

    # The dialogue.

    async def _handle_client(self) -> None:
        try:
            refusal = self._crowd.enter(self)
            if refusal:
                self.hang_up(refusal)
            else:
                await self.push(f"220 {self.hostname} ESMTP")
            while not self._over:
                await self._converse()
        except TLSSetupException as error:
            self.connection_lost(error)  # the transport only tells a protocol whose handshake has succeeded
        except (EOFError, ConnectionError):
            pass
        finally:
            self.hang_up()

    async def _converse(self) -> None:
        line = await self._read_line()
        try:
            reply = await self._obey(line)
            if reply:
                await self.push(reply)
        except Refusal as refusal:
            await self._refuse(str(refusal))
        except (EOFError, ConnectionError, TLSSetupException):
            raise
        except Exception:
            log.exception("session=%s failed at a command", self.name)
            self.forget()
            await self.push(FAULT)
        if self.leaving and not self.in_transaction:
            self.hang_up("421 4.3.2 Service shutting down")

    async def _read_line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self.hang_up("421 4.7.0 Line too long")
            raise ConnectionAbortedError from None
        self.commands += 1
        if self.commands > self._service.limits.commands:
            self.hang_up("421 4.7.0 Too many commands")
            raise ConnectionAbortedError
        if self.commands % _TURN == 0:
            await asyncio.sleep(0)
        return line

    async def _obey(self, line: bytes) -> str | None:
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        verb, _, argument = line.decode("utf-8", "backslashreplace").partition(" ")
        verb = verb.upper()
        if verb in _HTTP:
            self.hang_up("421 4.7.0 This is SMTP")
            raise ConnectionAbortedError
        if len(line) + 2 > _LINES.get(verb, _LINE):
            raise Refusal("500 5.5.2 Line too long")
        if _CONTROL.search(line):
            raise Refusal("500 5.5.2 Control characters are not allowed")
        method = self._smtp_methods.get(verb)
        if method is None:
            raise Refusal("500 5.5.2 Command not recognised")
        reply: str | None = await method(argument.strip())
        return reply

    async def _refuse(self, reply: str) -> None:
        """Answers no; a client that is wrong too often has to go, one that only guesses is counted elsewhere."""
        self._errors += reply.startswith("5") and not reply.startswith("550")
        if self._errors > self._service.limits.errors:
            self.hang_up("421 4.7.0 Too many errors")
        else:
            await self.push(reply)
