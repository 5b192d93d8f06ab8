"""The roles as child processes: started, watched, started again, ended."""

import logging
import subprocess
from collections.abc import Sequence

log = logging.getLogger("canary.run")


class Child:
    """One role in a process of its own, started again when it ends, ever more patiently."""

    def __init__(self, role: str, command: Sequence[str]) -> None:
        """Remember how the role is started."""
        self.role, self.command = role, command
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
            self.process, self.due = subprocess.Popen(self.command, stdin=subprocess.PIPE), now  # noqa: S603 - ourselves

    def stop(self) -> None:
        """End the process: politely first."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
