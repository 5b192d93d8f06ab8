"""`canary inlet ...`: mailboxes that mail is read from, and services that post it."""

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, Json, clock, config_path, open_store, settings, show_json, show_table, who
from canary.cli.groups import command_group
from canary.cli.inlet_sections import (
    header_of,
    kind_of,
    section_of,
    section_text,
    settings_of_text,
    values_of,
    without_section,
)

if TYPE_CHECKING:
    from canary.inlets.ledger import InletState
    from canary.settings import Settings

group = command_group("Mailboxes that mail is read from, and services that post it: add one, test it, see how it goes.")
Name = Annotated[str, typer.Argument(help="Name of the inlet.")]


@group.command("list")
def list_inlets(as_json: Json = False) -> None:
    """List all mailboxes and folders that are read, and services that post mail, and how it goes with each."""
    from canary.processes.mailbox_health import mailbox_problem, mailbox_states

    known, faults = _with_faults()
    states = [(state, mailbox_problem(known, state, clock())) for state in mailbox_states(known)]
    for line in faults:
        typer.echo(line, err=True)
    if as_json:
        show_json([{**_document(state), "problem": problem} for state, problem in states])
        return
    rows = [
        (
            s.name,
            s.phase.value,
            _moment(s.looked),
            _moment(s.arrived),
            f"{s.kept:,}",
            f"{s.skipped:,}",
            problem or s.said,
        )
        for s, problem in states
    ]
    columns = ("inlet", "state", "looked", "last mail", "kept", "not for us", "")
    show_table(columns, rows, "No mailbox is read. `canary inlet add NAME --imap HOST --user USER` sets one up.")


Text = str | None
Texts = list[str] | None


@group.command()
def add(
    name: Name,
    imap: Annotated[
        Text, typer.Option(metavar="HOST", help="A mailbox by IMAP: its server, such as imap.provider.example.")
    ] = None,
    maildir: Annotated[Path | None, typer.Option(help="Instead: a Maildir on this machine.")] = None,
    jmap: Annotated[
        Text,
        typer.Option(metavar="URL", help="Instead: a mailbox by JMAP, such as https://api.fastmail.com/jmap/session."),
    ] = None,
    graph: Annotated[Text, typer.Option(metavar="ADDRESS", help="Instead: a mailbox at Microsoft 365.")] = None,
    sqs: Annotated[Text, typer.Option(metavar="URL", help="Instead: a queue of Amazon SQS that SES fills.")] = None,
    user: Annotated[Text, typer.Option(help="Name to log in with, mostly the address.")] = None,
    password: Annotated[
        Text,
        typer.Option(
            envvar="CANARY_PASSWORD", help="Password or token, best one made for Canary; asked for if left out."
        ),
    ] = None,
    folder: Annotated[Texts, typer.Option(help="Folder that is read; may be repeated. [default: INBOX]")] = None,
    receiver: Annotated[
        Texts, typer.Option(metavar="HOST", help="Believe what this server wrote on the mail; may be repeated.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the IMAP server. [default: 993]")] = None,
    security: Annotated[Text, typer.Option(help="tls, starttls or none. [default: tls]")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Authority that signed its certificate, if it is your own.")
    ] = None,
    tenant: Annotated[Text, typer.Option(help="Microsoft 365: id or domain of the organisation.")] = None,
    client_id: Annotated[Text, typer.Option(help="Microsoft 365: client id of your application.")] = None,
    client_secret: Annotated[Text, typer.Option(help="Microsoft 365: its secret; asked for if left out.")] = None,
    refresh_token: Annotated[Text, typer.Option(help="Microsoft 365: token of a user who logged in.")] = None,
    secret: Annotated[
        Texts, typer.Option(help="A service that signs: its secret; asked for or made if left out. May be repeated.")
    ] = None,
    token: Annotated[Text, typer.Option(help="Resend: key of the API that may read mail.")] = None,
    topic: Annotated[
        Texts, typer.Option(metavar="ARN", help="Amazon: topic that is believed; may be repeated.")
    ] = None,
    bucket: Annotated[
        Texts, typer.Option(help="Amazon SQS: bucket that mail is fetched from; may be repeated.")
    ] = None,
    access_key: Annotated[Text, typer.Option(help="Amazon: id of a key.")] = None,
    secret_key: Annotated[Text, typer.Option(help="Amazon: its secret.")] = None,
    region: Annotated[Text, typer.Option(help="Amazon: region.")] = None,
    public_key: Annotated[Text, typer.Option(help="SendGrid: public key of the security policy.")] = None,
) -> None:
    """Try a mailbox, or take a service such as ingest/mailgun, and write it into the settings if that works."""
    from canary.processes.mailbox_trials import inlet_names

    known, path = _in_force(), config_path()
    if path is None:
        raise CliError("there is no settings file; `canary init --domain D` makes one")
    places: dict[str, Any] = {"imap": imap, "maildir": maildir, "jmap": jmap, "graph": graph, "sqs": sqs}
    kind = kind_of(name, {each: str(value) for each, value in places.items() if value is not None})
    if name in inlet_names(known):
        raise CliError(f"{name}: is set already; `canary inlet remove {name}` first")
    where = {"imap": "host", "maildir": "path", "jmap": "url", "graph": "user", "sqs": "queue"}
    given = {
        "port": port, "security": security, "ca_file": str(ca_file.absolute()) if ca_file else None, "user": user,
        "password": password if "password" in section_of(kind).model.model_fields else None, "folders": folder,
        "receivers": receiver, "tenant": tenant, "client_id": client_id, "client_secret": client_secret,
        "refresh_token": refresh_token, "secrets": secret, "token": token, "topics": topic, "buckets": bucket, "access_key": access_key,
        "secret_key": secret_key, "region": region, "public_key": public_key,
    }  # fmt: skip
    if kind in where:
        given[where[kind]] = str(maildir.absolute()) if maildir else places[kind]
    _write(name, kind, values_of(kind, given), path)


