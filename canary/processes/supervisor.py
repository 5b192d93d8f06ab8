"""The roles as child processes: started, watched, started again, ended; and how a role learns that it has to end."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

log = logging.getLogger("canary.processes.run")

_PATIENCE_SECONDS = 40.0


class ManagedProcess:
    """One role in a process of its own, started again when it ends, ever more patiently."""

    def __init__(self, role: str, command: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Remember how the role is started, and which open files it gets beside the standard ones."""
        self.role, self.command, self.descriptors = role, command, descriptors
        self.process: subprocess.Popen[bytes] | None = None
        self.patience = 0.5
        self.due = 0.0

    def watch(self, now: float) -> None:
        """Start the process if it is not running and its time has come."""
        if self.process is not None and self.process.poll() is None:
            if now > self.due + 60:
                self.patience = 0.5
            return
        if self.process is not None:
            ended = self.process.returncode
            log.error("%s ended with %s; starting it again in %.1f s", self.role, ended, self.patience)
            self.due, self.patience = now + self.patience, min(30.0, self.patience * 2)
            self._let_go()
        if now >= self.due:
            self.process, self.due = self._start(), now

    def tell(self, number: int) -> None:
        """Send a signal, if it is running."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _start(self) -> subprocess.Popen[bytes]:
        # A process begins as deaf to hang-ups as we are now, so that one that comes early does not end it.
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            return subprocess.Popen(self.command, stdin=subprocess.PIPE, pass_fds=self.descriptors)  # noqa: S603 - ourselves
        finally:
            signal.signal(signal.SIGHUP, before)

    def stop(self) -> None:
        """End the process: politely first, with time for mails that are on their way."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


def supervise(children: Sequence[ManagedProcess]) -> None:
    """Watch processes until stopped; a hang-up that is no terminal's tells the receivers to read the settings again."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not os.isatty(0):
        signal.signal(signal.SIGHUP, lambda *_: _hang_up(children))
    try:
        while not stop.is_set():
            for child in children:
                child.watch(time.monotonic())
            stop.wait(0.2)
    finally:
        for child in children:
            child.tell(signal.SIGTERM)
        for child in children:
            child.stop()


def _hang_up(children: Sequence[ManagedProcess]) -> None:
    for child in children:
        if child.role.startswith("smtp"):
            child.tell(signal.SIGHUP)


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
        """Wait, but not longer than to the stop; tell whether to stop."""
        try:
            await asyncio.wait_for(self.event.wait(), seconds)
        except TimeoutError:
            return False
        return True


def announce(line: str) -> None:
    """Say on standard output what whoever started us waits for."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
