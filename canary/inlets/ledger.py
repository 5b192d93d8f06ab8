"""What an inlet remembers, in one small file: how far each folder was read, how it goes, and tokens that were renewed.

How far a folder was read is written after the spool has the mails: what is read twice after a crash is one mail all the
same, as the pipeline knows it again.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS position (
        inlet TEXT NOT NULL, folder TEXT NOT NULL, validity INTEGER NOT NULL, upto INTEGER NOT NULL,
        PRIMARY KEY (inlet, folder)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS state (
        inlet TEXT PRIMARY KEY, phase TEXT NOT NULL, since TEXT NOT NULL, said TEXT NOT NULL, looked TEXT NOT NULL,
        arrived TEXT NOT NULL, kept INTEGER NOT NULL, skipped INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS taken (inlet TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY (inlet, file)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS awaited (
        inlet TEXT NOT NULL, folder TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL, mail TEXT NOT NULL,
        PRIMARY KEY (inlet, folder, validity, uid)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS mark (
        inlet TEXT NOT NULL, folder TEXT NOT NULL, mark TEXT NOT NULL, PRIMARY KEY (inlet, folder)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS token (inlet TEXT PRIMARY KEY, origin TEXT NOT NULL, refresh TEXT NOT NULL) WITHOUT ROWID;
"""
_SELDOM = timedelta(seconds=10)
"""No more often is written that all is as it was."""
_MOST_AWAITED = 500
_NEVER = datetime.min.replace(tzinfo=UTC)


class Phase(StrEnum):
    """How it goes with an inlet."""

    UNSTARTED = "not started"
    CATCHING_UP = "catching up"
    WATCHING = "watching"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class FolderPosition:
    """How far a folder was read: its UIDVALIDITY (RFC 9051 2.3.1.1), and the last UID that was dealt with."""

    validity: int = 0
    upto: int = 0


@dataclass(frozen=True, slots=True)
class InletState:
    """How it goes with an inlet since a time, and in trouble why, in one line with the cure.

    `looked` is when it last looked for mail with success, `arrived` when the newest mail came; mails were `kept` or
    `skipped`, as they reach no canary.
    """

    name: str
    phase: Phase = Phase.UNSTARTED
    since: datetime = _NEVER
    said: str = ""
    looked: datetime = _NEVER
    arrived: datetime = _NEVER
    kept: int = 0
    skipped: int = 0

    @property
    def has_looked(self) -> bool:
        """Whether it ever looked with success."""
        return self.looked > _NEVER

    @property
    def has_mail(self) -> bool:
        """Whether any mail came by it."""
        return self.arrived > _NEVER


