"""The spools of an installation, from its settings; as light as a receiver needs it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from canary.processes.installation import Installation
from canary.settings import Settings
from canary.spool.spool import Spool

log = logging.getLogger("canary.processes.spools")


def clock() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def open_spool(settings: Settings, name: str = "smtp") -> Spool:
    """Open a spool of this installation; a receiver starts the one it receives into."""
    folder = settings.data / "spool"
    for made in (settings.data, folder):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    smtp = settings.smtp
    return Spool(
        folder / f"{name}.db",
        reserve_bytes=smtp.spool_reserve,
        max_backlog=smtp.spool_backlog,
        max_pages=smtp.spool_pages,
        installation=Installation(settings).id,
    )


class Spools:
    """The spools of this machine, as a worker sees them; new ones are found as they appear."""

    def __init__(self, settings: Settings) -> None:
        """Look into the spool folder of the settings."""
        self.settings = settings
        self.opened: dict[str, Spool] = {}
        self._folder, self._stamp = settings.data / "spool", 0
        self._installation = Installation(settings)
        self._ours: dict[tuple[Path, int], bool] = {}

    def paths(self) -> list[Path]:
        """Return the files that are there."""
        return sorted(self._folder.glob("*.db"))

    def changed(self) -> bool:
        """Whether files came or went since the last time; also true at first, and while the folder cannot be read."""
        try:
            before, self._stamp = self._stamp, self._folder.stat().st_mtime_ns
        except OSError:
            return True
        return self._stamp != before

    def __iter__(self) -> Iterator[Spool]:
        """Yield every spool that exists, but those of another installation."""
        for file in self.paths():
            if not self._is_ours(file):
                continue
            if file.stem not in self.opened:
                self.opened[file.stem] = open_spool(self.settings, file.stem)
            yield self.opened[file.stem]

    def _is_ours(self, file: Path) -> bool:
        """Look once at each file that is there, or takes the place of another, whose it is."""
        try:
            key = file, file.stat().st_ino
        except OSError:
            return True
        if key not in self._ours:
            self._ours[key] = self._installation.owns(file)
            if not self._ours[key]:
                log.error("spool %s is another installation's and is left alone; move it to that one's folder", file)
        return self._ours[key]

    def close(self) -> None:
        """Close the files."""
        for spool in self.opened.values():
            spool.close()
