"""What all commands share: settings, store, and printing."""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary import __version__
from canary.processes import faults

if TYPE_CHECKING:
    from canary.settings import Settings
    from canary.store.database import Database

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class CliError(Exception):
    """A command cannot do what was asked; the message names the thing, the value and the cure."""

    def __init__(self, line: str, code: int = 1) -> None:
        """Keep the line and the exit code: 1 for a failure, 2 for wrong use."""
        super().__init__(line)
        self.code = code


class _Chosen:
    config: Path | None = None
    mask: Callable[[str], str] = staticmethod(lambda line: line)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"canary {__version__}")
        raise typer.Exit


def configure(
    config: Annotated[
        Path | None, typer.Option(help="Settings file.", envvar="CANARY_CONFIG", show_default="canary.toml")
    ] = None,
    version: Annotated[  # noqa: ARG001 - it prints and ends while options are read
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find out who leaked your e-mail address."""
    _Chosen.config = config


def config_path() -> Path | None:
    """Return the settings file: the one named, else canary.toml here or in the data folder, else none."""
    if _Chosen.config is not None:
        return _Chosen.config
    places = (Path("canary.toml"), Path(os.environ.get("CANARY_DATA", "data")) / "canary.toml")
    return next((place for place in places if place.is_file()), None)


def new_config_path() -> Path:
    """Return where the settings file is written: the one named, else canary.toml here."""
    return config_path() or Path(os.environ.get("CANARY_CONFIG", "canary.toml"))


def settings(*, missing: bool = False) -> "Settings":
    """Read the settings and set up logging by them; a file that is `missing` may be one that is written later."""
    from canary.processes.logs import log_to_stderr
    from canary.settings import load_settings

    path = config_path()
    if missing and path and not path.exists():
        path = None
    found = load_settings(path, os.environ)
    _Chosen.mask = staticmethod(found.mask)
    log_to_stderr(found.log.level, json_lines=found.log.json_lines, mask=found.mask)
    return found


def open_store(chosen: "Settings | None" = None) -> "Database":
    """Open the store of the settings, brought up to date."""
    from canary.processes import stores

    chosen = chosen or settings()
    store = stores.open_store(chosen)
    stores.prepare_store(chosen, store)
    return store


def clock() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def who() -> str:
    """Return the name under which a command is recorded."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container may run as a number that has no name
        return "command line"


def explain(fault: Exception) -> tuple[str, int]:
    """Return the line, without any secret of the settings, and the exit code for what a command raised."""
    line, code = _explained(fault)
    return _Chosen.mask(line), code


def _explained(fault: Exception) -> tuple[str, int]:
    if isinstance(fault, CliError):
        return str(fault), fault.code
    if isinstance(fault, typer.TyperException):
        return _wrong_use(fault), fault.exit_code
    if isinstance(fault, typer.Abort):
        return "stopped: nothing was answered", 1
    return faults.explain(fault)


def _wrong_use(fault: typer.TyperException) -> str:
    text, ctx = fault.format_message(), getattr(fault, "ctx", None)
    if ctx is None or text.startswith("Usage:"):  # a group without a command prints its help
        return text
    return f"{' '.join(text.split())} See `{ctx.command_path} --help`."


def print_error(line: str) -> None:
    """Print a warning on standard error while the command continues; nothing for an empty line."""
    if line:
        typer.echo(line, err=True)


def show_json(document: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2, default=plain_json, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under headings, or a hint when there are none."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # For a program that reads a pipe, a row has to be a line.
    console = Console(width=None if sys.stdout.isatty() else 300, markup=False, highlight=False)
    if table.row_count:
        console.print(table)
    else:
        typer.echo(empty)


def plain_json(value: object) -> object:
    """Return the JSON form of other values: a time in ISO 8601, anything else as its text."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
