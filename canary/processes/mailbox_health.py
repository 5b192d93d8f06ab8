"""How it goes with the mailboxes that are read: their states, and which of them are in trouble."""

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from canary.http_inlet_settings import LABEL
from canary.inlets.ledger import InletLedger, InletState, Phase
from canary.settings import Settings

LATE = timedelta(minutes=5)
"""A mailbox that was not looked into for longer has nobody who reads it."""

LASTING = timedelta(minutes=15)
"""Trouble that lasts for longer is worth an alert: servers are restarted, and lines break."""


def open_ledger(settings: Settings) -> InletLedger:
    """Return the memory of all inlets of this data folder."""
    return InletLedger(settings.data / "inlets" / "ledger.db")


def entered_mark(data: Path, role: str) -> Path:
    """Return the file that is there once something was entered in the browser for which a role is started."""
    return data / "inlets" / f"entered-{role}"


def mark_entered(data: Path, role: str) -> None:
    """Let a role start, if it waits for the first inlet that it has to do with."""
    mark = entered_mark(data, role)
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.touch(mode=0o600)


def mailbox_states(settings: Settings) -> list[InletState]:
    """Return the state of each mailbox and folder that is read, and of each service that posts; raises OSError."""
    labels = (*settings.inlet.mailboxes, *settings.ingest.labels)
    if not labels:
        return []
    with closing(open_ledger(settings)) as ledger:
        return [ledger.state(label) for label in labels]


def subject(label: str) -> str:
    """Return what a state is about, in words."""
    return f"inlet {label}" if is_posted(label) else f"mailbox {label}"


def mailbox_problem(settings: Settings, state: InletState, now: datetime) -> str:
    """Return what is wrong with a mailbox in one line with the cure, empty where it is read."""
    if state.phase is Phase.TROUBLE:
        return state.said
    if state.has_looked and now - state.looked <= max(LATE, 2 * timedelta(seconds=_poll(settings, state.name))):
        return ""
    when = f"{state.looked:%Y-%m-%d %H:%M} UTC" if state.has_looked else "never"
    return f"last looked into: {when}; is `canary up` running?"


def lasting_problems(settings: Settings, now: datetime) -> Mapping[str, str]:
    """Return sentences on mailboxes that were not read for a while, by subject."""
    try:
        states = mailbox_states(settings)
    except OSError as fault:
        return {"mailboxes": f"It is not known how it goes with mailboxes: {fault}"}
    since = {state.name: state.since if state.phase is Phase.TROUBLE else state.looked for state in states}
    return {
        subject(state.name): f"The {subject(state.name)} {_is_not(state.name)}: {text}"
        for state in states
        if state.has_looked and (text := mailbox_problem(settings, state, now)) and now - since[state.name] > LASTING
    }


def is_posted(label: str) -> bool:
    """Whether a state is that of a service which posts mail."""
    return label.startswith(LABEL)


def _is_not(label: str) -> str:
    return "does not work" if is_posted(label) else "is not read"


def _poll(settings: Settings, label: str) -> float:
    inlets = settings.inlet
    by_imap = {each: chosen.poll for name, chosen in inlets.imap.items() for each in chosen.labels(name)}
    if is_posted(label):
        return 0  # it notes that it listens every few seconds
    if label in inlets.remote:
        return inlets.remote[label].poll
    return by_imap[label] if label in by_imap else inlets.maildir[label].poll
