"""Engine, transactions and migrations: the only way to the store."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from canary.store.decoy_mac import NO_DECOYS, SESSION_KEY, DecoyMac
from canary.store.locks import Lock, lock

MIGRATIONS = Path(__file__).parent / "migrations"
_ENDING = "canary.ending"


class Database:
    """The store behind a URL: SQLite (WAL, synchronous FULL) or PostgreSQL; opening it connects to nothing."""

    def __init__(
        self,
        url: str,
        *,
        busy_seconds: float = 10,
        decoy_mac: DecoyMac = NO_DECOYS,
        carried: Mapping[str, object] | None = None,
    ) -> None:
        """Prepare the engine for a URL such as `sqlite:///data/canary.db` or `postgresql+psycopg://...`.

        `decoy_mac` tells decoys from issued addresses in all that is read through here. `carried` is passed on in the
        `info` of every session, for code that knows its keys.
        """
        self.url = make_url(url)
        self._info = {**(carried or {}), SESSION_KEY: decoy_mac}
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._writers, self._patience = threading.Lock(), busy_seconds
        arguments = (
            {"timeout": busy_seconds}
            if self.sqlite
            else {
                "connect_timeout": int(busy_seconds),
                "options": "-c timezone=UTC",  # days are grouped by the time zone of the server
            }
        )
        self.engine: Engine = create_engine(self.url, connect_args=arguments, pool_pre_ping=not self.sqlite)
        if self.sqlite:
            event.listen(self.engine, "connect", _set_pragmas)
            event.listen(self.engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for reading: one snapshot, rolled back at the end."""
        with Session(self.engine, expire_on_commit=False, info=self._info) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that commits as a whole or leaves nothing behind."""
        options = {"writing": True}
        engine = self.engine.execution_options(**options)
        with self._turn(), Session(engine, expire_on_commit=False, info=self._info) as session, session.begin():
            yield session
            for act in session.info.get(_ENDING, {}).values():
                act(session)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the writers of this process pass one by one.

        A thread that waits for SQLite tries again ever more rarely, so that one that writes seldom would hardly ever
        get its turn beside one that writes all the time. After waiting too long it tries all the same, and gets
        SQLite's error.
        """
        mine = self.sqlite and self._writers.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if mine:
                self._writers.release()

    def migrate(self) -> None:
        """Bring the schema to the newest version; processes that start together take turns."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.execution_options(writing=True).begin() as connection:
            lock(connection, Lock.MIGRATIONS)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def at_end(session: Session, name: str, act: Callable[[Session], None]) -> None:
    """Do something at the end of a writing transaction, once for each name, just before it commits."""
    session.info.setdefault(_ENDING, {}).setdefault(name, act)


def is_down(fault: Exception) -> bool:
    """Whether a fault means that the store cannot be used for the moment, so that waiting is the cure."""
    return isinstance(fault, OperationalError) or (isinstance(fault, DBAPIError) and fault.connection_invalidated)


def _set_pragmas(connection: object, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _begin(connection: object) -> None:
    # A transaction that will write takes the lock at once: SQLite refuses to upgrade a reader whose snapshot is old.
    options = connection.get_execution_options()  # type: ignore[attr-defined]
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")  # type: ignore[attr-defined]
