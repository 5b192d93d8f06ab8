"""Tests of inlets that are begun in the browser, each in a thread of its own, and how it goes with all that are read."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from canary.inlets.ledger import InletState
from canary.processes.entered import EnteredSettings
from canary.processes.faults import explain
from canary.processes.mailbox_health import is_posted, mailbox_problem, mailbox_states
from canary.settings import Settings
from canary.web.mailbox_desk import InletLine, MailboxTrial

MOST = 4
"""So many tests at a time."""

_TRIES = 30
"""A service that was just entered is served within seconds, the first one once its process has started."""

Trial = Callable[[Settings, str, Callable[[str], None], Callable[[str], None]], tuple[str, float | None]]
"""Tests a mailbox by its name; reports what stays to be done, and what is there; returns that and the seconds."""


def try_inlet(
    settings: Settings, name: str, note: Callable[[str], None], report: Callable[[str], None], tries: int = _TRIES
) -> tuple[str, float | None]:
    """Test an inlet of any kind as `Trial` says, one that posts up to so many times; raises OSError in one line."""
    # Loads what pages never need.
    if name in settings.ingest.labels:
        from canary.processes.posted_trial import posted_self_test  # noqa: PLC0415

        return posted_self_test(settings, name, note, report, tries)
    if name in settings.inlet.remote:
        from canary.processes.remote_trial import looked_into_remotely  # noqa: PLC0415

        return looked_into_remotely(settings, name, note, report)
    from canary.processes.mailbox_trial import self_tested  # noqa: PLC0415

    return self_tested(settings, name, note, report)


def inlet_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of all inlets that can be tested."""
    return (*settings.inlet.names, *settings.ingest.labels)


class MailboxTrials:
    """Tests the mailboxes in force, and keeps the last test of each."""

    def __init__(self, entered: EnteredSettings, clock: Callable[[], datetime], try_mailbox: Trial = try_inlet) -> None:
        """Begin nothing yet."""
        self._entered, self._clock, self._try = entered, clock, try_mailbox
        self._lock = threading.Lock()
        self._trials: dict[str, MailboxTrial] = {}

    def lines(self, session: Session) -> list[InletLine]:
        """Return how it goes with each folder and service; raises OSError."""
        settings = self._entered.current(session).settings
        return [_line(settings, state, self._clock()) for state in mailbox_states(settings)]

    def begin(self, session: Session, name: str) -> None:
        """Begin to test a mailbox; one that is being tested goes on. Raises ValueError."""
        settings = self._entered.current(session).settings
        names = inlet_names(settings)
        if name not in names:
            raise ValueError(f"{name[:50]}: is no mailbox that is read, and no service that posts")
        with self._lock:
            running = [trial.name for trial in self._trials.values() if trial.running]
            if name in running:
                return
            if len(running) >= MOST:
                raise ValueError(f"{name}: {MOST} inlets are being tested; wait until one of them is done")
            self._trials = {each: trial for each, trial in self._trials.items() if each in names}
            self._trials[name] = MailboxTrial(name)
        threading.Thread(target=self._run, args=(settings, name), name=f"test {name}", daemon=True).start()

    def look(self, name: str) -> MailboxTrial | None:
        """Return the last test of a mailbox."""
        return self._trials.get(name)

    def _run(self, settings: Settings, name: str) -> None:
        try:
            there, seconds = self._try(
                settings, name, lambda line: self._change(name, note=line), lambda line: self._change(name, there=line)
            )
        except Exception as fault:  # noqa: BLE001 - whatever it is, the page shows it in one line
            self._change(name, running=False, fault=settings.mask(explain(fault, logging.ERROR)[0]))
        else:
            self._change(name, running=False, there=there, seconds=seconds)

    def _change(self, name: str, **changes: object) -> None:
        with self._lock:
            self._trials[name] = replace(self._trials[name], **changes)  # type: ignore[arg-type]


def _line(settings: Settings, state: InletState, now: datetime) -> InletLine:
    return InletLine(
        state.name.partition("/")[0], state.name, state.phase.value, mailbox_problem(settings, state, now), state.said,
        state.looked if state.has_looked else None, state.arrived if state.has_mail else None, state.kept, state.skipped,
        is_posted(state.name),
    )  # fmt: skip
