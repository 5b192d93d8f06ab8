"""The spool's file: its tables, how it is made atomically, checked, and set aside when damaged."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path

log = logging.getLogger("canary.spool")

# AUTOINCREMENT: a number is never used twice, so a key names one mail for good. Mails are never updated: what changes
# is in `postponed` and `begun`, as an update would write a large mail again.
_SCHEMA = """
    BEGIN;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    CREATE TABLE mail (id INTEGER PRIMARY KEY AUTOINCREMENT, envelope TEXT NOT NULL, content BLOB NOT NULL);
    CREATE TABLE postponed (
        mail_id INTEGER PRIMARY KEY, due REAL NOT NULL, tries INTEGER NOT NULL, fault TEXT NOT NULL);
    CREATE TABLE begun (
        mail_id INTEGER PRIMARY KEY, times INTEGER NOT NULL, worker TEXT NOT NULL, since REAL NOT NULL);
    CREATE TABLE attempt (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, domain TEXT NOT NULL, source TEXT NOT NULL,
        at TEXT NOT NULL, address TEXT NOT NULL, shape TEXT NOT NULL DEFAULT '', count INTEGER NOT NULL DEFAULT 1);
    CREATE TABLE receipt (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, mail TEXT NOT NULL);
    INSERT INTO meta VALUES ('uid', lower(hex(randomblob(8)))), ('done', 0), ('handed', 0);
    COMMIT;
"""
# What our own statements need; a file that cannot answer one of these is not one of ours.
_QUESTIONS = (
    "SELECT id, envelope, content FROM mail LIMIT 0",
    "SELECT mail_id, due, tries, fault FROM postponed LIMIT 0",
    "SELECT mail_id, times, worker, since FROM begun LIMIT 0",
    "SELECT id, kind, domain, source, at, address, shape, count FROM attempt LIMIT 0",
    "SELECT number, id, digest, mail FROM receipt LIMIT 0",
    "SELECT name, seq FROM sqlite_sequence LIMIT 0",
)
# All mails ever stored, less those ever done: counting rows would read every mail.
_BACKLOG = """
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mail'), 0)
         - (SELECT value FROM meta WHERE name = 'done')
