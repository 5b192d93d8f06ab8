"""What an inlet received and could not read, kept in files for somebody to look at, bounded in number."""

import os
from pathlib import Path

from canary.inlets.faults import InletFault
from canary.inlets.http.posted_mail import digest

MOST = 1000


class SetAsideFolder:
    """A folder with a file for each; made at the first one."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        """Write nothing yet."""
        self._path, self._most = path, most

    def put(self, name: str, body: str) -> Path | None:
        """Write what was received durably, under a name of its own, and return the file; None where there are too many."""
        file = self._path / f"{digest(name)[:32]}.json"
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not file.exists() and sum(1 for _ in self._path.iterdir()) >= self._most:
                return None
            with file.open("w", encoding="utf-8", errors="replace") as opened:
                opened.write(body)
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as fault:
            raise InletFault(f"{file}: {fault.strerror}: it is tried again") from None
        return file
