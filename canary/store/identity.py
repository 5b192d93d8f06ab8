"""Which installation a store belongs to and how old it is: each connection is asked before it is used, by plain SQL."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import DisconnectionError

MIGRATIONS = Path(__file__).parent / "migrations"
INSTALLATION = "installation"
"""The row of `key_fingerprint` with the id of the installation."""

_VERSION = "SELECT version_num FROM alembic_version"
_ID = f"SELECT fingerprint FROM key_fingerprint WHERE name = '{INSTALLATION}'"  # noqa: S608 - a name of ours


class StoreUnusable(OSError):
    """A store that must not be used, at least for the moment; the text is one line with the cure."""


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """What a store says of itself: the version of its schema, and the id of its installation; empty where it has none."""

    version: str = ""
    installation: str = ""


NO_STORE = StoreIdentity()

Guard = Callable[[StoreIdentity], None]
"""Raises StoreUnusable for a store that must not be used; `NO_STORE` is one that is not there, or has no tables."""


def newest_version() -> str:
    """Return the version that the migrations lead to; their files are named by it, in order."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def read_identity(connection: Any, *, sqlite: bool) -> StoreIdentity:
    """Ask a connection of the driver, SQLite's or PostgreSQL's; raises its errors."""
    has = "SELECT count(*) FROM sqlite_master WHERE name = '{}'" if sqlite else "SELECT to_regclass('{}') IS NOT NULL"

    def one(query: str, table: str) -> str:
        there = connection.execute(has.format(table)).fetchall()[0][0]
        rows = connection.execute(query).fetchall() if there else ()
        return str(rows[0][0]) if rows else ""

    return StoreIdentity(one(_VERSION, "alembic_version"), one(_ID, "key_fingerprint"))


def guard_file(engine: Engine, file: Path, guard: Guard) -> None:
    """Let a guard see every connection to a file of SQLite, never make the file, and follow one that takes its place."""

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, record: Any, _: Any, options: Any) -> Any:
        if not file.exists():
            guard(NO_STORE)
            raise StoreUnusable(f"store: {file} is not there yet: `canary init` or `canary up` makes it")
        record.info["inode"] = _inode(file)
        connection = dialect.loaded_dbapi.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, **options)
        return _admitted(connection, guard, sqlite=True)

    @event.listens_for(engine, "checkout")
    def _follow(_: Any, record: Any, __: Any) -> None:
        # What is written into a file that was removed or replaced is lost.
        if record.info.get("inode") != _inode(file):
            raise DisconnectionError(f"{file} is not the file that was opened")


def guard_server(engine: Engine, guard: Guard) -> None:
    """Let a guard see every connection to a database of PostgreSQL."""

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _: Any, arguments: Any, options: Any) -> Any:
        return _admitted(dialect.connect(*arguments, **options), guard, sqlite=False)


def _admitted(connection: Any, guard: Guard, *, sqlite: bool) -> Any:
    try:
        guard(read_identity(connection, sqlite=sqlite))
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError:
        return 0


def place_of(url: URL, file: Path | None) -> str:
    """Return where a store is, in words that show no password."""
    return str(file) if file else f"the database {url.database or ''} of store.url".replace("  ", " ")
