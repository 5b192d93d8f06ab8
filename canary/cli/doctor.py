"""`canary doctor`: is everything as it should be, and what helps where it is not."""

from typing import Annotated

import typer

from canary.cli.context import Json, clock, config_path, settings, show_json


def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Ask no DNS, send no mail, and do not look for damage in the store.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at machine, DNS, parts and destinations; exit 1 when something is wrong, each with its cure."""
    from canary.processes.doctor.examination import examine
    from canary.processes.doctor.finding import Examined

    findings = list(examine(Examined(settings(), config_path(), clock), quick=quick))
    if as_json:
        show_json([{"check": each.check, "fine": each.fine, "text": each.text} for each in findings])
    else:
        for each in findings:
            word = "note" if each.note else "ok  " if each.fine else "FAIL"
            typer.echo(f"{word}  {each.check}: {each.text}")
    if not all(each.fine for each in findings):
        raise typer.Exit(1)
