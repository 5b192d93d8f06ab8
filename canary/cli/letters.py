"""`canary letter ...`: the texts of the letters about cases, as shipped or as the owner changed them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group
from canary.model.decision import Decision

group = command_group("Letters to vendors and suppliers: read their texts and change them.")
Kind = Annotated[str, typer.Argument(help="Addressee: vendor or supplier.")]
Language = Annotated[str, typer.Argument(help="Language: en, de or fr.")]


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List all letters, and which of them you changed."""
    from canary.cases import letters
    from canary.cases.letter_text import KINDS, LANGUAGES

    store = open_store()
    with store.reading() as session:
        own = letters.changed(session)
    rows = [(kind, language, own.get((kind, language))) for kind in KINDS for language in LANGUAGES]
    if as_json:
        show_json([
            {"kind": kind, "language": language, "changed": row.changed_at if row else None,
             "by": row.changed_by if row else None}
            for kind, language, row in rows
        ])  # fmt: skip
        return
    lines = [
        (kind, language, f"{r.changed_at.date()} by {r.changed_by}" if r else "as shipped")
        for kind, language, r in rows
    ]
    show_table(("letter", "language", "text"), lines, "No letters.")


@group.command()
def show(kind: Kind, language: Language = "en", as_json: Json = False) -> None:
    """Print the text of a letter, ready to be changed and given to `canary letter set`."""
    from canary.cases import letters

    store = open_store()
    with store.reading() as session:
        text, own = letters.text_of(session, kind, language), letters.changed(session)
    if as_json:
        show_json({"kind": kind, "language": language, "changed": (kind, language) in own, "text": text})
    else:
        typer.echo(text, nl=False)


@group.command("set")
def set_text(
    kind: Kind,
    language: Language,
    file: Annotated[Path, typer.Argument(help="File with the text; - for standard input.")],
) -> None:
    """Use a text of your own for a letter from now on; it is checked first."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CliError(f"{file}: not UTF-8: save it as UTF-8 text", 2) from None
    _change(kind, language, text)


@group.command()
def reset(kind: Kind, language: Language) -> None:
    """Restore the text that ships with the program."""
    _change(kind, language, "")


def _change(kind: str, language: str, text: str) -> None:
    from canary.cases import letters
    from canary.cases.letter_text import OwnText

    own, store = OwnText(text), open_store()
    with store.writing() as session:
        letters.change(session, kind, language, own, Decision(who(), clock()))
    typer.echo(f"letter {kind} {language}: {'changed' if own.text else 'as shipped'}")
