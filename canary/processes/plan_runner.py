"""The coverage plan that is asked for in the browser: the command of the same name, in a process of its own.

It takes some half a minute of processor for a dozen vendors, during which every other page would wait.
"""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from canary.model.plan_run import PlanRun
from canary.processes.command_run import CommandRun, Process

SECONDS = 600.0
_NICE, _LONGEST = 10, 2000


class PlanRunner:
    """Works out one plan at a time and keeps the newest; a fault keeps the one before."""

    def __init__(
        self, data: Path, config: Path | None, clock: Callable[[], datetime], seconds: float = SECONDS
    ) -> None:
        """Begin nothing yet."""
        self._clock, self._seconds = clock, seconds
        self._command = CommandRun(data / "last-plan.json", PlanRun, config)

    def begin(self) -> None:
        """Begin to work out a plan, unless one is being worked out; raises OSError."""
        self._command.begin(["plan"], replace(self.look(), running=True, fault=""), self._follow, _NICE)

    def look(self) -> PlanRun:
        """Return the newest plan, and whether one is being worked out."""
        return self._command.look() or PlanRun()

    def stop(self) -> None:
        """End what is being worked out, and begin nothing any more."""
        self._command.stop()

    def _follow(self, process: Process) -> dict[str, object]:
        try:
            told, complaint = process.communicate(timeout=self._seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {"fault": f"took longer than {self._seconds:.0f} s; run `canary plan --most 2` on the machine"}
        if process.returncode == 0:
            return {"lines": tuple(told.splitlines()), "made": self._clock()}
        last = complaint.strip().splitlines()[-1:] or [f"ended with {process.returncode}; work it out again"]
        return {"fault": last[0][:_LONGEST]}
