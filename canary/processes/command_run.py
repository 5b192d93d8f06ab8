"""A command that was begun in the browser, in a process of its own: one at a time, and what came of the last one is kept."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

log = logging.getLogger("canary.processes")

Run = TypeVar("Run", bound=Any)
"""What is known of a run: a frozen dataclass with `running` and `fault`."""

Process = subprocess.Popen[str]
CUT_OFF = "it was cut off when Canary ended; begin it again to go on"
_END_SECONDS = 10.0


class CommandRun(Generic[Run]):
    """The newest run of one command, in `kept` over a restart; one that a restart cut off has a fault that says so."""

    def __init__(self, kept: Path, kind: type[Run], config: Path | None) -> None:
        """Begin nothing, and read what came of the last run."""
        self._kept, self._adapter = kept, TypeAdapter(kind)
        self._config = ["--config", str(config)] if config else []
        self._lock, self._stopped = threading.Lock(), False
        self._process: Process | None = None
        self._run = self._read()

    def look(self) -> Run | None:
        """Return what is known of the run that goes on, or of the last one."""
        return self._run

    def begin(
        self, arguments: Sequence[str], run: Run, follow: Callable[[Process], dict[str, object]], nice: int = 0
    ) -> bool:
        """Begin the command unless one goes on, and return whether it was; raises OSError.

        `run` is what is known of it at first; `follow` waits for its end in a thread and returns what it came to.
        """
        with self._lock:
            if self._stopped or (self._run and self._run.running):
                return False
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "canary", *self._config, *arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
            if nice:
                # It has ended already, or this process is nicer itself: either is well.
                with suppress(ProcessLookupError, PermissionError):
                    os.setpriority(os.PRIO_PROCESS, self._process.pid, nice)
            self._run = run
            self._write(run)
        threading.Thread(target=self._follow, args=(self._process, follow), daemon=True).start()
        return True

    def change(self, **changes: object) -> None:
        """Take over what is known by now."""
        with self._lock:
            if self._run:
                self._run = replace(self._run, **changes)

    def stop(self) -> None:
        """End what goes on, and begin nothing any more."""
        with self._lock:
            self._stopped = True
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _follow(self, process: Process, follow: Callable[[Process], dict[str, object]]) -> None:
        with process:
            came_to = follow(process)
        self.change(running=False, **came_to)
        # What Canary itself ended was cut off: that is found out at the next start.
        if self._run and not self._stopped:
            self._write(self._run)

    def _read(self) -> Run | None:
        try:
            run = self._adapter.validate_json(self._kept.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as fault:
            log.warning("%s: what came of the last run cannot be read: %s", self._kept, type(fault).__name__)
            return None
        return replace(run, running=False, fault=CUT_OFF) if run.running else run

    def _write(self, run: Run) -> None:
        fresh = self._kept.with_suffix(".new")
        try:
            self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(self._adapter.dump_json(run))
            fresh.replace(self._kept)
        except OSError as fault:
            log.warning("%s: what came of the run is not kept: %s", self._kept, fault.strerror)
