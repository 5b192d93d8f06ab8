"""Files of addresses that were given away, read for commands: the map of vendors, and what services export."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from canary.cli.context import CliError, settings

if TYPE_CHECKING:
    from canary.importing.alias_list import AliasList

SHOWN = 5


def read_file(option: str, path: Path, own: Collection[str]) -> "AliasList":
    """Read a file of addresses; `own` are the owner's domains, which are no vendor's."""
    from canary.importing.alias_list import read_list
    from canary.processes.judging import never_vendor

    try:
        return read_list(path, never_vendor(settings().judge, own), own)
    except OSError as fault:
        raise CliError(f"{option}{path}: {fault.strerror}: name a CSV file of address,vendor,channel", 2) from None
    except ValueError as fault:
        raise CliError(f"{option}{fault}", 2) from None


def print_lines(lines: Sequence[str]) -> None:
    """Write the first of some lines to standard error, and how many more there are."""
    from canary.importing.fault_lines import said_once

    told = said_once(lines)
    for line in told[:SHOWN]:
        typer.echo(line, err=True)
    if len(told) > SHOWN:
        typer.echo(f"... and {len(told) - SHOWN:,} more", err=True)
