"""The listener: sockets in the caller's loop, a session for each connection, and a graceful end."""

import asyncio
import inspect
import itertools
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from canary.smtp.connection import Service
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.listeners import BACKLOG, ListenAddress, OpenListener, open_listeners
from canary.smtp.lmtp import Lmtp
from canary.smtp.session import Session

_SESSIONS: Mapping[str, Callable[[Service, ConnectionLimits, str], Session]] = {"smtp": Session, "lmtp": Lmtp}


class Listener:
    """Serves every connection with a session of its own; limits apply to all of them together.

    Peers for which `exempt` is true have only the limits on all together. Sessions are named `name`, time of start,
    number.
    """

    def __init__(self, service: Service, exempt: Callable[[str], bool] = lambda _: False, name: str = "") -> None:
        self.service = service
        self.crowd = ConnectionLimits(service.limits, exempt)
        self._opened: list[OpenListener] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._numbers = itertools.count(1)
        self._era = f"{name}{int(service.clock().timestamp()):x}"

    async def start(self, doors: Sequence[ListenAddress | OpenListener]) -> list[str]:
        """Listens at the doors, opening those that are not open; returns where; raises OSError if one cannot be opened."""
        given = [door for door in doors if isinstance(door, OpenListener)]
        self._opened = given + open_listeners([door for door in doors if isinstance(door, ListenAddress)])
        places = [f"{opened.door.protocol} listening on {opened.place()}" for opened in self._opened]
        for opened in self._opened:
            self._servers.append(await self._serve(opened))
        return places

    def adopt(self, service: Service, exempt: Callable[[str], bool]) -> None:
        """Serves new connections by other rules from now on; the limits on all together change for everybody."""
        self.service = service
        self.crowd.limits, self.crowd.exempt = service.limits, exempt

    async def stop(self, grace: float = 20.0) -> None:
        """Accepts no new connections, lets transactions finish for `grace` seconds, and answers 421 to everybody else."""
        while self._servers:
            self._servers.pop().close()
        while self._opened:
            self._opened.pop().close()
        for at_once, seconds in ((False, grace), (True, 10.0)):
            for member in list(self.crowd.members):
                member.leave(at_once=at_once)
            try:
                await asyncio.wait_for(self.crowd.empty.wait(), seconds)
            except TimeoutError:
                continue
            return

    async def _serve(self, opened: OpenListener) -> asyncio.AbstractServer:
        loop, listening = asyncio.get_running_loop(), opened.socket
        kind = _SESSIONS[opened.door.protocol]

        def session() -> Session:
            return kind(self.service, self.crowd, f"{self._era}-{next(self._numbers)}")

        if listening.family != socket.AF_UNIX:
            return await loop.create_server(session, sock=listening, backlog=BACKLOG)
        # The file of a socket that systemd made is not ours to remove, as newer loops would.
        keep = "cleanup_socket" in inspect.signature(loop.create_unix_server).parameters
        options: dict[str, Any] = {"cleanup_socket": False} if keep else {}
        return await loop.create_unix_server(session, sock=listening, backlog=BACKLOG, **options)
