"""The copy of the issued addresses beside a spool, by which a receiver goes on while there is no store."""

import logging
import os
from pathlib import Path

log = logging.getLogger("canary.spool")

_OWNER = "installation "
"""How the line begins that says whose addresses these are; no address has a space there."""


class AddressCopy:
    """A file with one address a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, addresses: frozenset[str], installation: str) -> None:
        """Replaces the file, whole or not at all; raises OSError."""
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines([f"{_OWNER}{installation}\n"] if installation else [])
            file.writelines(f"{address}\n" for address in sorted(addresses))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def read(self, installation: str = "") -> frozenset[str]:
        """The addresses; those of another installation are set aside, unless none is named. Raises OSError."""
        whose, addresses = self._content()
        if installation and whose not in ("", installation):
            aside = self.path.with_name(f"{self.path.name}.{whose[:16]}")
            self.path.replace(aside)
            log.error("%s has the addresses of another installation and is set aside as %s", self.path, aside)
            return frozenset()
        return addresses

    def owner(self) -> str:
        """The installation whose addresses these are, empty where it does not say so; raises OSError."""
        return self._content()[0]

    def _content(self) -> tuple[str, frozenset[str]]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return "", frozenset()
        lines = text.split("\n")
        whose = lines.pop(0).removeprefix(_OWNER) if lines[0].startswith(_OWNER) else ""
        return whose, frozenset(lines) - {""}
