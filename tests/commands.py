"""Commands of `canary` called in this process, for tests of many: what they printed, and the code they ended with."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from canary.cli import app
from tests.processes import House


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and the code it ended with."""

    out: str
    err: str
    code: int

    @property
    def document(self) -> Any:
        """The one JSON document of a command that did what was asked."""
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """The commands, in the folder of an installation and with its environment."""

    house: House

    def __call__(self, *arguments: str, text: str | None = None) -> Outcome:
        done = CliRunner().invoke(app, list(arguments), input=text)
        return Outcome(done.stdout, done.stderr, done.exit_code)


@contextmanager
def installation(folder: Path) -> Iterator[CommandLine]:
    """Stand in a folder with the environment of an installation there."""
    with House(folder).open() as house, pytest.MonkeyPatch.context() as patch:
        (folder / "data").mkdir(exist_ok=True)
        patch.chdir(folder)
        for name, value in house.environment.items():
            patch.setenv(name, value)
        yield CommandLine(house)
