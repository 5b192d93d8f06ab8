"""Whether something was committed to a database since the last look, so that a process at rest asks it nothing."""

import sqlite3
from pathlib import Path


class CommitWatch:
    """Watches the file of a database of SQLite, which answers from shared memory, in microseconds and without waiting.

    Where there is no file (PostgreSQL), nothing can be known without asking, and every look says yes.
    """

    def __init__(self, file: Path | None) -> None:
        """Watch a file, which need not be there yet; nothing is opened before the first look."""
        self._file = file.absolute() if file else None
        self._connection: sqlite3.Connection | None = None
        self._seen = (0, 0)

    def changed(self) -> bool:
        """Look; True also at the first look and while the file cannot be read. One thread at a time may look."""
        if self._file is None:
            return True
        try:
            before, self._seen = self._seen, self._look(self._file)
        except (sqlite3.Error, OSError):
            self.close()
            return True
        return self._seen != before

    def close(self) -> None:
        """Close the file; the next look is a first one again."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._seen = None, (0, 0)

    def _look(self, file: Path) -> tuple[int, int]:
        # Another file may lie there since: one that was restored, or made after a damaged one was set aside.
        inode = file.stat().st_ino
        if self._connection is None or inode != self._seen[0]:
            self.close()
            self._connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=0, check_same_thread=False)
        # All rows are fetched: a cursor that is left open would hold up checkpoints.
        [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        return inode, int(version)
