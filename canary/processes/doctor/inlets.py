"""Checks of the inlets: what services post to, and each mailbox or service by itself."""

import urllib.request
from collections.abc import Iterator

from canary.net.special_addresses import local_address
from canary.processes.doctor.finding import Examined, Finding, Note
from canary.processes.mailbox_health import mailbox_problem, mailbox_states
from canary.processes.stores import settings_in_force

_SECONDS = 5.0


def http_inlets(examined: Examined) -> str:
    """Ask what services post mail to whether it lives."""
    known = settings_in_force(examined.settings).ingest
    if not known.services:
        return Note("no service is set that posts mail")
    url = f"http://{local_address(known.host)}:{known.port}/healthz"
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
        return f"answers {answer.status} on port {known.port} for {', '.join(known.services)}"


def each_inlet(examined: Examined) -> Iterator[Finding]:
    """Yield how it goes with each mailbox and service."""
    known = settings_in_force(examined.settings)
    for state in mailbox_states(known):
        problem = mailbox_problem(known, state, examined.clock())
        text = f"{state.phase.value}{', ' + state.said if state.said else ''}; {state.kept:,} mails kept"
        yield Finding(f"inlet {state.name}", fine=not problem, text=problem or text)
