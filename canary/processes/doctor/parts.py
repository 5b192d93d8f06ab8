"""Checks of the parts: settings, store, spools, listener, dashboard, worker, alerts."""

import smtplib
import socket
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from canary.evidence.log_reading import state_of_log
from canary.net.special_addresses import local_address
from canary.processes.doctor.finding import CheckFailed, Examined, Note
from canary.processes.entered import EnteredSettings, check_entered
from canary.processes.installation import Installation
from canary.processes.judging import check_registries
from canary.processes.ports import PortHolder, port_holder
from canary.processes.readiness import LATE, waits_since
from canary.processes.role_lock import role_holder
from canary.processes.self_test import judged_self_test
from canary.processes.store_check import check_store
from canary.processes.stores import open_store
from canary.store.tables import DeliveryRow

if TYPE_CHECKING:
    from canary.smtp.listeners import ListenAddress

_SECONDS = 5.0


def domains(examined: Examined) -> str:
    """Look for a domain."""
    if not examined.settings.domains:
        raise CheckFailed("none set; `canary up` leads through the first steps, or run `canary init --domain D`")
    return ", ".join(examined.settings.domains)


def store(examined: Examined) -> str:
    """Look at the store, for damage too."""
    try:
        return check_store(open_store(examined.settings))
    except SQLAlchemyError as fault:
        raise _unusable(fault) from None


def store_answers(examined: Examined) -> str:
    """Ask the store for anything at all."""
    try:
        with examined.reading() as session:
            session.execute(text("SELECT count(*) FROM alembic_version"))
    except SQLAlchemyError as fault:
        raise _unusable(fault) from None
    return "answers"


def _unusable(fault: SQLAlchemyError) -> CheckFailed:
    line = str(getattr(fault, "orig", fault)).splitlines()[0]
    return CheckFailed(f"{line}: see docs/operating.md, or restore a backup with `canary restore`")


def entered(examined: Examined) -> str:
    """Look whether what was entered in the browser is in force."""
    return check_entered(open_store(examined.settings), examined.settings)


def spools(examined: Examined) -> str:
    """Look for spools that nobody works on."""
    if problems := Installation(examined.settings).spool_problems():
        raise CheckFailed("; ".join(problems.values()))
    return "no spool is damaged or another installation's"


def evidence(examined: Examined) -> str:
    """Read the state of the log of evidence."""
    with examined.reading() as session:
        return state_of_log(session)


def registries(examined: Examined) -> str:
    """Read the registries."""
    return check_registries(examined.settings.judge)


def listener(examined: Examined) -> str:
    """Ask what listens at each place, in its protocol."""
    return "; ".join(_greeting(examined, door) for door in examined.settings.smtp.doors)


def _greeting(examined: Examined, door: "ListenAddress") -> str:
    try:
        if door.path:
            return _first_words(door.path)
        kind = smtplib.LMTP if door.protocol == "lmtp" else smtplib.SMTP
        with kind(local_address(door.host), door.port, timeout=_SECONDS) as client:
            client.ehlo_or_helo_if_needed()
            tls = "with" if client.has_extn("starttls") else "without"
    except (OSError, smtplib.SMTPException) as fault:
        _check_holder(examined, "smtp", door.port)
        raise CheckFailed(f"{door} does not answer ({_why(fault)}); is `canary up` running?") from None
    _check_holder(examined, "smtp", door.port)
    return f"answers on port {door.port} {tls} STARTTLS"


def _why(fault: Exception) -> str:
    cause = getattr(fault, "reason", fault)
    return str(getattr(cause, "strerror", None) or cause)


def _first_words(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        client.connect(path)
        if client.recv(3) != b"220":
            raise CheckFailed(f"{path} sends no greeting; does another program listen there?")
    return f"answers at {path}"


def _check_holder(examined: Examined, role: str, port: int) -> None:
    """Raise CheckFailed where a port is surely another's."""
    holder = port_holder(port)
    if holder is None or _is_ours(examined, holder):
        return
    key = "smtp.port" if role == "smtp" else "web.port"
    if holder.data or role_holder(examined.settings.data, role) is None:
        raise CheckFailed(f"port {port} is taken by {holder}: end that one, or set {key}")


def _is_ours(examined: Examined, holder: PortHolder) -> bool:
    return holder.data is not None and holder.data.resolve() == examined.settings.data.resolve()


def dashboard(examined: Examined) -> str:
    """Ask the dashboard whether it lives and is ready."""
    host, port = examined.settings.web.host, examined.settings.web.port
    _check_holder(examined, "web", port)
    try:
        with urllib.request.urlopen(f"http://{local_address(host)}:{port}/healthz", timeout=_SECONDS) as answer:
            status, body = answer.status, answer.read(100)
    except urllib.error.HTTPError as fault:
        if b"not set up yet" in fault.read(200):
            raise CheckFailed(f"port {port} shows the first-run page: open the link that `canary up` shows") from None
        raise CheckFailed(f"port {port} answers {fault.code}; does another program listen there?") from None
    except OSError as fault:
        raise CheckFailed(f"port {port} does not answer ({_why(fault)}); is `canary up` running?") from None
    if body != b"ok\n":
        raise CheckFailed(f"port {port} is another program's: end that one, or set web.port")
    return f"answers {status} on port {port}"


def worker(examined: Examined) -> str:
    """Look whether somebody judges, and whether mail waits."""
    settings, now = examined.settings, examined.clock()
    since = waits_since(settings, now)
    waits = (now - since) // timedelta(minutes=1) if since else 0
    if role_holder(settings.data, "worker") is None:
        raise CheckFailed(
            "does not run with this data folder, so that nothing is judged: start `canary up` or `canary worker`"
        )
    if since and now - since > LATE:
        raise CheckFailed(
            f"mail has waited for {waits} minutes: look into the log of the worker, or give it more processor"
        )
    return "runs, and no mail waits" if not since else "runs, and works on what came in"


def alerts(examined: Examined) -> str:
    """Look at the destinations, and at what did not arrive."""
    with examined.reading() as session:
        names = [each.name for each in EnteredSettings(examined.settings, examined.clock).destinations(session)]
        dead = session.exec(
            select(DeliveryRow.destination, func.count(), func.max(DeliveryRow.fault))
            .where(DeliveryRow.state == "dead", col(DeliveryRow.destination).in_(names))
            .group_by(DeliveryRow.destination)
        ).all()
    if dead:
        name, count, fault = dead[0]
        raise CheckFailed(
            f"{name}: {count} did not arrive ({str(fault)[:120]}); correct the destination, then `canary alert retry`"
        )
    return ", ".join(names) or Note("no destination set; leaks show on the dashboard only")


def self_test(examined: Examined) -> str:
    """Send a mail of ours to the newest address, and wait for its verdict."""
    return judged_self_test(examined.settings, examined.clock)
