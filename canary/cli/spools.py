"""`canary spool ...`: the mail that was taken and is not in the store yet."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, open_store, settings, show_json
from canary.cli.groups import command_group

if TYPE_CHECKING:
    from canary.processes.draining import Drained
    from canary.settings import Settings
    from canary.store.database import Database

group = command_group("Spools: the mail that was taken and is not in the store yet.")


@group.callback()
def _spool() -> None: ...


@group.command()
def drain(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Spools of a node that is gone, such as smtp.db.")
    ],
    as_json: Json = False,
) -> None:
    """Bring the mail in the spools of a node that is gone to the store; that node must not run any more."""
    from contextlib import closing

    from canary.processes.draining import check_drainable

    known = settings()
    for file in files:
        check_drainable(known, file)
    with closing(open_store(known)) as store:
        drained = [_drain(known, store, file, quiet=as_json) for file in files]
    if as_json:
        show_json([{"file": each.file, "mails": each.mails, "left": each.left} for each in drained])
    if left := sum(each.left for each in drained):
        raise CliError(f"{left:,} mails: could not be brought to the store yet; the log says why. Run this again later")


def _drain(known: "Settings", store: "Database", file: Path, *, quiet: bool) -> "Drained":
    import asyncio
    from contextlib import closing

    from canary.processes.build import pipeline_context
    from canary.processes.draining import drain
    from canary.processes.mail_parser import MailParser

    with closing(MailParser()) as parser:
        context = pipeline_context(known, store, parser=parser)
        drained = asyncio.run(drain(context, file, lambda done: None if quiet else _print_progress(done)))
    if not quiet:
        end = "" if drained.left else "; nothing is left in it, and it can be deleted"
        typer.echo(f"{file}: {drained.mails:,} mails are in the store{end}.")
    return drained


def _print_progress(done: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{done:>12,} mails\r", nl=False, err=True)
