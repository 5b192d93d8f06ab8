"""Groups of commands; those of the outermost group are imported when they are called, so a command loads only itself."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NoReturn, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from canary.cli.context import explain

_WHOLE = 1000
"""How many characters of a first sentence help shows: all of it, over several lines where it is long."""


class CommandGroup(TyperGroup):
    """A group whose help shows the whole first sentence of each command."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line for each command."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(_WHOLE)) for name in self.list_commands(ctx)]
            )


def command_group(text: str) -> typer.Typer:
    """Return an empty group of commands, `text` being its help."""
    return typer.Typer(cls=CommandGroup, help=text, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is, as `module:name` in this package, and the first sentence of its help."""

    place: str
    help: str

    def load(self, name: str) -> Any:
        """Import the command, or the group of commands, and return it under its name."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"canary.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(name)(found)
            found = alone
        command = get_command(found)
        command.name = name
        return command


class LazyGroup(TyperGroup):
    """The commands of a table, in sections; every fault of one becomes a line on standard error and an exit code."""

    sections: ClassVar[Mapping[str, Mapping[str, LazyCommand]]] = {}

    def __init__(self, **attrs: Any) -> None:
        """Read the commands from the table."""
        super().__init__(**attrs)
        self._table = {name: entry for section in self.sections.values() for name, entry in section.items()}
        self.commands = cast(
            "Any", self._table
        )  # only the names are read: to list them, and to suggest one for a misspelt name

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the framework's signature
        """Import a command; None for an unknown name."""
        return self._table[cmd_name].load(cmd_name) if cmd_name in self._table else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the framework's signature
        """Write the commands section by section without importing them."""
        width = max(map(len, self._table))
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in section.items()])

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit: 0 is fine, 1 a finding or failure, 2 wrong use."""
        try:
            outcome = super().main(*args, **{**extra, "prog_name": "canary", "standalone_mode": False})
        except Exception as fault:  # noqa: BLE001 - the last resort: one line, never a traceback
            line, code = explain(fault)
            sys.stderr.write(line.rstrip() + "\n")
            sys.exit(code)
        sys.exit(outcome if isinstance(outcome, int) else 0)
