"""`canary init`, `doctor`, `up` and the single roles: setting up and running."""

import os
import secrets
import shutil
import smtplib
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import (
    CliError,
    Json,
    clock,
    config_path,
    new_config_path,
    open_store,
    settings,
    show_json,
)
from canary.cli.selftest import self_test
from canary.net.special_addresses import local_address
from canary.private_files import exposed_files

if TYPE_CHECKING:
    from canary.settings import Settings
    from canary.smtp.listeners import ListenAddress


def init(
    domain: Annotated[str | None, typer.Option(help="Domain whose mail is to arrive here.")] = None,
    admin: Annotated[str, typer.Option(help="Name of the first user.")] = "admin",
    password: Annotated[
        str | None,
        typer.Option(
            envvar="CANARY_PASSWORD", help="Password of that user; without it one is generated and shown once."
        ),
    ] = None,
    claim: Annotated[
        bool, typer.Option("--claim", help="Instead: say that this store and this data folder belong together.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Instead: make a new store in place of a lost one, without its addresses.")
    ] = False,
) -> None:
    """Create the data folder, settings, store and first user, and print the DNS records to set."""
    if claim or fresh:
        _claim() if claim else _start_over(admin, password)
        return
    if domain is None:
        raise CliError("--domain: missing; give the domain whose mail is to arrive here, such as inbox.example", 2)
    from canary.processes.first_run import FirstRun, read_domain, set_up

    try:
        domain = read_domain(domain, "--domain")
    except ValueError as fault:
        raise CliError(str(fault), 2) from None
    path, data = new_config_path(), Path(os.environ.get("CANARY_DATA", "data"))
    chosen = password or secrets.token_urlsafe(12)
    done = set_up(FirstRun(domain, f"mail.{domain}", admin, chosen), path, data, os.environ, clock())
    done.store.close()
    shown = "" if password else f", password: {chosen}"
    typer.echo(f"Wrote {path}; data in {data}/. First user: {admin}{shown}")
    _print_records(domain)
    typer.echo("Next: canary vendor add NAME --domain shop.example, canary issue NAME, canary up")


def _print_records(domain: str) -> None:
    from canary.authenticate.dns_records import EXAMPLE, wanted_records

    typer.echo(f"\nDNS records for {domain} (replace {EXAMPLE} by the address of this machine):")
    for record in wanted_records(domain, f"mail.{domain}"):
        shown = {"TXT": f'"{record.value}"', "MX": f"{record.value}."}.get(record.kind, record.value)
        typer.echo(f"  {record.name + '.':<{len(domain) + 16}} {record.kind:<4} {shown}")
    typer.echo()


def _add_first_user(name: str, password: str | None) -> str:
    """Make the store, with an administrator; return how to say the password, where it was made here."""
    from canary.store.queries.users import add_user

    store, chosen = open_store(), password or secrets.token_urlsafe(12)
    with store.writing() as session:
        add_user(session, name, chosen, "admin", clock())
    return "" if password else f", password: {chosen}"


def _claim() -> None:
    from canary.processes.stores import claim_store, store_exists

    known = _settings_at_rest()
    if not store_exists(known):
        raise CliError("store: is not there; put it back, or start over by `canary init --fresh`")
    claim_store(known)
    typer.echo(f"The store, {known.data} and its spools belong together now. Next: canary doctor, then canary up")


def _start_over(admin: str, password: str | None) -> None:
    from canary.processes.installation import Installation
    from canary.processes.stores import store_exists

    known = _settings_at_rest()
    if store_exists(known):
        raise CliError("store: is there; `canary init --claim` uses it, or move it away to start over")
    Installation(known).start_over()
    chosen = _add_first_user(admin, password)
    typer.echo(f"A new store, without any address of before. First user: {admin}{chosen}. Next: canary up")


def _settings_at_rest() -> "Settings":
    """Return the settings while nothing runs that uses them."""
    from canary.processes.role_lock import check_free
    from canary.processes.roles import all_roles

    known = settings()
    check_free(known.data, ["up", *all_roles(known)])
    return known


def up() -> None:
    """Run listener, worker and dashboard on this machine, each watched and restarted; before `init` the first-run page."""
    from canary.processes.judging import check_registries
    from canary.processes.roles import all_roles, become_supervisor

    chosen, path = settings(missing=True), config_path()
    if _is_first_run(chosen, path):
        from canary.processes.first_run_server import FirstRunPlace, serve_first_run

        path = new_config_path()
        serve_first_run(FirstRunPlace(chosen, path, os.environ, clock), sys.stderr)
        chosen = settings()
    check_registries(chosen.judge)
    become_supervisor(chosen, all_roles(chosen), config_path() or path)


def _is_first_run(chosen: "Settings", path: Path | None) -> bool:
    if chosen.domains or (path and path.exists()):
        return False  # the usual case loads nothing for it
    from canary.processes.first_run import is_first_run

    return is_first_run(chosen, path)


def smtp() -> None:
    """Run the listener only."""
    from canary.processes.roles import become_supervisor, receiver_names, run_role

    chosen, path = settings(), config_path()
    names = receiver_names(chosen)
    if len(names) > 1:
        become_supervisor(chosen, names, path)
    run_role(names[0], chosen, config=path)


