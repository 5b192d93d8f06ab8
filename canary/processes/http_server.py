"""An HTTP server within a role: it says where it listens, leaves signals to the role, and sleeps while nothing happens."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from canary.processes.ports import open_ports
from canary.settings import Settings
from canary.smtp.listeners import ListenAddress

TICK_SECONDS = 1.0


def open_web(settings: Settings) -> list[socket.socket]:
    """Return the listening sockets of the dashboard; raises OSError in one line with the cure, as the receivers do."""
    return [opened.socket for opened in open_ports([ListenAddress(host=settings.web.host, port=settings.web.port)])]


class RoleServer(uvicorn.Server):
    """Serves until an event; `ready` gets each address once it listens."""

    def __init__(
        self, config: uvicorn.Config, stop: asyncio.Event, ready: Callable[[str], None] = lambda _: None
    ) -> None:
        """Listen to nothing yet."""
        super().__init__(config)
        self._stop, self._ready = stop, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for listener in self.servers:
            for sock in listener.sockets:
                host, port = sock.getsockname()[:2]
                self._ready(f"http://{host}:{port}")

    async def main_loop(self) -> None:
        """Wait for the end."""
        # Ten times a second there, for nothing but the Date of answers, which has whole seconds.
        while not (self._stop.is_set() or self.should_exit):
            await self.on_tick(0)
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                continue

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the role."""
        yield
