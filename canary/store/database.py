"""Engine, transactions and migrations: the only way to the store."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlmodel import Session

from canary.store.commit_watch import CommitWatch
from canary.store.decoy_mac import NO_DECOYS, SESSION_KEY, DecoyMac
from canary.store.engine import engine_for, file_of, is_down, is_overlong, is_sqlite
from canary.store.identity import MIGRATIONS, NO_STORE, Guard, newest_version
from canary.store.locks import Lock, lock
from canary.store.notify_watch import NotifyWatch, notify, watch_for

__all__ = ["MIGRATIONS", "Database", "at_end", "is_down", "is_overlong", "newest_version"]

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
        guard: Guard | None = None,
        statement_seconds: float | None = None,
    ) -> None:
        """Prepare the engine for a URL such as `sqlite:///data/canary.db` or `postgresql+psycopg://...`.

        `decoy_mac` tells decoys from issued addresses in all that is read through here. `carried` is passed on in the
        `info` of every session, for code that knows its keys. No store is used that the `guard` refuses. PostgreSQL ends
        a statement that takes longer than `statement_seconds`.
        """
        self.url = make_url(url)
        self._info = {**(carried or {}), SESSION_KEY: decoy_mac}
        self.sqlite = is_sqlite(self.url)
        self._writers, self._patience = threading.Lock(), busy_seconds
        self.engine = engine_for(self.url, busy_seconds=busy_seconds, guard=guard, statement_seconds=statement_seconds)
        self._guard = guard

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
            wrote = not self.sqlite and self._has_written(session)
        if wrote:
            notify(self.engine)

    @staticmethod
    def _has_written(session: Session) -> bool:
        """Whether a transaction of PostgreSQL will leave anything behind."""
        session.flush()
        return bool(session.execute(text("SELECT txid_current_if_assigned() IS NOT NULL")).scalar_one())

    @contextmanager
    def rehearsing(self) -> Iterator[Session]:
        """Open a transaction that leaves nothing behind, whatever is written in it."""
        engine = self.engine.execution_options(writing=True)
        with self._turn(), Session(engine, expire_on_commit=False, info=self._info) as session:
            yield session  # closing it rolls back

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
        if self._guard and (file := file_of(self.url)) and not file.exists():
            self._guard(NO_STORE)
            file.touch(0o600)
        with self.engine.connect() as connection:
            if _schema_version(connection) == newest_version():
                return
        # Imported only here: it is large, and hardly ever needed.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.execution_options(writing=True).begin() as connection:
            lock(connection, Lock.MIGRATIONS)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def watch(self) -> CommitWatch | NotifyWatch:
        """Return a watch that says whether anything was committed, in place of queries again and again."""
        return watch_for(self.engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def at_end(session: Session, name: str, act: Callable[[Session], None]) -> None:
    """Do something at the end of a writing transaction, once for each name, just before it commits."""
    session.info.setdefault(_ENDING, {}).setdefault(name, act)