def worker() -> None:
    """Run the pipeline and the alerts only."""
    from canary.processes.roles import run_role

    run_role("worker", settings())


def web() -> None:
    """Run the dashboard only."""
    from canary.processes.roles import run_role

    run_role("web", settings())


def doctor(as_json: Json = False) -> None:
    """Check that everything listens and can be reached; exit 1 when something is wrong."""
    findings = list(_findings())
    if as_json:
        show_json([{"check": name, "fine": fine, "text": text} for name, fine, text in findings])
    else:
        for name, fine, text in findings:
            typer.echo(f"{'ok  ' if fine else 'FAIL'}  {name}: {text}")
    if not all(fine for _, fine, _ in findings):
        raise typer.Exit(1)


def _findings() -> Iterator[tuple[str, bool, str]]:
    from sqlalchemy.exc import SQLAlchemyError

    from canary.model.registry_rows import RegistryError
    from canary.processes import stores
    from canary.processes.entered import check_entered
    from canary.processes.judging import check_registries

    known = settings()
    checks: dict[str, Callable[[], str]] = {
        "domains": lambda: ", ".join(known.domains) or _fail("none set; run `canary init --domain D`"),
        "disk": lambda: _disk(known.data, known.smtp.spool_reserve),
        "files": lambda: _files(known),
        "store": _store,
        "entered": lambda: check_entered(stores.open_store(known), known),
        "spools": lambda: _spools(known),
        "registries": lambda: check_registries(known.judge),
        "listener": lambda: "; ".join(_greeting(door) for door in known.smtp.doors),
        "dashboard": lambda: _health(known.web.host, known.web.port),
        "self-test": lambda: self_test(known),
    }
    for name, check in checks.items():
        try:
            yield name, True, check()
        except (CliError, RegistryError, OSError, ValueError, smtplib.SMTPException, SQLAlchemyError) as fault:
            yield name, False, str(getattr(fault, "orig", None) or fault).splitlines()[0]
    yield "alerts", True, _destinations(known)


def _destinations(known: "Settings") -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from canary.processes import stores
    from canary.processes.entered import EnteredSettings

    names = list(known.alert.destinations)
    with suppress(OSError, SQLAlchemyError), stores.open_store(known).reading() as session:
        names = [each.name for each in EnteredSettings(known, clock).destinations(session)]
    return ", ".join(names) or "no destination set; leaks show on the dashboard only"


def _fail(line: str) -> str:
    raise CliError(line)


def _disk(folder: Path, reserve: int) -> str:
    if not os.access(folder, os.W_OK):
        raise CliError(f"{folder} cannot be written; make it, or set data")
    free = shutil.disk_usage(folder).free
    return (
        f"{free // 2**20} MB free"
        if free > reserve
        else _fail(f"{free // 2**20} MB free, less than smtp.spool_reserve")
    )


def _files(known: "Settings") -> str:
    keys = [path for path in (known.decoys.key_file, known.smtp.tls_key) if path]
    if found := exposed_files(known.data, *keys):
        raise CliError(
            f"{_some(found)} can be read by others; run chmod -R go= {' '.join(map(str, (known.data, *keys)))}"
        )
    written = config_path()
    if written and known.has_secrets and written.stat().st_mode & 0o007:
        raise CliError(f"{written} holds secrets and can be read by everybody; run chmod o= {written}")
    return "private"


def _some(found: Sequence[Path]) -> str:
    return str(found[0]) + (f" and {len(found) - 1} more" if len(found) > 1 else "")


def _store() -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from canary.processes import stores
    from canary.processes.store_check import check_store

    try:
        return check_store(stores.open_store(settings()))
    except SQLAlchemyError as fault:
        line = str(getattr(fault, "orig", fault)).splitlines()[0]
        raise CliError(f"{line}: see docs/operating.md, or restore a backup with `canary restore`") from None


def _spools(known: "Settings") -> str:
    from canary.processes.installation import Installation

    problems = Installation(known).spool_problems()
    return "no spool is damaged or another installation's" if not problems else _fail("; ".join(problems.values()))


def _greeting(door: "ListenAddress") -> str:
    """Ask what listens there, in its protocol."""
    try:
        if door.path:
            return _first_words(door.path)
        kind = smtplib.LMTP if door.protocol == "lmtp" else smtplib.SMTP
        with kind(local_address(door.host), door.port, timeout=5) as client:
            client.ehlo_or_helo_if_needed()
            tls = "with" if client.has_extn("starttls") else "without"
    except (OSError, smtplib.SMTPException) as fault:
        raise CliError(f"{door} does not answer ({fault}); is `canary up` running?") from None
    return f"answers on port {door.port} {tls} STARTTLS"


def _first_words(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        return (
            f"answers at {path}"
            if client.recv(3) == b"220"
            else _fail(f"{path} sends no greeting; does another program listen there?")
        )


def _health(host: str, port: int) -> str:
    with urllib.request.urlopen(f"http://{local_address(host)}:{port}/healthz", timeout=5) as answer:
        return f"answers {answer.status} on port {port}"
