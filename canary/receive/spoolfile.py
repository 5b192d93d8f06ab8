"""The spool's file: its tables, how one is born whole, checked, and set aside when damaged."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from canary.model.mail import Client, Envelope

log = logging.getLogger("canary.spool")

# AUTOINCREMENT: a number is never given twice, so a key names one mail for good. Mails are never updated:
# what changes stands in `postponed`, as an update would write a large mail again.
_SCHEMA = """
    BEGIN;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    CREATE TABLE mail (id INTEGER PRIMARY KEY AUTOINCREMENT, envelope TEXT NOT NULL, content BLOB NOT NULL);
    CREATE TABLE postponed (
        mail_id INTEGER PRIMARY KEY, due REAL NOT NULL, tries INTEGER NOT NULL, fault TEXT NOT NULL);
    CREATE TABLE attempt (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, domain TEXT NOT NULL, source TEXT NOT NULL,
        at TEXT NOT NULL, address TEXT NOT NULL);
    INSERT INTO meta VALUES ('uid', lower(hex(randomblob(8)))), ('done', 0);
    COMMIT;
"""
# Kept ever, less done ever: counting rows would read every mail.
_BACKLOG = """
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mail'), 0)
         - (SELECT value FROM meta WHERE name = 'done')
"""
_RECOUNT = f"UPDATE meta SET value = value + ({_BACKLOG}) - (SELECT count(*) FROM mail) WHERE name = 'done'"  # noqa: S608
_BUSY_SECONDS = 10.0
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SpoolFault(OSError):
    """The spool cannot do it now; try again later."""


class SpoolFull(SpoolFault):
    """The spool has no space for this mail now."""


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """A connection to an existing spool file, shared between threads by whoever locks it.

    Raises sqlite3.Error. A durable one says a commit is done when the disk has it.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None,
        check_same_thread=False,
    )  # fmt: skip
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def stand_in() -> sqlite3.Connection:
    """A connection to an empty spool in memory, for a worker that starts before its receiver."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_SCHEMA)
    return connection


def read_uid(connection: sqlite3.Connection) -> str:
    """The random name of the file."""
    return str(connection.execute("SELECT value FROM meta WHERE name = 'uid'").fetchone()[0])


def backlog(connection: sqlite3.Connection) -> int:
    """How many mails wait."""
    return int(connection.execute(_BACKLOG).fetchone()[0])


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file itself is broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def is_want_of_space(error: Exception) -> bool:
    """Whether an error says that the file or its disk can take no more."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def prepare(path: Path, clock: Callable[[], datetime]) -> None:
    """Leaves a sound spool file at the path: the one that is there, or a fresh one in place of a damaged one.

    Raises SpoolFault if there can be none.
    """
    try:
        if path.exists() and (damage := _damage(path)):
            set_aside(path, damage, clock)
        if not path.exists():
            _create(path, clock)
    except (OSError, sqlite3.Error) as error:
        raise SpoolFault(f"spool {path} cannot be opened: {error}; check the folder and its owner") from error


def set_aside(path: Path, damage: str, clock: Callable[[], datetime]) -> None:
    """Renames a damaged file with its log, so that nothing in it is lost, and says so."""
    aside = path.with_name(f"{path.name}.damaged-{clock():%Y%m%dT%H%M%S%f}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error(
        "spool %s is damaged (%s) and set aside as %s; the mails in it await recovery, a fresh one starts",
        path, damage, aside,
    )  # fmt: skip


def envelope_text(envelope: Envelope) -> str:
    """An envelope as JSON in ASCII, which takes whatever a client may have said."""
    return json.dumps(asdict(envelope) | {"received": envelope.received.isoformat()}, separators=(",", ":"))


def envelope_from(text: str) -> Envelope:
    """The envelope that `envelope_text` wrote."""
    said = json.loads(text)
    received = datetime.fromisoformat(said["received"])
    return Envelope(said["mail_from"], tuple(said["rcpt_to"]), Client(**said["client"]), received)


def _damage(path: Path) -> str:
    try:
        with closing(connect(path, durable=True)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found == "ok":
                connection.execute(_RECOUNT)
            return "" if found == "ok" else found
    except sqlite3.Error as error:
        if is_damage(error) or "no such table" in str(error):
            return str(error)
        raise


def _create(path: Path, clock: Callable[[], datetime]) -> None:
    """Makes the file under another name first: it is at its path whole, or not at all."""
    if path.with_name(path.name + "-wal").exists():
        # A log without its file would be replayed into the new one.
        set_aside(path, "only its log is left", clock)
    fresh = path.with_name(path.name + ".new")
    for suffix in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with closing(connect(fresh, durable=True)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