"""
_RECOUNT = f"UPDATE meta SET value = value + ({_BACKLOG}) - (SELECT count(*) FROM mail) WHERE name = 'done'"  # noqa: S608
_BUSY_SECONDS = 10.0
_STATEMENTS = 8  # kept ready by a connection, each with its last parameters
_PAGE = 16384
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SpoolFault(OSError):
    """The spool cannot do it now; try again later."""


class SpoolFull(SpoolFault):
    """The spool has no space for this mail now."""


class Space:
    """Logs once when a spool stops accepting mail for lack of space, and once when it accepts mail again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._wants: dict[str, str] = {}

    @property
    def wanting(self) -> bool:
        """Whether it has logged that there is none."""
        return bool(self._wants)

    def tell(self, cause: str, want: str) -> None:
        """Notes why there is no space, by cause; an empty text if that has passed."""
        if not want and not self._wants:
            return
        with self._lock:
            before = bool(self._wants)
            self._wants.pop(cause, None)
            self._wants |= {cause: want} if want else {}
            if self._wants and not before:
                log.error("spool %s is full, mail is refused with 452: %s", self._path, want)
            elif before and not self._wants:
                log.warning("spool %s has space again; mail is accepted", self._path)


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """A connection to an existing spool file; threads that share it must use a lock.

    Raises sqlite3.Error. A durable one reports a commit as done when the disk has it. The log grows until `checkpoint`.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None,
        check_same_thread=False, cached_statements=_STATEMENTS,
    )  # fmt: skip
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA journal_size_limit = 100663296")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # Some builds overwrite deleted data by default: a mail that is done would be written once more as zeros.
        connection.execute("PRAGMA secure_delete = FAST")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def checkpoint(connection: sqlite3.Connection) -> None:
    """Copies the whole log into the file, durably, and starts it again; raises sqlite3.Error if that fails.

    It keeps writers waiting, unlike the automatic one: before 3.51.3 a commit during a checkpoint could make SQLite
    skip a part of the log later (sqlite.org/wal.html#walresetbug).
    """
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    if busy:
        raise sqlite3.OperationalError("a reader or writer holds the log")


def stand_in() -> sqlite3.Connection:
    """A connection to an empty spool in memory, for a worker that starts before its receiver."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_SCHEMA)
    return connection


def bound(connection: sqlite3.Connection, kibibytes: int) -> None:
    """Bounds the size of the file, whatever its page size."""
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {kibibytes * 1024 // page:d}")


def read_uid(connection: sqlite3.Connection) -> str:
    """The random name of the file."""
    return str(connection.execute("SELECT value FROM meta WHERE name = 'uid'").fetchone()[0])


def backlog(connection: sqlite3.Connection) -> int:
    """How many mails wait."""
    return int(connection.execute(_BACKLOG).fetchone()[0])


def last_number(connection: sqlite3.Connection) -> int:
    """The highest number ever given to a mail."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'mail'").fetchone()
    return int(row[0]) if row else 0


@lru_cache
def insertion(places: int) -> str:
    """The statement for up to so many mails at once, each with number, envelope and content; unused places are NULL."""
    rows = ",".join(["(?,?,?)"] * places)
    return f"INSERT INTO mail (id, envelope, content) SELECT * FROM (VALUES {rows}) WHERE column1 NOT NULL"  # noqa: S608


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file itself is broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def is_want_of_space(error: Exception) -> bool:
    """Whether an error says that the file or its disk is full."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def is_failed_write(error: Exception) -> bool:
    """Whether after an error it is unknown what the disk has."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def prepare(path: Path, clock: Callable[[], datetime], installation: str = "") -> None:
    """Ensures a sound spool file at the path: the one that is there, or a new one in place of a damaged one.

    One of another installation than the given one is set aside in the same way. Raises SpoolFault if there can be none.
    """
    try:
        if path.exists() and (damage := _damage(path) or _foreign(path, installation)):
            set_aside(path, damage, clock)
        if not path.exists():
            _create(path, clock)
        if installation:
            mark(path, installation)
    except (OSError, sqlite3.Error) as error:
        raise SpoolFault(f"spool {path} cannot be opened: {error}; check the folder and its owner") from error


def mark(path: Path, installation: str) -> None:
    """Writes into a spool file whose it is; raises sqlite3.Error."""
    with closing(connect(path, durable=True)) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('installation', ?)", (installation,))


def owner(path: Path) -> str:
    """The installation that a spool file belongs to, empty where it does not say so or cannot be read."""
    try:
        with closing(connect(path, durable=False)) as connection:
            rows = connection.execute("SELECT value FROM meta WHERE name = 'installation'").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return ""
    return str(rows[0][0]) if rows else ""


def _foreign(path: Path, installation: str) -> str:
    whose = owner(path)
    return f"it belongs to another installation, {whose}" if installation and whose not in ("", installation) else ""


def set_aside(path: Path, damage: str, clock: Callable[[], datetime]) -> None:
    """Renames a damaged file with its log, so that nothing in it is lost, and logs it."""
    aside = path.with_name(f"{path.name}.damaged-{clock():%Y%m%dT%H%M%S%f}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error(
        "spool %s cannot be used (%s) and is set aside as %s; the mails in it await recovery, a fresh one starts",
        path, damage, aside,
    )  # fmt: skip


def _damage(path: Path) -> str:
    """What is wrong with a file, empty if it is sound; a file of an earlier version is brought up to date."""
    try:
        with closing(connect(path, durable=True)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found == "ok":
                _bring_up_to_date(connection)
                found = _oddity(connection)
            if found == "ok":
                connection.execute(_RECOUNT)
            return "" if found == "ok" else found
    except UnicodeDecodeError as error:
        return f"its names are not text: {error}"
    except sqlite3.Error as error:
        if is_damage(error) or _is_foreign(error, path):
            return str(error)
        raise


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(attempt)")}
    if columns:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS begun"
            " (mail_id INTEGER PRIMARY KEY, times INTEGER NOT NULL, worker TEXT NOT NULL, since REAL NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS receipt"
            " (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, mail TEXT NOT NULL)"
        )
    if columns and "count" not in columns:
        connection.execute("ALTER TABLE attempt ADD COLUMN count INTEGER NOT NULL DEFAULT 1")
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('handed', 0)")
    if columns and "shape" not in columns:
        connection.execute("ALTER TABLE attempt ADD COLUMN shape TEXT NOT NULL DEFAULT ''")
        # A guess has no address; an earlier version kept its shape there.
        connection.execute("UPDATE attempt SET shape = address, address = '' WHERE kind = 'guess'")


def _oddity(connection: sqlite3.Connection) -> str:
    """How a sound database differs from one we made, empty if it does not."""
    for question in _QUESTIONS:
        connection.execute(question)
    if (mode := connection.execute("PRAGMA journal_mode").fetchone()[0]) != "wal":
        return f"its journal mode is {mode}"
    meta = dict(connection.execute("SELECT cast(name AS BLOB), value FROM meta").fetchall())
    sound = isinstance(meta.get(b"uid"), str) and meta[b"uid"].isalnum()
    return "ok" if sound and {type(meta.get(name)) for name in (b"done", b"handed")} == {int} else "its names are gone"


def _is_foreign(error: sqlite3.Error, path: Path) -> bool:
    """Whether it is the file, not the disk, that fails at what every spool can do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code == sqlite3.SQLITE_ERROR or (code == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK))


def _create(path: Path, clock: Callable[[], datetime]) -> None:
    """Makes the file under another name first, so that it is at its path whole or not at all."""
    if path.with_name(path.name + "-wal").exists():
        # A log without its file would be replayed into the new one.
        set_aside(path, "only its log is left", clock)
    fresh = path.with_name(path.name + ".new")
    for suffix in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with closing(connect(fresh, durable=True)) as connection:
        # A page is two writes into the log and two more into the file: with few large ones a third of the work is saved.
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
