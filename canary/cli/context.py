"""What all commands share: which settings, which store, and how to print."""

import getpass
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from canary.judge.providers import ProviderError
from canary.processes.logs import log_to_stderr
from canary.settings import Settings, SettingsError, load_settings
from canary.store.queries.vendors import Duplicate, Unknown

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class CliError(Exception):
    """A command cannot do what was asked; the message names the thing, the value and the cure."""

    def __init__(self, line: str, code: int = 1) -> None:
        """Say the line and the exit code: 1 for a failure, 2 for wrong use."""
        super().__init__(line)
        self.code = code


class _Chosen:
    config: Path | None = None


def configure(
    config: Annotated[
        Path | None, typer.Option(help="Settings file.", envvar="CANARY_CONFIG", show_default="canary.toml")
    ] = None,
) -> None:
    """Find out who leaked your e-mail address."""
    _Chosen.config = config


def config_path() -> Path | None:
    """Return the settings file: the one named, else canary.toml here or in the data folder, else none."""
    if _Chosen.config is not None:
        return _Chosen.config
    places = (Path("canary.toml"), Path(os.environ.get("CANARY_DATA", "data")) / "canary.toml")
    return next((place for place in places if place.is_file()), None)


def settings() -> Settings:
    """Read the settings and set up logging by them."""
    found = load_settings(config_path(), os.environ)
    log_to_stderr(found.log.level, json_lines=found.log.json_lines)
    return found


def who() -> str:
    """Name whoever gave the command, for what is written down."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container may run as a number that has no name
        return "command line"


def explain(fault: Exception) -> tuple[str, int]:
    """Return the line and the exit code for whatever a command raised."""
    if isinstance(fault, SettingsError):
        return str(fault), 2
    if isinstance(fault, CliError):
        return str(fault), fault.code
    if isinstance(fault, Unknown | Duplicate | ProviderError | ValueError | OSError):
        return str(fault), 1
    if isinstance(fault, SQLAlchemyError):
        cause = str(getattr(fault, "orig", fault)).strip().splitlines()[0]
        return f"store: {cause}: check store.url and that the database is up", 1
    logging.getLogger("canary").error("unexpected fault", exc_info=fault)
    return f"{type(fault).__name__}: {fault}: this is a fault of ours; the log has more", 1


def local(host: str) -> str:
    """Return where to reach what listens there."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - reached, not bound


def print_error(line: str) -> None:
    """Say on standard error what is not as it should be while the command goes on; nothing if all is well."""
    if line:
        typer.echo(line, err=True)


def show_json(document: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2, default=_plain, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under headings, or say what to do when there are none."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # Whoever reads a pipe wants a row to be a line.
    console = Console(width=None if sys.stdout.isatty() else 300, markup=False, highlight=False)
    if table.row_count:
        console.print(table)
    else:
        typer.echo(empty)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
