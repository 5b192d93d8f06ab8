"""`canary cases`, `canary case ID`: the suspected leaks."""

from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from canary.cli.case_acts import Wanted, acts
from canary.cli.case_words import show
from canary.cli.context import CliError, Json, clock, open_store, show_json, show_table, who
from canary.model.case import CaseState, percent
from canary.model.claim import ClaimCode
from canary.model.decision import Decision


def list_cases(as_json: Json = False) -> None:
    """List all cases, newest first."""
    from canary.cases import records

    store = open_store()
    with store.reading() as session:
        found = records.list_cases(session)
        hits = records.hits_of(session, [c.id or 0 for c in found])
    if as_json:
        show_json([
            {
                "id": c.id, "state": c.state, "outcome": c.outcome or None, "owner": c.owner or None,
                "merged_into": c.merged_into, "opened": c.opened_at, "last_hit": c.last_hit_at,
                "hits": hits.get(c.id or 0, 0), "suspects": c.suspects,
            }
            for c in found
        ])  # fmt: skip
        return
    rows = [
        (
            c.id,
            f"part of {c.merged_into}" if c.merged_into else c.state,
            c.owner,
            _top(c.suspects),
            hits.get(c.id or 0, 0),
            c.opened_at.date(),
        )
        for c in found
    ]
    show_table(
        ("case", "state", "owner", "most likely", "hits", "opened"), rows, "No cases: nobody is known to have leaked."
    )


Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number of a case.")]
Days = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"]


def one_case(
    number: Number,
    state: Annotated[CaseState | None, typer.Option(help="Bring it into this state.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who sees to it; empty for nobody.")] = None,
    note: Annotated[str, typer.Option(help="A note, or why something else is done.")] = "",
    aware: Annotated[
        datetime | None, typer.Option(formats=Days, help="Since when one is aware (UTC): 72 hours run.")
    ] = None,
    statement: Annotated[str, typer.Option(help="What a party said, in its words.")] = "",
    claim: Annotated[list[str] | None, typer.Option(help=f"What it claims: {', '.join(ClaimCode)}.")] = None,
    by: Annotated[str, typer.Option(help="Who made the statement.")] = "",
    on: Annotated[datetime | None, typer.Option(formats=Days, help="When it was made.", show_default="now")] = None,
    merge: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="Take over this other case.")] = None,
    split: Annotated[str, typer.Option(help="Split off vendor:SLUG or campaign:NUMBER.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the last merge or split back.")] = False,
    tick: Annotated[list[str] | None, typer.Option(help="Tick a point of the checklist.")] = None,
    untick: Annotated[list[str] | None, typer.Option(help="Take a tick back.")] = None,
    rotate: Annotated[list[str] | None, typer.Option(help="Give a vendor new addresses for those hit.")] = None,
    letter: Annotated[str, typer.Option(help="Print the letter to vendor:SLUG or supplier:SLUG instead.")] = "",
    lang: Annotated[str, typer.Option(help="Language of the letter: en, de or fr.")] = "en",
    as_json: Json = False,
) -> None:
    """Show one case with all that is known, said and to be done about it; or do something about it."""
    from canary.cases import export, letters, workflow

    wanted = Wanted(
        number,
        state,
        owner,
        aware,
        statement,
        by,
        on,
        claim or (),
        merge,
        split,
        undo,
        tick or (),
        untick or (),
        rotate or (),
    )
    todo = acts(wanted, Decision(who(), clock(), note))
    store = open_store()
    if todo:
        with store.writing() as session:
            for act in todo:
                act(session)
    with store.reading() as session:
        case = workflow.get_case(session, number)
        if letter:
            typer.echo(letters.letter(session, number, _addressee(session, number, letter), lang, clock()))
            return
        found = export.case_document(session, case, clock())
    show_json(found) if as_json else show(found)


def _addressee(session: Session, number: int, named: str) -> str:
    """Let the kind alone be enough where there is one of the kind."""
    from canary.cases import letters

    if ":" in named:
        return named
    known = [to for to, _ in letters.addressees(session, number) if to.startswith(f"{named}:")]
    if len(known) == 1:
        return known[0]
    every = ", ".join(to for to, _ in letters.addressees(session, number)) or "nobody"
    raise CliError(f"--letter {named!r}: say to whom; this case concerns {every}", 2)


def _top(suspects: list[dict[str, object]]) -> str:
    return f"{suspects[0]['name']} {percent(float(str(suspects[0]['p'])))}" if suspects else ""
