"""`canary vendor rename`, `merge`, `remove`: what hangs on a vendor is said first."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, Json, clock, open_store, show_json, who

if TYPE_CHECKING:
    from canary.cases.past_mail import OwnerWord
    from canary.cases.rejudge import RejudgeOutcome
    from canary.store.database import Database

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking, and without a terminal.")]


def rename(vendor: Vendor, name: Annotated[str, typer.Argument(help="Its new name.")], as_json: Json = False) -> None:
    """Give a vendor another name; its short name, which links and scripts use, stays, and past mail is judged again."""
    from canary.cases import vendor_changes

    store = open_store()
    outcome = _decide(store, lambda session, word: vendor_changes.rename(session, vendor, name, word))
    _show(as_json, {"vendor": vendor, "name": name, "changed": outcome.changed}, f"{vendor} is called {name} now.")


def merge(
    vendor: Vendor, into: Annotated[str, typer.Argument(help="The vendor of which it becomes a part.")], yes: Yes = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Merge a vendor into another: its addresses, mail, cases, domains and name become the other's; this stays so."""
    from canary.cases import vendor_changes
    from canary.cases.rehearsal import in_words, rehearse

    store = open_store()
    with store.reading() as session:
        held = vendor_changes.holdings(session, vendor)
    effect = in_words(rehearse(store, lambda session: vendor_changes.merge(session, vendor, into, _word())))
    _ask(f"{vendor} has {held}, which become {into}'s. {effect}", f"Merge {vendor} into {into}?", yes=yes)
    outcome = _decide(store, lambda session, word: vendor_changes.merge(session, vendor, into, word))
    found = {
        "vendor": into,
        "merged": vendor,
        "changed": outcome.changed,
        "opened": outcome.opened,
        "closed": outcome.closed,
    }
    _show(as_json, found, f"{vendor} is part of {into} now, and is found under both names.")


def remove(vendor: Vendor, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a vendor that was given no address; one that was may write for ever, and can be merged into another."""
    from canary.cases import vendor_changes

    store = open_store()
    with store.reading() as session:
        held = vendor_changes.holdings(session, vendor)
    if not held.addresses:
        _ask(f"{vendor} has {held}, which go with it.", f"Remove {vendor}?", yes=yes)
    try:
        with store.writing() as session:
            vendor_changes.remove(session, vendor, _word())
    except ValueError as fault:
        raise CliError(str(fault)) from None
    _show(as_json, {"vendor": vendor, "removed": True}, f"{vendor} is removed.")


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
