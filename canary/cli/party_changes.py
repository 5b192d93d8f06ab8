"""Renaming, merging and removing a vendor or a supplier on the command line: what hangs on it is said first."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, clock, open_store, show_json, who

if TYPE_CHECKING:
    from canary.cases.party_changes import PartyChanges
    from canary.cases.past_mail import OwnerWord
    from canary.cases.rejudge import RejudgeOutcome
    from canary.store.database import Database

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking, and without a terminal.")]
NewName = Annotated[str, typer.Argument(help="Its new name.")]


def rename_party(changes: "PartyChanges", kind: str, party: str, name: str, *, as_json: bool) -> None:
    """Give a party another name."""
    outcome = _decide(open_store(), lambda session, word: changes.rename(session, party, name, word))
    _show(as_json, {kind: party, "name": name, "changed": outcome.changed}, f"{party} is called {name} now.")


def merge_party(changes: "PartyChanges", kind: str, party: str, into: str, *, yes: bool, as_json: bool) -> None:
    """Merge a party into another, after what it will do was said."""
    from canary.cases.rehearsal import in_words, rehearse

    store = open_store()
    with store.reading() as session:
        held = changes.holdings(session, party)
    try:
        effect = in_words(rehearse(store, lambda session: changes.merge(session, party, into, _word())))
    except ValueError as fault:
        raise CliError(str(fault)) from None
    _ask(f"{party} has {held}, which become {into}'s. {effect}", f"Merge {party} into {into}?", yes=yes)
    outcome = _decide(store, lambda session, word: changes.merge(session, party, into, word))
    found = {
        kind: into,
        "merged": party,
        "changed": outcome.changed,
        "opened": outcome.opened,
        "closed": outcome.closed,
    }
    _show(as_json, found, f"{party} is part of {into} now, and is found under both names.")


def remove_party(changes: "PartyChanges", kind: str, party: str, *, yes: bool, as_json: bool) -> None:
    """Remove a party, after what goes with it was said."""
    store = open_store()
    with store.reading() as session:
        held = changes.holdings(session, party)
    if not held.stays:
        _ask(f"{party} has {held}, which go with it.", f"Remove {party}?", yes=yes)
    _decide(store, lambda session, word: changes.remove(session, party, word))
    _show(as_json, {kind: party, "removed": True}, f"{party} is removed.")


def _decide(store: "Database", act: "Callable[[Any, OwnerWord], RejudgeOutcome]") -> "RejudgeOutcome":
    from canary.cases.past_mail import settle

    try:
        with store.writing() as session:
            outcome = act(session, _word())
    except ValueError as fault:
        raise CliError(str(fault)) from None
    settle(store, clock())
    return outcome


def _word() -> "OwnerWord":
    from canary.cases.past_mail import OwnerWord

    return OwnerWord(who(), clock())


def _ask(said: str, question: str, *, yes: bool) -> None:
    if yes:
        return
    typer.echo(said)
    if not sys.stdin.isatty():
        raise CliError("nothing was changed: give --yes to do it", 1)
    if not typer.confirm(question):
        raise CliError("nothing was changed", 1)


def _show(as_json: bool, found: dict[str, object], line: str) -> None:
    if as_json:
        show_json(found)
    else:
        typer.echo(line)
