"""The engine behind the URL of a store: all that it takes to reach it, without sessions and tables."""

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from canary.store.identity import Guard, StoreUnusable, guard_file, guard_server

# Classes of SQLSTATE: connections, rolled back in favour of another, resources, locks, an operator's act, the system.
_DOWN_CLASSES = ("08", "40", "53", "55", "57", "58")
_READ_ONLY, _CANCELED = "25006", "57014"
_DOWN_CODES = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
    # Damage is no fault of the mail that met it: the store has to be mended first.
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
})  # fmt: skip

_IDLE_SECONDS = 900
"""So long at most the locks of a process stay that was cut off in the middle of a transaction."""

_LIVENESS = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that fell silent, as after a failover, is given up in half a minute; nothing is said of Unix sockets."""


def is_sqlite(url: URL) -> bool:
    """Whether a store is a file of SQLite."""
    return url.get_backend_name() == "sqlite"


def file_of(url: URL) -> Path | None:
    """Return the file that holds a store, where it is one of SQLite."""
    return Path(url.database) if is_sqlite(url) and url.database else None


def engine_for(
    url: URL, *, busy_seconds: float, guard: Guard | None = None, statement_seconds: float | None = None
) -> Engine:
    """Return the engine of a store: SQLite (WAL, synchronous FULL) or PostgreSQL; it has connected to nothing yet.

    With a guard it never makes a file, and uses no store that the guard refuses by StoreUnusable. PostgreSQL ends a
    statement that takes longer than `statement_seconds`.
    """
    if is_sqlite(url):
        engine = create_engine(url, connect_args={"timeout": busy_seconds})
        if guard and (file := file_of(url)):
            guard_file(engine, file, guard)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine
    # Days are grouped by what the server takes for a day.
    options = ["timezone=UTC", f"idle_in_transaction_session_timeout={_IDLE_SECONDS * 1000}"]
    if statement_seconds:
        options.append(f"statement_timeout={int(statement_seconds * 1000)}")
    arguments = {
        "connect_timeout": int(busy_seconds),
        "options": " ".join(f"-c {option}" for option in options),
        **_LIVENESS,
    }
    engine = create_engine(url, connect_args=arguments, pool_pre_ping=True)
    if guard:
        guard_server(engine, guard)
    return engine


def is_down(fault: Exception) -> bool:
    """Whether a fault means that the store cannot be used for the moment, so that waiting is the cure.

    What the database refuses because of what it was given is not: it would refuse the same tomorrow.
    """
    if not isinstance(fault, DBAPIError):
        return isinstance(fault, StoreUnusable)
    if fault.connection_invalidated:
        return True
    state: str | None = getattr(fault.orig, "sqlstate", None)
    code: int | None = getattr(fault.orig, "sqlite_errorcode", None)
    if state is not None:
        return state == _READ_ONLY or (state.startswith(_DOWN_CLASSES) and state != _CANCELED)
    if code is not None:
        return code & 0xFF in _DOWN_CODES
    return isinstance(fault, OperationalError)


def is_overlong(fault: Exception) -> bool:
    """Whether PostgreSQL ended a statement, as it took longer than it may."""
    return isinstance(fault, DBAPIError) and getattr(fault.orig, "sqlstate", None) == _CANCELED


def _set_pragmas(connection: object, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
    # Some builds leave what was deleted in the file, where anybody who has it could read that.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _begin(connection: object) -> None:
    # A transaction that will write takes the lock at once: SQLite refuses to upgrade a reader whose snapshot is old.
    options = connection.get_execution_options()  # type: ignore[attr-defined]
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")  # type: ignore[attr-defined]
