"""How a role learns that it has to end, and how it says what others wait for."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable


class ShutdownSignal:
    """Turns SIGTERM, SIGINT and the end of a watching parent into one event of the loop."""

    def __init__(self, *, watched: bool) -> None:
        """Begin to listen; call it inside the loop."""
        self.event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.event.set)
        if watched:
            threading.Thread(target=self._watch, args=(loop,), daemon=True).start()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        # The parent holds the other end of our standard input: when it is gone, however it went, so are we.
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(self.event.set)

    def on_hangup(self, act: Callable[[], None]) -> None:
        """Let SIGHUP do something."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, act)

    async def pause(self, seconds: float) -> bool:
        """Wait, but no longer than until the stop; return whether to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.event.wait()
        except TimeoutError:
            return False
        return True


def announce(line: str) -> None:
    """Print what the one who started this process waits for."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
