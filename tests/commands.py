"""Commands of `canary` called in this process, for tests of many: what they printed, and the code they ended with."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from canary.cli import app
from canary.store.database import Database
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

    @property
    def folder(self) -> Path:
        return self.house.folder

    @property
    def store(self) -> Database:
        return self.house.store

    def __call__(self, *arguments: str, text: str | None = None) -> Outcome:
        done = CliRunner().invoke(app, list(arguments), input=text)
        return Outcome(done.stdout, done.stderr, done.exit_code)

    def canary(self, *arguments: str) -> str:
        """Run a command that does what is asked, and return what it printed."""
        done = self(*arguments)
        assert done.code == 0, done.err
        return done.out


@contextmanager
def installation(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[CommandLine]:
    """Work in a folder with the environment of an installation there."""
    log = logging.getLogger()
    handlers, level = log.handlers[:], log.level
    with House(folder, dict(environ or {})).open() as house, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in house.environment.items():
            patch.setenv(name, value)
        yield CommandLine(house)
    log.handlers[:] = handlers  # each command sets up logging to a standard error that is closed by now
    log.setLevel(level)
