"""The SMTP listener: sockets in the caller's loop, a session for each connection, and a graceful end."""

import asyncio
import itertools
import logging
from collections.abc import Sequence

from canary.receive.connection import Service
from canary.receive.crowd import Crowd
from canary.receive.session import Session

_BACKLOG = 512


class Listener:
    """Listens at `binds` (host and port, 0 for any free one) and serves every connection with a Session."""

    def __init__(self, service: Service, binds: Sequence[tuple[str, int]]) -> None:
        self.crowd = Crowd(service.limits)
        self._service = service
        self._binds = tuple(binds)
        self._servers: list[asyncio.Server] = []
        self._numbers = itertools.count(1)
        self._era = ""

    async def start(self) -> list[tuple[str, int]]:
        """Opens the sockets and answers where they listen; raises OSError if one cannot be had."""
        # The base class logs every command and address there.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._era = f"{int(self._service.clock().timestamp()):x}"
        loop = asyncio.get_running_loop()
        try:
            for host, port in self._binds:
                self._servers.append(await loop.create_server(self._session, host, port, backlog=_BACKLOG))
        except OSError:
            self._close()
            raise
        sockets = [socket for server in self._servers for socket in server.sockets]
        return [socket.getsockname()[:2] for socket in sockets]

    async def stop(self, grace: float = 20.0) -> None:
        """Takes nobody new, lets transactions finish for `grace` seconds, and says 421 to everybody else."""
        self._close()
        for at_once, seconds in ((False, grace), (True, 10.0)):
            for member in list(self.crowd.members):
                member.leave(at_once=at_once)
            try:
                await asyncio.wait_for(self.crowd.empty.wait(), seconds)
            except TimeoutError:
                continue
            return

    def _close(self) -> None:
        while self._servers:
            self._servers.pop().close()

    def _session(self) -> Session:
        return Session(self._service, self.crowd, f"{self._era}-{next(self._numbers)}")
