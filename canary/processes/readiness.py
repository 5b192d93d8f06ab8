"""Whether this machine does its work: it has space, what came in is worked off, and somebody listens."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from canary.processes.receiver_health import listening
from canary.settings import Settings
from canary.spool.overdue import due_since

LATE = timedelta(minutes=2)
"""A mail that is due for longer has no worker, or one that does not keep up."""


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