class InletLedger:
    """The memory of all inlets of a data folder; every method raises OSError where its file cannot be used."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def position(self, inlet: str, folder: str) -> FolderPosition:
        """Return how far a folder was read."""
        with self._opened() as file:
            row = file.execute(
                "SELECT validity, upto FROM position WHERE inlet = ? AND folder = ?", (inlet, folder)
            ).fetchone()
        return FolderPosition(*row) if row else FolderPosition()

    def move_on(self, inlet: str, folder: str, at: FolderPosition) -> None:
        """Write how far a folder was read."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)", (inlet, folder, at.validity, at.upto))

    def mark(self, inlet: str, folder: str) -> str:
        """Return how far a folder was read in the words of its server, empty for not at all."""
        with self._opened() as file:
            row = file.execute("SELECT mark FROM mark WHERE inlet = ? AND folder = ?", (inlet, folder)).fetchone()
        return str(row[0]) if row else ""

    def note_mark(self, inlet: str, folder: str, mark: str) -> None:
        """Write how far a folder was read in the words of its server; empty for it to be read again."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", (inlet, folder, mark))

    def start_again(self, inlet: str) -> None:
        """Forget how far the folders of an inlet were read."""
        with self._opened() as file:
            file.execute("DELETE FROM position WHERE inlet = ?", (inlet,))
            file.execute("DELETE FROM mark WHERE inlet = ?", (inlet,))
            file.execute("DELETE FROM taken WHERE inlet = ?", (inlet,))
            file.execute("DELETE FROM awaited WHERE inlet = ?", (inlet,))

    def await_verdicts(self, inlet: str, folder: str, validity: int, mails: dict[int, str]) -> None:
        """Write which mails are to be looked at again once they are judged: their keys by UID."""
        rows = [(inlet, folder, validity, uid, key) for uid, key in mails.items()]
        with self._opened() as file:
            file.executemany("INSERT OR REPLACE INTO awaited VALUES (?, ?, ?, ?, ?)", rows)

    def awaited(self, inlet: str, folder: str, validity: int) -> dict[int, str]:
        """Return the keys of those mails by UID, the newest of them; a folder that was made again has none."""
        query = (
            "SELECT uid, mail FROM awaited WHERE inlet = ? AND folder = ? AND validity = ? ORDER BY uid DESC LIMIT ?"
        )
        with self._opened() as file:
            return dict(file.execute(query, (inlet, folder, validity, _MOST_AWAITED)).fetchall())

    def have_judged(self, inlet: str, folder: str, uids: list[int]) -> None:
        """Await these mails no more."""
        with self._opened() as file:
            file.executemany(
                "DELETE FROM awaited WHERE inlet = ? AND folder = ? AND uid = ?", [(inlet, folder, uid) for uid in uids]
            )

    def taken_files(self, inlet: str) -> frozenset[str]:
        """Return the names of the mails that were dealt with, where each has one: in a Maildir, by JMAP and Graph."""
        with self._opened() as file:
            return frozenset(row[0] for row in file.execute("SELECT file FROM taken WHERE inlet = ?", (inlet,)))

    def untaken(self, inlet: str, names: Sequence[str]) -> list[str]:
        """Return those names of mails that were not dealt with, in their order."""
        query = "SELECT 1 FROM taken WHERE inlet = ? AND file = ?"
        with self._opened() as file:
            return [name for name in names if file.execute(query, (inlet, name)).fetchone() is None]

    def note_files(self, inlet: str, fresh: list[str], gone: list[str]) -> None:
        """Write which files were dealt with, and forget those that are gone."""
        with self._opened() as file:
            file.execute("BEGIN")
            file.executemany("INSERT OR IGNORE INTO taken VALUES (?, ?)", [(inlet, name) for name in fresh])
            file.executemany("DELETE FROM taken WHERE inlet = ? AND file = ?", [(inlet, name) for name in gone])
            file.execute("COMMIT")

    def refresh_token(self, inlet: str, origin: str) -> str:
        """Return the refresh token that replaced the one of the settings, empty where none did; `origin` is a digest of that."""
        with self._opened() as file:
            row = file.execute("SELECT refresh FROM token WHERE inlet = ? AND origin = ?", (inlet, origin)).fetchone()
        return str(row[0]) if row else ""

    def renew_token(self, inlet: str, origin: str, refresh: str) -> None:
        """Write a refresh token that replaces the one before."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO token VALUES (?, ?, ?)", (inlet, origin, refresh))

    def state(self, inlet: str) -> InletState:
        """Return how it goes with an inlet."""
        with self._opened() as file:
            row = file.execute("SELECT * FROM state WHERE inlet = ?", (inlet,)).fetchone()
        if row is None:
            return InletState(inlet)
        times = [datetime.fromisoformat(row[at]) for at in (2, 4, 5)]
        return InletState(inlet, Phase(row[1]), times[0], row[3], times[1], times[2], row[6], row[7])

    def note_phase(self, inlet: str, phase: Phase, now: datetime, said: str = "") -> bool:
        """Write how it goes with an inlet; return whether that is new."""
        before = self.state(inlet)
        is_new = (before.phase, before.said) != (phase, said)
        if not is_new and now - before.looked < _SELDOM:
            return False
        after = replace(before, phase=phase, said=said, since=now if is_new else before.since)
        self._write(after if phase is Phase.TROUBLE else replace(after, looked=now))
        return is_new

    def note_mails(self, inlet: str, kept: int, skipped: int, now: datetime) -> None:
        """Count mails that were dealt with."""
        before = self.state(inlet)
        arrived = now if kept else before.arrived
        self._write(replace(before, arrived=arrived, kept=before.kept + kept, skipped=before.skipped + skipped))

    def _write(self, state: InletState) -> None:
        row = (
            state.name, state.phase.value, state.since.isoformat(), state.said[:500], state.looked.isoformat(),
            state.arrived.isoformat(), state.kept, state.skipped,
        )  # fmt: skip
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connected()
            except sqlite3.Error as error:
                self._give_up()
                raise OSError(f"{self.path}: {error}: check the folder and its owner") from error

    def _give_up(self) -> None:
        if self._connection and self._connection.in_transaction:
            self._connection.rollback()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # What a power cut takes back is read again, and known again by its content.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        return self._connection
