"""Whether this machine does its work: it has space, what came in is worked off, and somebody listens."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from canary.processes.receiver_health import listening
from canary.settings import Settings
from canary.spool.overdue import due_since

LATE = timedelta(minutes=2)
"""A mail that is due for longer has no worker, or one that does not keep up."""

LOOK_SECONDS = 2.0
"""No more often than this is looked, as anybody may ask as often as they like."""


class ReadinessCheck:
    """Remembers what was found for a moment; who asks meanwhile waits for the same look."""

    def __init__(self, look: Callable[[], Mapping[str, str]], ticks: Callable[[], float]) -> None:
        """Ask `look`, by a clock in seconds."""
        self._look, self._ticks, self._lock = look, ticks, threading.Lock()
        self._at = float("-inf")
        self._faults: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """Return what keeps this machine from working, by part."""
        with self._lock:
            if self._ticks() - self._at >= LOOK_SECONDS:
                self._at, self._faults = self._ticks(), self._look()
            return self._faults


def unready_parts(settings: Settings, numbers: CollectorRegistry, now: datetime) -> Mapping[str, str]:
    """Return what keeps this machine from working, by part; nothing where it works."""
    return dict(_faults(settings, numbers, now))


def waits_since(settings: Settings, now: datetime) -> datetime | None:
    """Return since when the oldest mail in the spools of this machine is due; raises OSError."""
    spools = sorted((settings.data / "spool").glob("*.db"))
    return min((since for spool in spools if (since := due_since(spool, now))), default=None)


def _faults(settings: Settings, numbers: CollectorRegistry, now: datetime) -> Iterator[tuple[str, str]]:
    try:
        free = shutil.disk_usage(settings.data).free
        if free <= settings.smtp.spool_reserve:
            yield "disk", f"{free // 2**20} MB free, less than smtp.spool_reserve"
    except OSError as fault:
        yield "disk", f"{settings.data} cannot be read ({type(fault).__name__})"
    try:
        since = waits_since(settings, now)
        if since and now - since > LATE:
            yield "worker", f"mail has waited for {(now - since) // timedelta(minutes=1)} minutes"
    except OSError as fault:
        yield "spool", f"a spool cannot be read ({type(fault).__name__})"
    if listening(numbers) is False:
        yield "listener", "not heard of lately"
