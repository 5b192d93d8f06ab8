"""Durable Canary as it is installed: one real `canary smtp` process, its spool on disk, its log in a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.servers import Recipe
from canary.spool.spool import Spool
from tests.nursery import furnish
from tests.processes import House


class CanarySink:
    """A data folder with one issued address, the process that receives for it, and its spool."""

    def __init__(self, folder: Path) -> None:
        self.recipient = furnish(folder)
        self.path = folder / "data" / "spool" / "smtp.db"
        self._house = House(folder)
        self._taken = 0

    def recipe(self, certificate: Path) -> Recipe:
        """How it is started: as shipped, but for limits that a thousand clients on one machine would meet."""
        ours = {
            "CANARY_SMTP__HOSTNAME": "sink.test",
            "CANARY_SMTP__TLS_CERTIFICATE": str(certificate),
            "CANARY_SMTP__LIMITS__CONNECTIONS": "4000",
            "CANARY_SMTP__LIMITS__CONNECTIONS_PER_NETWORK": "4000",
        }
        environ = {k: v for k, v in self._house.environment.items() if k not in ("PATH", "HOME")}

        def command(port: int, _: Path) -> list[str]:
            return ["/usr/bin/env", f"CANARY_SMTP__PORT={port}", sys.executable, "-m", "canary", "smtp"]

        return Recipe("canary", command, (), environ | ours, self.recipient)

    @contextmanager
    def judging(self) -> Iterator[None]:
        """A worker that judges what is kept, until the block ends."""
        with self._house.running("worker", until=("worker ready",)):
            yield

    def backlog(self) -> int:
        """How many mails wait for a worker."""
        worker = Spool(self.path, reserve_bytes=0, max_backlog=1)
        try:
            return worker.backlog()
        finally:
            worker.close()

    def take(self) -> int:
        """Forgets what was kept since the last time, as a worker does; answers how much that was."""
        worker = Spool(self.path, reserve_bytes=0, max_backlog=1)
        try:
            count, uid = worker.backlog(), worker.uid
            worker.done([f"{uid}-{self._taken + number}" for number in range(1, count + 1)])
            if left := worker.backlog():
                raise SystemExit(f"canary kept {left} mails under numbers it never gave")
        finally:
            worker.close()
        self._taken += count
        return count
