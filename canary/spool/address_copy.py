"""The copy of the issued addresses beside a spool, by which a receiver goes on while there is no store."""

import logging
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger("canary.spool")

_OWNER = "installation "
"""How the line begins that says whose addresses these are; no address has a space there."""

_LONGEST = 4096


class AddressCopy:
    """A file with one address a line, which others are added to; a line that was not written to its end is none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, addresses: Iterable[str], installation: str) -> None:
        """Replaces the file, whole or not at all; raises OSError."""
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.writelines([f"{_OWNER}{installation}\n".encode()] if installation else [])
            _add(file, addresses)
        fresh.replace(self.path)

    def append(self, addresses: Iterable[str], installation: str) -> None:
        """Adds addresses; one writer at a time. Raises OSError, and then some may have been added."""
        if not self.path.exists() or self.owner() != installation:
            self.write(chain(self.read(installation), addresses), installation)
            return
        with self.path.open("r+b") as file:
            file.seek(_end_of_lines(file))
            file.truncate()
            _add(file, addresses)

    def read(self, installation: str = "") -> Iterator[str]:
        """The addresses; those of another installation are set aside, unless none is named. Raises OSError."""
        whose = self.owner()
        if installation and whose not in ("", installation):
            aside = self.path.with_name(f"{self.path.name}.{whose[:16]}")
            self.path.replace(aside)
            log.error("%s has the addresses of another installation and is set aside as %s", self.path, aside)
        return (line for line in self._lines() if not line.startswith(_OWNER))

    def owner(self) -> str:
        """The installation whose addresses these are, empty where it does not say so; raises OSError."""
        first = next(self._lines(), "")
        return first.removeprefix(_OWNER) if first.startswith(_OWNER) else ""

    def _lines(self) -> Iterator[str]:
        try:
            file = self.path.open(encoding="utf-8", errors="surrogateescape", newline="\n")
        except FileNotFoundError:
            return
        with file:
            yield from (line[:-1] for line in file if line[-1] == "\n" and line != "\n")


def _add(file: BinaryIO, addresses: Iterable[str]) -> None:
    file.writelines(f"{address}\n".encode("utf-8", "surrogateescape") for address in addresses)
    file.flush()
    os.fsync(file.fileno())


def _end_of_lines(file: BinaryIO) -> int:
    """Where the last whole line of a file ends: what comes after it was being written when the power failed."""
    begin = max(0, file.seek(0, os.SEEK_END) - _LONGEST)
    file.seek(begin)
    return begin + file.read().rfind(b"\n") + 1