def _write(name: str, kind: str, values: dict[str, Any], path: Path) -> None:
    """Try a new inlet, and write it into the settings file if it works."""
    written = path.read_text(encoding="utf-8").rstrip("\n")
    found = _tried(name, kind, values, written)
    if found:
        typer.echo(found)
    path.write_text(f"{written}\n\n{section_text(kind, name, values)}", encoding="utf-8")
    typer.echo(
        f"Wrote [{header_of(kind, name)}] into {path}. Next: canary up (again, if it runs), then canary inlet test {name}"
    )


@group.command()
def remove(name: Name) -> None:
    """Take an inlet out of the settings, or out of what was entered in the browser; mail that was read stays."""
    from canary.processes.mailbox_trials import inlet_names

    known, path = settings(), config_path()
    if name not in inlet_names(known):
        _remove_entered(known, name)
        return
    kind = name if name in known.ingest.labels else known.inlet.kind_of(name)
    header, text = header_of(kind, name), path.read_text(encoding="utf-8") if path else ""
    rest = without_section(text, header)
    if path is None or rest == text or name in inlet_names(settings_of_text(rest)):
        raise CliError(f"{name}: is not a section of {path}; remove it where it is set")
    path.write_text(rest, encoding="utf-8")
    typer.echo(f"Removed [{header}] from {path}. Next: canary up again, if it runs")


def _remove_entered(known: "Settings", name: str) -> None:
    """Remove what was entered in the browser."""
    from canary.processes.entered import EnteredSettings
    from canary.processes.entered_sections import MAILBOXES, SERVICES

    store = open_store(known)
    try:
        with store.writing() as session:
            entered = EnteredSettings(known, clock)
            kinds = [name] if name in SERVICES else MAILBOXES
            kind = next((k for k in kinds if any((v.name or k) == name for v in entered.views(session, k))), None)
            if kind is None:
                raise CliError(f"{name}: no such inlet; see `canary inlet list`")
            entered.remove(session, kind, "" if kind in SERVICES else name, who())
    finally:
        store.close()
    typer.echo(f"Removed {name}, which was entered in the browser; it is out of use within seconds")


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


def _with_faults() -> tuple["Settings", list[str]]:
    """Return the settings in force, and a line on each inlet that was entered in the browser and is not."""
    from contextlib import closing

    from canary.processes import stores
    from canary.processes.entered import EnteredSettings, role_of

    written = settings()
    entered = EnteredSettings(written, clock)
    with closing(stores.open_store(written)) as store:
        known = stores.in_force(store, entered)
    return known, [line for (section, _), line in entered.faults.items() if role_of(section)]


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


def _tried(name: str, kind: str, values: dict[str, Any], written: str) -> str:
    """Try new values, and return what was found; asks whether the server that received the mail is to be believed."""
    known = settings_of_text(f"{written}\n\n{section_text(kind, name, values)}")
    if name in known.ingest.labels:
        return ""  # nothing answers before it is served
    if name in known.inlet.remote:
        from canary.processes.remote_trial import looked_into_remotely

        return looked_into_remotely(known, name, lambda _: None, lambda _: None)[0]
    from canary.processes.mailbox_trial import described, likely_receiver, logged_in, looked_into

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
