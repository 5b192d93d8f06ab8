"""The table of all checks, in the order of their lines."""

import smtplib
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from canary.model.registry_rows import RegistryError
from canary.processes.doctor import clients, dns, inlets, machine, parts
from canary.processes.doctor.finding import Check, Examined, Finding, Note
from canary.processes.faults import explain

CHECKS: tuple[tuple[str, Check], ...] = (
    ("versions", machine.versions),
    ("domains", parts.domains),
    ("disk", machine.disk),
    ("files", machine.files),
    ("store", parts.store),
    ("clock", machine.clock),
    ("entered", parts.entered),
    ("spools", parts.spools),
    ("evidence", parts.evidence),
    ("registries", parts.registries),
    ("resolver", dns.resolver),
    ("records", dns.records),
    ("reverse", dns.reverse),
    ("port-25", dns.port_25),
    ("certificate", machine.certificate),
    ("listener", parts.listener),
    ("clients", clients.clients),
    ("worker", parts.worker),
    ("dashboard", parts.dashboard),
    ("http inlets", inlets.http_inlets),
    ("alerts", parts.alerts),
    ("self-test", parts.self_test),
)
"""Every check by its name. A new one is one line here."""

_QUICK: dict[str, Check | None] = {
    "store": parts.store_answers,
    "resolver": None,
    "records": None,
    "reverse": None,
    "port-25": None,
    "self-test": None,
}
"""What is looked at instead, or not at all, when it has to be quick: no DNS, no mail, no look for damage."""


def examine(examined: Examined, *, quick: bool = False) -> Iterator[Finding]:
    """Yield what each check finds."""
    for name, whole in CHECKS:
        check = _QUICK.get(name, whole) if quick else whole
        if check:
            yield _finding(name, check, examined)
    yield from inlets.each_inlet(examined)


def _finding(name: str, check: Check, examined: Examined) -> Finding:
    try:
        text = check(examined)
    except (RegistryError, ValueError, smtplib.SMTPException) as fault:
        return Finding(name, fine=False, text=str(fault).splitlines()[0])
    except (SQLAlchemyError, OSError) as fault:
        return Finding(name, fine=False, text=explain(fault)[0].splitlines()[0])
    return Finding(name, fine=True, text=str(text), note=isinstance(text, Note))
