"""The server: sockets in the caller's loop, a session for each connection, and a graceful end."""

import asyncio
import inspect
import itertools
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from canary.smtp.admission import Limits
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.handler import CanaryHandler
from canary.smtp.listeners import BACKLOG, OpenListener
from canary.smtp.lmtp import CanaryLMTP
from canary.smtp.session import CanarySMTP

# And how each greets (RFC 5321 4.2), with no word of the program.
_SESSIONS: Mapping[str, tuple[type[CanarySMTP], str]] = {"smtp": (CanarySMTP, "ESMTP"), "lmtp": (CanaryLMTP, "LMTP")}


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What all sessions of a server share; `hostname` is the name we greet with.

    `proxies` returns for an address whether it has to begin with a PROXY header, `xclient` whether it may say XCLIENT.
    """

    hostname: str
    handler: CanaryHandler
    limits: Limits = field(default_factory=Limits)
    tls: SSLContext | None = None
    proxies: Callable[[str], bool] = lambda _: False
    xclient: Callable[[str], bool] = lambda _: False

    def first_session(self, protocol: str, clients: ConnectionLimits) -> CanarySMTP:
        """The session that all others of a protocol are copies of."""
        kind, ident = _SESSIONS[protocol]
        return kind(
            self.handler, hostname=self.hostname, ident=ident, data_size_limit=self.limits.size, enable_SMTPUTF8=True,
            tls_context=self.tls, loop=asyncio.get_running_loop(), limits=self.limits, clients=clients,
            proxies=self.proxies, xclient=self.xclient,
        )  # fmt: skip


class Listener:
    """Serves every connection with a session of its own; limits apply to all of them together.

    Peers for which `exempt` is true have only those. Sessions are named `name`, time of start, number.
    """

    def __init__(self, config: ServerConfig, exempt: Callable[[str], bool] = lambda _: False, name: str = "") -> None:
        self.config = config
        self.clients = ConnectionLimits(config.limits, exempt)
        self._opened: list[OpenListener] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._numbers = itertools.count(1)
        self._era = f"{name}{int(config.handler.clock().timestamp()):x}"
        self._first: dict[str, CanarySMTP] = {}

    async def start(self, opened: Iterable[OpenListener]) -> list[str]:
        """Serves what comes in there; returns where that is."""
        # aiosmtpd logs every command at INFO, and what is wrong with a client as a warning; there is a journal.
        for name in ("mail.log", "mail.debug"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._prepare()
        self._opened = list(opened)
        self._servers = [await self._serve(one) for one in self._opened]
        return [f"{one.address.protocol} listening on {one.place()}" for one in self._opened]

    def adopt(self, config: ServerConfig, exempt: Callable[[str], bool]) -> None:
        """Serves new connections by other rules from now on; the limits on all together change for everybody."""
        self.config = config
        self.clients.limits, self.clients.exempt = config.limits, exempt
        self._prepare()

    async def stop(self, grace: float = 20.0) -> None:
        """Accepts no new connections, lets transactions finish for `grace` seconds, and answers 421 to everybody else."""
        while self._servers:
            self._servers.pop().close()
        while self._opened:
            self._opened.pop().close()
        for at_once, seconds in ((False, grace), (True, 10.0)):
            for client in list(self.clients.clients):
                client.leave(at_once=at_once)
            try:
                await asyncio.wait_for(self.clients.empty.wait(), seconds)
            except TimeoutError:
                continue
            return

    def _prepare(self) -> None:
        self._first = {protocol: self.config.first_session(protocol, self.clients) for protocol in _SESSIONS}

    async def _serve(self, opened: OpenListener) -> asyncio.AbstractServer:
        loop, listening = asyncio.get_running_loop(), opened.socket
        protocol = opened.address.protocol

        def session() -> CanarySMTP:
            return self._first[protocol].copy(f"{self._era}-{next(self._numbers)}")

        if listening.family != socket.AF_UNIX:
            return await loop.create_server(session, sock=listening, backlog=BACKLOG)
        # The file of a socket that systemd made is not ours to remove, as newer loops would.
        keep = "cleanup_socket" in inspect.signature(loop.create_unix_server).parameters
        options: dict[str, Any] = {"cleanup_socket": False} if keep else {}
        return await loop.create_unix_server(session, sock=listening, backlog=BACKLOG, **options)
