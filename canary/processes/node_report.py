"""What a worker or a web process reports of itself, and of the receivers beside it."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from canary import __version__
from canary.model.node import NodeRole
from canary.processes.receiver_health import receiver_backlogs, receiver_metrics
from canary.settings import Settings
from canary.store.database import Database
from canary.store.queries import nodes

EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class NodeReporter:
    """Reports a role that began at a time; a worker reports the receivers of its data folder too, by their numbers."""

    role: str
    folder: str
    since: datetime
    receivers: Callable[[], dict[str, int]] = dict

    def roles(self, now: datetime) -> Iterator[NodeRole]:
        """Yield what is heard of now."""
        machine = socket.gethostname()
        yield NodeRole(machine, self.folder, self.role, __version__, self.since, now)
        for name, backlog in self.receivers().items():
            yield NodeRole(machine, self.folder, name, __version__, self.since, now, backlog)

    def report(self, store: Database, now: datetime) -> None:
        """Write it to the store."""
        with store.writing() as session:
            nodes.report(session, self.roles(now), now)


def worker_reporter(settings: Settings, now: datetime) -> NodeReporter:
    """Return what reports a worker and the receivers beside it."""
    numbers = receiver_metrics(settings)
    return NodeReporter("worker", str(settings.data.absolute()), now, lambda: receiver_backlogs(numbers))


async def keep_reporting(
    reporter: NodeReporter,
    store: Database,
    clock: Callable[[], datetime],
    stop: asyncio.Event,
    every: float = EVERY_SECONDS,
) -> None:
    """Report every minute until stopped; a store that is down hears of it later."""
    while not stop.is_set():
        with suppress(SQLAlchemyError):
            await asyncio.to_thread(reporter.report, store, clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(every):
                await stop.wait()
