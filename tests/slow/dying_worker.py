"""A worker that processes what is due, delivers alerts, and dies by SIGKILL right after one named stage."""

import asyncio
import os
import signal
import sys

from canary.alerts.delivery import deliver_due
from canary.pipeline.batch import run_pending
from canary.processes import run
from canary.settings import load_settings


def main(fatal: str) -> None:
    def passed(stage: str) -> None:
        if stage == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = load_settings(None, os.environ)
    store = run.open_store(settings)
    parts, desk = run.pipeline_parts(settings, store, passed), run.alert_desk(settings, store, passed)
    for inbox in run.Inboxes(settings):
        asyncio.run(run_pending(parts, inbox))
    deliver_due(desk)


if __name__ == "__main__":
    main(sys.argv[1])
