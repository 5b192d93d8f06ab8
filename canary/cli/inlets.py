"""`canary inlet ...`: mailboxes that mail is read from."""

import json
import os
import sys
import tomllib
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, Json, config_path, settings, show_json, show_table
from canary.cli.groups import command_group

if TYPE_CHECKING:
    from canary.inlets.ledger import InletState
    from canary.settings import Settings

group = command_group("Mailboxes that mail is read from: add one, test it, see how it goes with each.")
Name = Annotated[str, typer.Argument(help="Name of the inlet.")]


@group.command("list")
def list_inlets(as_json: Json = False) -> None:
    """List all mailboxes and folders that are read, and services that post mail, and how it goes with each."""
    known = _in_force()
    states = _states(known)
    if as_json:
        show_json([_document(state) for state in states])
        return
    rows = [
        (s.name, s.phase.value, _moment(s.looked), _moment(s.arrived), f"{s.kept:,}", f"{s.skipped:,}", s.said)
        for s in states
    ]
    columns = ("inlet", "state", "looked", "last mail", "kept", "not for us", "")
    show_table(columns, rows, "No mailbox is read. `canary inlet add NAME --imap HOST --user USER` sets one up.")


@group.command()
def add(
    name: Name,
    imap: Annotated[
        str | None, typer.Option(metavar="HOST", help="Its IMAP server, such as imap.provider.example.")
    ] = None,
    maildir: Annotated[Path | None, typer.Option(help="Instead: a Maildir on this machine.")] = None,
    user: Annotated[str | None, typer.Option(help="Name to log in with, mostly the address.")] = None,
    password: Annotated[
        str | None,
        typer.Option(envvar="CANARY_PASSWORD", help="Password, best one made for Canary; it is asked for if left out."),
    ] = None,
    folder: Annotated[
        list[str] | None, typer.Option(help="Folder that is read; may be repeated. [default: INBOX]")
    ] = None,
    receiver: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Believe what this server wrote on the mail; may be repeated."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the IMAP server. [default: 993]")] = None,
    security: Annotated[str | None, typer.Option(help="tls, starttls or none. [default: tls]")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Authority that signed its certificate, if it is your own.")
    ] = None,
) -> None:
    """Log in to a mailbox, or look into a Maildir, and write it into the settings if that works."""
    known, path = settings(), config_path()
    if path is None:
        raise CliError("there is no settings file; `canary init --domain D` makes one")
    if (imap is None) == (maildir is None):
        raise CliError("give either --imap HOST or --maildir PATH", 2)
    if name in known.inlet.names:
        raise CliError(f"{name}: is set already; `canary inlet remove {name}` first")
    values: dict[str, Any]
    if imap is not None:
        user = user or typer.prompt("User")
        password = password or typer.prompt("Password", hide_input=True)
        values = {
            "host": imap, "port": port, "security": security, "ca_file": str(ca_file.absolute()) if ca_file else None,
            "user": user, "password": password, "folders": folder, "receivers": receiver,
        }  # fmt: skip
    else:
        values = {"path": str(maildir.absolute()) if maildir else "", "receivers": receiver}
    kind = "imap" if imap is not None else "maildir"
    written = path.read_text(encoding="utf-8").rstrip("\n")
    typer.echo(_tried(name, kind, values, written))
    path.write_text(f"{written}\n\n{_section(name, kind, values)}", encoding="utf-8")
    typer.echo(
        f"Wrote [inlet.{kind}.{name}] into {path}. Next: canary up (again, if it runs), then canary inlet test {name}"
    )


@group.command()
def remove(name: Name) -> None:
    """Take a mailbox out of the settings; mail that was read stays."""
    known, path = settings(), config_path()
    if path is None or name not in known.inlet.names:
        raise CliError(f"{name}: no such inlet in the settings; see `canary inlet list`")
    kind = known.inlet.kind_of(name)
    rest = _without(path.read_text(encoding="utf-8"), f"inlet.{kind}.{name}")
    if name in tomllib.loads(rest).get("inlet", {}).get(kind, {}) or rest == path.read_text(encoding="utf-8"):
        raise CliError(f"{name}: is not a section of {path}; remove it where it is set")
    path.write_text(rest, encoding="utf-8")
    typer.echo(f"Removed [inlet.{kind}.{name}] from {path}. Next: canary up again, if it runs")


