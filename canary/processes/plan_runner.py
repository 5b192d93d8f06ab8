"""The coverage plan that is asked for in the browser: the command of the same name, in a process of its own.

It takes some half a minute of processor for a dozen vendors, during which every other page would wait.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from canary.model.plan_run import PlanRun

SECONDS = 600.0
_NICE, _LONGEST = 10, 2000


class PlanRunner:
    """Works out one plan at a time and keeps the newest; a fault keeps the one before."""

    def __init__(self, config: Path | None, clock: Callable[[], datetime], seconds: float = SECONDS) -> None:
        """Begin nothing yet."""
        self._config, self._clock, self._seconds = config, clock, seconds
        self._lock = threading.Lock()
        self._run, self._stopped = PlanRun(), False
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        """Begin to work out a plan, unless one is being worked out; raises OSError."""
        config = ["--config", str(self._config)] if self._config else []
        with self._lock:
            if self._stopped or self._run.running:
                return
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "canary", *config, "plan"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)
            self._run = replace(self._run, running=True, fault="")
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def look(self) -> PlanRun:
        """Return the newest plan, and whether one is being worked out."""
        return self._run

    def stop(self) -> None:
        """End what is being worked out, and begin nothing any more."""
        with self._lock:
            self._stopped = True
        if self._process and self._process.poll() is None:
            self._process.kill()

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        with process:
            try:
                told, complaint = process.communicate(timeout=self._seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self._end(fault=f"took longer than {self._seconds:.0f} s; run `canary plan --most 2` on the machine")
                return
        if process.returncode == 0:
            self._end(lines=tuple(told.splitlines()), made=self._clock())
        else:
            last = complaint.strip().splitlines()[-1:] or [f"ended with {process.returncode}; work it out again"]
            self._end(fault=last[0][:_LONGEST])

    def _end(self, **changes: object) -> None:
        with self._lock:
            self._run = replace(self._run, running=False, **changes)  # type: ignore[arg-type]
