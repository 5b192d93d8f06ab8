"""An inlet in a thread of its own: begun again when it fails, ever more patiently, until the process ends."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from canary.inlets.desk import InletDesk, Stopped
from canary.inlets.faults import InletFault
from canary.inlets.ledger import Phase

log = logging.getLogger("canary.inlets")

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
_LONGEST_ASKED = 3600.0
"""However long a server asks to be left alone (Retry-After), after this it is asked again."""
_SETTINGS_WAIT = 60.0
"""So long at least is waited where nothing helps but a change of the settings: servers lock out who knocks too often."""


class InletReader(Protocol):
    """What reads mail of an inlet."""

    def run(self) -> None:
        """Read what is there and what comes; raises InletFault, and Stopped when the process ends."""

    def interrupt(self) -> None:
        """End what it waits for, called from another thread."""


class InletThread:
    """Runs a reader until stopped; `label` names it in states and logs."""

    def __init__(
        self, label: str, reader: InletReader, desk: InletDesk, jitter: Callable[[], float] = lambda: 1.0
    ) -> None:
        """Start nothing yet; `jitter` is about 1, so that not all inlets come back at the same moment."""
        self.label, self.reader, self.desk, self._jitter = label, reader, desk, jitter
        self._thread = threading.Thread(target=self._run, name=f"inlet {label}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Wait so long for it to end; the desk must be stopping."""
        self.reader.interrupt()
        self._thread.join(seconds)

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self.desk.stopping.is_set():
            try:
                self.reader.run()
                wait = FIRST_WAIT
                continue
            except Stopped:
                return
            except InletFault as fault:
                line, least = (
                    str(fault),
                    max(_SETTINGS_WAIT if fault.by_settings else 0.0, min(fault.wait, _LONGEST_ASKED)),
                )
            except OSError as fault:
                line, least = str(fault), 0.0
            except Exception as fault:
                log.exception("inlet %s: a bug in Canary", self.label)
                line, least = f"{type(fault).__name__}: a bug in Canary, see the log; it is tried again", 0.0
            if self.desk.stopping.is_set():
                return
            wait = self._wait_after(line, wait, least)

    def _wait_after(self, line: str, wait: float, least: float) -> float:
        """Note a fault and wait; return how long to wait after the next."""
        looked = self._note(line)
        # One that worked in between was not down all the while.
        wait = FIRST_WAIT if looked else wait
        self.desk.stopping.wait(max(least, wait * self._jitter()))
        return min(LONGEST_WAIT, wait * 2)

    def _note(self, line: str) -> bool:
        """Write what is wrong; return whether it had gone well just before."""
        try:
            was_well = self.desk.ledger.state(self.label).phase is not Phase.TROUBLE
            self.desk.note_phase(self.label, Phase.TROUBLE, line)
        except OSError as fault:
            log.error("inlet %s: %s; and its state cannot be written: %s", self.label, line, fault)  # noqa: TRY400 - one line
            return False
        return was_well
