"""`canary erase`: what is held of a person who asked for erasure, and replacing it."""

from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import Json, clock, open_store, print_error, settings, show_json, show_table, who

if TYPE_CHECKING:
    from canary.processes.erasing import ErasureReport

_ROLES = {
    "sender": "mails this person wrote", "recipient": "mails this person was written to",
    "header": "mails with this person in a header", "text": "mails with this person in their text",
    "octets": "mails with this person in their octets alone",
}  # fmt: skip
_TABLES = {
    "sender": "sender profiles", "case_event": "lines of the timelines of cases", "vendor_event": "lines of the timelines of vendors",
    "case_statement": "statements", "audit": "lines of the audit", "outbox": "facts for alerts", "delivery": "alerts",
    "hit": "reasons of verdicts", "mail_sender": "keys of senders",
    "first_writer": "first writers", "signed_mail": "track records", "linked_domain": "track records of links",
    "vendor_outsider": "outsiders of vendors", "attempt": "attempts", "guess": "guesses", "probe": "probes",
    "letter": "texts of letters", "campaign": "campaigns", "campaign_mail": "what mails have in common", "leak_case": "cases",
}  # fmt: skip


def erase(
    person: Annotated[str, typer.Argument(help="An e-mail address, or a name, as it stands in mail.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace it; without this, only what is held is shown.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is held of a person, and with --yes replace it in mail, notes and records for good."""
    from canary.processes import erasing

    known = settings()
    store = open_store(known)
    subject = erasing.read_subject(known, store, person)
    if yes:
        report = erasing.erase_person(known, store, subject, who(), clock)
    else:
        report = erasing.report_person(known, store, subject)
    if as_json:
        show_json(_document(report))
    else:
        _print(report)
    raise typer.Exit(1 if report.erased and report.left else 0)


def _print(report: "ErasureReport") -> None:
    traces = report.traces
    rows = [(count, _ROLES[role]) for role, count in traces.mails.items()]
    rows += [(count, _TABLES.get(name, name)) for name, count in traces.rows.items()]
    rows += [(file.count, f"{file.what}: {file.path}") for file in report.files if not file.left or not report.erased]
    show_table(("erased" if report.erased else "held", "what"), rows, "Nothing is held of this person.")
    for name, count in traces.staying.items():
        typer.echo(f"stays: {count} in {name}: {_reason(name)}")
    for file in report.left if report.erased else ():
        print_error(f"{file.path}: {file.what}, {file.count} of them: {file.left}")
    if report.erased and rows:
        typer.echo(f"In its place stands {report.mark}. Backups and messages that were sent are not changed.")
    elif rows:
        typer.echo("Nothing was changed. To replace it for good: the same with --yes")


def _reason(name: str) -> str:
    from canary.store.erasing import STAYING

    return STAYING[name]


def _document(report: "ErasureReport") -> dict[str, object]:
    files = [
        {"path": str(file.path), "what": file.what, "count": file.count, "left": file.left} for file in report.files
    ]
    return {
        "erased": report.erased, "mark": report.mark, "mails": dict(report.traces.mails),
        "records": dict(report.traces.rows), "staying": dict(report.traces.staying), "files": files,
    }  # fmt: skip
