"""A worker of the pipeline as a process: brings what its spool holds to the store whenever it is told, and says how long.

python -m bench._worker STORE_URL SPOOL DNS_PORT
"""

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from canary.net.dns import LiveLookup
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import forwarder_registry, supplier_book
from canary.processes.spools import clock
from canary.processes.stage_timer import StageTimer
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.log_key import CARRIED_AS, LogKey


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took, in seconds, and in which stages."""

    mails: int
    wall: float
    cpu: float
    stages: dict[str, float]


class Worker:
    """The process as seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def begin(self) -> None:
        """Let it work."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> Round:
        """Wait until its spool is empty."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a worker ended before its work")
        return Round(**json.loads(line))

    def run(self) -> Round:
        """Work and wait."""
        self.begin()
        return self.end()


@contextmanager
def working(store: str, spool: Path, dns: int) -> Iterator[Worker]:
    """Run a worker until the block ends."""
    command = [sys.executable, "-m", "bench._worker", store, str(spool), str(dns)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Worker(process)
        finally:
            process.terminate()


async def _serve(store: Database, spool: Spool, dns: int) -> None:
    live, loop, forwarders = LiveLookup([f"127.0.0.1:{dns}"]), asyncio.get_running_loop(), forwarder_registry()
    while await loop.run_in_executor(None, sys.stdin.readline):
        watch = StageTimer()
        parts = Context(store, live.for_mail, supplier_book(), clock, watch.passed, forwarders=forwarders)
        gc.collect()
        mails, began, cpu = 0, time.perf_counter(), _cpu()
        while done := await run_pending(parts, spool):
            mails += done
        spent = {stage: seconds for stage, (_, seconds) in watch.spent.items()}
        told = {"mails": mails, "wall": time.perf_counter() - began, "cpu": _cpu() - cpu, "stages": spent}
        print(json.dumps(told), flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    log_key = os.environ.get("CANARY_BENCH_LOG_KEY")
    carried = {CARRIED_AS: LogKey(Path(log_key))} if log_key else {}
    asyncio.run(
        _serve(
            Database(sys.argv[1], carried=carried),
            Spool(Path(sys.argv[2]), reserve_bytes=0, max_backlog=10**6),
            int(sys.argv[3]),
        )
    )
