"""`canary backup` and `canary restore`: the whole installation in one file, and from it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from canary.cli.context import CliError, Json, clock, config_path, settings, show_json

PASSPHRASE = "CANARY_PASSPHRASE"
_PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help=f"File with the passphrase; else {PASSPHRASE}, else it is asked for.")
]  # fmt: skip


def backup(
    to: Annotated[Path, typer.Argument(help="A new file, such as canary-2026-03-01.tar.")],
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Seal it with a passphrase.")] = False,
    passphrase_file: _PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Copy store, spools, keys and settings into one file, while everything goes on working."""
    from canary.processes.backup import back_up

    known = settings()
    passphrase = _passphrase(passphrase_file, confirm=True) if encrypt or passphrase_file else None
    made = back_up(known, config_path(), to, passphrase=passphrase, now=clock(), environ=os.environ)
    octets = to.stat().st_size
    if as_json:
        show_json({
            "file": str(to), "octets": octets, "encrypted": passphrase is not None, "canary": made.canary,
            "schema": made.schema, "store": made.store, "begun": made.begun, "environment": made.environment,
            "files": [{"name": each.name, "octets": each.octets, "sha256": each.sha256} for each in made.files],
        })  # fmt: skip
        return
    sealed = "sealed with the passphrase" if passphrase is not None else "not encrypted: it has all keys and all mail"
    typer.echo(f"{to}: {len(made.files)} files, {octets:,} octets, {sealed}.")
    if names := [name for name in made.environment if name != PASSPHRASE]:
        typer.echo(f"Settings of the environment are not in it: {', '.join(names)}")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A file that `canary backup` made.")],
    passphrase_file: _PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Check a backup and put it into a data folder and a store that are empty."""
    from canary.processes.restoring import is_sealed, restore_backup

    known = settings()
    passphrase = _passphrase(passphrase_file, confirm=False) if is_sealed(source) else None
    done = restore_backup(known, source, passphrase)
    data, made = known.data.absolute(), done.manifest
    if as_json:
        show_json({
            "data": str(data), "files": len(made.files), "canary": made.canary, "schema": made.schema, "begun": made.begun,
            "environment": made.environment, "moved_from": done.moved_from,
                "outside": [{"was": was, "is": str(now)} for was, now in done.outside],
        })  # fmt: skip
        return
    typer.echo(f"{data}: {len(made.files)} files as they were on {made.begun[:16].replace('T', ' ')}, each checked.")
    if done.moved_from:
        typer.echo(f"{data / 'canary.toml'} named the data folder {done.moved_from}, and names this one now.")
    for was, now in done.outside:
        typer.echo(f"{was} is now {now}: put it there again, or change the setting that names it.")
    if made.environment:
        typer.echo(f"It was run with these settings of the environment: {', '.join(made.environment)}")
    typer.echo("Next: canary doctor, then canary up")


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is not None:
        found = file.read_text(encoding="utf-8").strip()
    else:
        found = os.environ.get(PASSPHRASE) or typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
    if not found:
        raise CliError(f"passphrase: {file or PASSPHRASE} is empty: give one of several words")
    return found
