"""One client's connection: who it is, how long it may stay, how it is secured, and how it ends."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from ssl import SSLContext
from typing import Protocol, cast

from canary.model.attempt import Attempt
from canary.model.mail import Client
from canary.smtp.address_cache import AddressCache
from canary.smtp.admission import Event, Limits, network, plain_ip
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.journal import Journal
from canary.spool.spool_file import SpoolFault

log = logging.getLogger("canary.smtp")

_LINGER_SECONDS = 5.0
_HANDSHAKE_SECONDS = 30.0


@lru_cache(maxsize=4096)
def _place(host: str) -> tuple[str, str]:
    """The address of a peer and its network; cached for clients that connect often."""
    ip = plain_ip(host)
    return ip, network(ip)


class Keeper(Protocol):
    """The receiver's side of the spool."""

    @property
    def full(self) -> bool:
        """Whether there is no space for another mail."""

    def enqueue(self, envelope: str, content: bytes, told: Callable[[str | SpoolFault], object]) -> None:
        """Keeps a mail and reports its key once it is durable, or the fault; raises SpoolFault if it cannot begin.

        The envelope is given as `envelope_text` writes it.
        """

    def note(self, attempt: Attempt) -> None:
        """Records an attempt without waiting."""


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a listener share; `hostname` is the name we greet with, `domains` are lower case.

    `proxies` returns for an address whether it has to begin with a PROXY header, `xclient` whether it may say XCLIENT.
    """

    hostname: str
    domains: frozenset[str]
    book: AddressCache
    spool: Keeper
    clock: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)
    tls: SSLContext | None = None
    journal: Journal = field(default_factory=Journal)
    proxies: Callable[[str], bool] = lambda _: False
    xclient: Callable[[str], bool] = lambda _: False


class Connection(asyncio.Protocol):
    """A connection from greeting to goodbye: what comes in waits in `_unread`, from `_at` on, for `work`.

    Nothing is in `_unread` when all of it has been looked at.
    """

    def __init__(self, service: Service, crowd: ConnectionLimits, name: str) -> None:
        self.name = name
        self.network = ""
        self.storing = self.leaving = self.gone = False
        self._service = service
        self._crowd = crowd
        self._loop = asyncio.get_running_loop()
        self._client = Client("")
        self._unread, self._at = b"", 0
        self._said, self._speak = "", crowd.outbox.add
        self._proxied = self._may_xclient = False
        self._ended = self._over = False
        self._waiting = self._blocked = self._paused = False
        self._handshake: asyncio.Task[None] | None = None

    # What a session defines.

    @property
    def greeting(self) -> str:
        """The first reply to a client."""
        raise NotImplementedError

    @property
    def in_transaction(self) -> bool:
        """Whether a MAIL has been accepted and nothing has ended it."""
        raise NotImplementedError

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""
        raise NotImplementedError

    def shed(self) -> int:
        """Drops that mail, to be sent again later; returns the octets set free."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Ends a transaction that no mail followed."""
        raise NotImplementedError

    def work(self) -> None:
        """Processes what has come."""
        raise NotImplementedError

    @property
    def ip(self) -> str:
        """The client's address; empty at a Unix socket."""
        return self._client.ip

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Reads the client's address and greets, unless a proxy has to name its client first."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        ip, self.network = _place(peer[0]) if isinstance(peer, tuple) else ("", "")
        self._client = Client(ip, peer[1] if ip else 0)
        self._heard = self._loop.time()
        self._ends = self._heard + self._service.limits.session
        self._timer = self._loop.call_at(self._deadline, self._tick)
        self._may_xclient, self._proxied = self._service.xclient(ip), self._service.proxies(ip)
        if not self._proxied:
            self.greet()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the transport gives it
        """Frees what the session held; a mail being stored is stored all the same."""
        if self.gone:
            return
        self._over = self.gone = True
        self._timer.cancel()
        self.abandon()
        self.part()

    def data_received(self, data: bytes) -> None:
        """Processes what has come."""
        if self._over:
            return
        self._heard = self._loop.time()
        if self._unread:
            data = self._unread[self._at :] + data
        self._unread, self._at = data, 0
        self.work()

    def eof_received(self) -> bool:
        """Lets a client that has finished sending read our answers; TLS has no half-closed connections."""
        self._ended = True
        self.work()
        self.send()
        return self._client.tls is None and self._handshake is None

    def pause_writing(self) -> None:
        """Stops working for a client that does not read."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Goes on."""
        self._blocked = False
        self.work()

    # Coming, staying and going.

    def greet(self) -> None:
        """Admits the client under the address it has now, or refuses it."""
        refusal = self._crowd.enter(self)
        if refusal:
            self.hang_up(refusal)
        else:
            self.say(self.greeting)

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
        if farewell:
            self.say(farewell)
        self.send()
        self._over = True
        self._timer.cancel()
        if self._handshake:
            self._transport.abort()
            return
        self._transport.close()
        linger = min(_LINGER_SECONDS, self._service.limits.idle)
        self._timer = self._loop.call_later(linger, self._transport.abort)

    def dismiss(self, event: Event, farewell: str) -> None:
        """Ends a session that went past a limit, but not while its mail is being stored."""
        if not self.storing:
            self._crowd.count(self, event)
        self.hang_up(farewell)

    @property
    def _deadline(self) -> float:
        return min(self._ends, self._heard + self._service.limits.idle)

    def _tick(self) -> None:
        now = self._loop.time()
        if now >= self._ends:
            self.leaving |= self.storing
            self.dismiss(Event.SESSION, "421 4.4.2 Session has lasted too long")
        elif now >= self._deadline:
            self.dismiss(Event.IDLE, "421 4.4.2 Idle for too long")
        if not self._over:
            self._timer = self._loop.call_at(now + 1.0 if self.storing else self._deadline, self._tick)

    # Replies.

    def say(self, reply: str) -> None:
        """Adds a reply to what is sent when the turn of the loop is over, all at once, as RFC 2920 3.2 asks."""
        if self._said:
            self._said += f"{reply}\r\n"
        else:
            self._said = f"{reply}\r\n"
            self._speak(self)

    def send(self) -> None:
        """Sends what has been said so far."""
        said, self._said = self._said, ""
        if said and not (self._over or self._handshake):
            self._transport.write(said.encode())

    def _balance(self) -> None:
        """Reads no more from a client who is ahead of our answers."""
        ahead = bool(self._unread) and (self._waiting or self._blocked)
        if ahead == self._paused or self._over or self._handshake:
            return
        self._paused = ahead
        if ahead:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # TLS.

    def secure(self, context: SSLContext) -> None:
        """Continues under TLS; what was said or sent ahead in the clear is void (RFC 3207 4.2)."""
        self.abandon()
        # Nothing may be read by us from here on: it would be the client's part of the handshake.
        self._transport.pause_reading()
        self.say("220 2.0.0 Ready to start TLS")
        self.send()
        self._unread, self._at = b"", 0
        self._waiting = True
        self._handshake = self._loop.create_task(self._shake_hands(context))

    async def _shake_hands(self, context: SSLContext) -> None:
        seconds = min(_HANDSHAKE_SECONDS, self._service.limits.idle)
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, EOFError) as error:
            log.debug("session=%s TLS: %s", self.name, error)
            self._transport.abort()
            self.connection_lost(error)  # not every transport informs a protocol whose handshake has failed
            return
        finally:
            self._handshake = None
        if self._over or transport is None:
            self._transport.abort()
            return
        self._transport, self._paused, self._waiting = transport, False, False
        channel = transport.get_extra_info("ssl_object")
        self._client = replace(self._client, helo="", tls=f"{channel.version()} {channel.cipher()[0]}")
        self._heard = self._loop.time()
        self.work()
