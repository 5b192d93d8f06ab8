"""The HTTP inlets, which die by SIGKILL at a step: python -m tests.slow.dying_inlet FOLDER STEP. They print their address.

Steps: `asked` before the mail is looked at, `accepted` before it is written, `stored` after that, and `none`.
"""

import os
import signal
import sys
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from canary.inlets.intake import Intake, IntakeResult
from canary.model.mail import Envelope
from tests.ingest import Ingest, prepare_web


class DyingIntake(Intake):
    """An intake that dies at a step."""

    step = "none"

    async def accept(self, envelope: Envelope, content: bytes, *more: Any, **named: Any) -> IntakeResult:
        self._die("asked")
        result = await super().accept(envelope, content, *more, **named)
        self._die("stored")
        return result

    async def _reached(self, wanted: Collection[str], received: datetime) -> list[str]:
        found = await super()._reached(wanted, received)
        self._die("accepted")
        return found

    def _die(self, step: str) -> None:
        if self.step == step:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    DyingIntake.step = sys.argv[2]
    with Ingest(Path(sys.argv[1]), intake=DyingIntake) as ingest:
        ingest.clock.now = datetime.now(UTC)
        prepare_web(ingest)
        print(ingest.url, flush=True)
        threading.Event().wait()
