"""`canary init`, `up` and the single roles: setting up and running."""

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import (
    CliError,
    clock,
    config_path,
    new_config_path,
    open_store,
    settings,
)

if TYPE_CHECKING:
    from canary.settings import Settings


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
    """Run listener, inlets, worker and dashboard on this machine, each watched and restarted; before `init` the first-run page."""
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


def _settings_of_role() -> "Settings":
    """Return the settings for one role alone; raises CliError where nothing was set up."""
    chosen, path = settings(missing=True), config_path()
    if _is_first_run(chosen, path):
        raise CliError(
            f"{path or 'canary.toml'}: is not there, so nothing is set up: start `canary up` once and open the link it shows,"
            " or run `canary init --domain D`"
        )
    return settings()


def smtp() -> None:
    """Run the listener only."""
    from canary.processes.roles import become_supervisor, receiver_names, run_role

    chosen, path = _settings_of_role(), config_path()
    names = receiver_names(chosen)
    if len(names) > 1:
        become_supervisor(chosen, names, path)
    run_role(names[0], chosen, config=path)


def ingest() -> None:
    """Run the HTTP inlets only, by which services post mail."""
    from canary.processes.mailbox_health import entered_mark
    from canary.processes.roles import run_role

    chosen = settings()
    if not chosen.ingest.services and not entered_mark(chosen.data, "ingest").exists():
        raise CliError("ingest: no service is set that may post mail; see docs/inlets.md")
    run_role("ingest", chosen)


def worker() -> None:
    """Run the pipeline and the alerts only."""
    from canary.processes.roles import run_role

    run_role("worker", _settings_of_role())


def mailboxes() -> None:
    """Run what reads mailboxes only."""
    from canary.processes.roles import run_role

    run_role("mailboxes", _settings_of_role())


def web() -> None:
    """Run the dashboard only."""
    from canary.processes.roles import run_role

    run_role("web", _settings_of_role(), config=config_path())
