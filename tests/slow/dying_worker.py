"""A worker that processes and weighs what is due, delivers alerts, and dies by SIGKILL right after one named stage."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime

from canary.alerts.delivery import deliver_due
from canary.cases.weigh import weigh_next
from canary.pipeline.batch import run_pending
from canary.processes import build, spools, stores
from canary.settings import load_settings


def main(fatal: str) -> None:
    def passed(stage: str) -> None:
        if stage == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = load_settings(None, os.environ)
    store = stores.open_store(settings)
    parts, desk = build.pipeline_context(settings, store, passed), build.delivery_context(settings, store, passed)
    for inbox in spools.Spools(settings):
        asyncio.run(run_pending(parts, inbox))
    while weigh_next(store, datetime.now(UTC), passed):
        pass
    deliver_due(desk)


if __name__ == "__main__":
    main(sys.argv[1])