@group.command("test")
def try_inlet(name: Name, as_json: Json = False) -> None:
    """Put a self-test into a mailbox, or post one to an HTTP inlet, and wait until it is judged; `canary up` has to run."""
    from canary.processes.mailbox_trials import inlet_names, try_inlet

    known = _in_force()
    if name not in inlet_names(known):
        raise CliError(f"{name}: no such inlet; see `canary inlet list`")
    notes = list[str]()
    found, seconds = try_inlet(known, name, notes.append, lambda _: None, 1)
    if as_json:
        show_json({"inlet": name, "found": found, "seconds": round(seconds, 1) if seconds is not None else None})
        return
    typer.echo(found)
    if seconds is not None:
        typer.echo(f"a self-test was read and judged after {seconds:.1f} s")
    elif not notes:
        typer.echo("no address to write to yet; `canary issue VENDOR` makes one")
    for note in notes:
        typer.echo(note, err=True)


@group.command()
def read(
    name: Name,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Read all mail again; what is here already is recognised.")
    ] = False,
) -> None:
    """Read all mail that a mailbox holds now, with a progress bar, and end; not while `canary up` does."""
    import asyncio

    from canary.cli.import_mail import progress_bar
    from canary.inlets.faults import InletFault
    from canary.processes.mailbox_process import ROLE, mailbox_readers, open_desk
    from canary.processes.role_lock import holding_role

    known = _in_force()
    if name not in known.inlet.names:
        raise CliError(f"{name}: no such inlet; see `canary inlet list`")

    async def read_all() -> None:
        async with open_desk(known) as desk:
            if from_beginning:
                desk.ledger.start_again(name)
            readers = mailbox_readers(known, desk, lambda label: lambda done, whole: show(label, done, whole), (name,))
            for reader in readers:
                await asyncio.to_thread(reader.run_once)

    with holding_role(known.data, ROLE), progress_bar() as show:
        try:
            asyncio.run(read_all())
        except InletFault as fault:
            raise CliError(f"{name}: {fault}") from None
    for state in _states(known):
        if state.name.partition("/")[0] == name:
            typer.echo(f"{state.name}: {state.kept:,} mails kept, {state.skipped:,} not for us")


def _in_force() -> "Settings":
    from canary.processes.stores import settings_in_force

    return settings_in_force(settings())


def _states(known: "Settings") -> list["InletState"]:
    from canary.processes.mailbox_health import mailbox_states

    return mailbox_states(known)


def _document(state: "InletState") -> dict[str, Any]:
    found = asdict(state)
    return found | {
        "phase": state.phase.value,
        "looked": state.looked if state.has_looked else None,
        "arrived": state.arrived if state.has_mail else None,
        "since": state.since if state.has_looked or state.said else None,
    }


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at.year > 1 else ""


def _section(name: str, kind: str, values: dict[str, Any]) -> str:
    lines = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value not in (None, [])
    )
    return "\n".join((f"[inlet.{kind}.{name}]", *lines, ""))


def _without(text: str, section: str) -> str:
    """Return a settings file without a section and those inside it."""
    kept, ours = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            header = line.strip().strip("[]").strip()
            ours = header == section or header.startswith(f"{section}.")
        if not ours:
            kept.append(line)
    return "".join(kept).rstrip("\n") + "\n"


def _tried(name: str, kind: str, values: dict[str, Any], written: str) -> str:
    """Try new values, and return what was found; asks whether the server that received the mail is to be believed."""
    from canary.processes.mailbox_trial import described, likely_receiver, logged_in, looked_into

    known = _with_section(f"{written}\n\n{_section(name, kind, values)}")
    if kind == "maildir":
        return looked_into(known, name)
    with logged_in(known, name) as session:
        found = described(known, name, session)
        if not known.inlet.imap[name].trusted and (host := likely_receiver(session)):
            if sys.stdin.isatty() and typer.confirm(
                f"Its mail was received by {host}. Believe what that server wrote on it?"
            ):
                values["receivers"] = [host]
            else:
                found += f"\nIts mail was received by {host}; --receiver {host} believes what that server wrote on it"
    return found


def _with_section(text: str) -> "Settings":
    import tempfile

    from canary.settings import SettingsError, load_settings

    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            return load_settings(Path(file.name), os.environ)
        except SettingsError as fault:
            raise CliError(str(fault).replace(f"{file.name}: ", ""), 2) from None
