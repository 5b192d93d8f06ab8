"""Whether something was committed to a database of PostgreSQL, by its notifications, so that a process at rest asks nothing.

A process that has written says so after the commit (`notify`): within it, all who commit would wait for each other.
"""

import threading
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canary.store.commit_watch import CommitWatch
from canary.store.engine import file_of, is_sqlite

CHANNEL = "canary_commit"
ALL_THE_SAME = 5.0
"""After so many seconds a look says yes whatever was heard: one that died after its commit has not said so."""

_PROBE, _PROBE_SECONDS = "probe", 2.0
_PART, _AGAIN = 0.5, 2.0


def notify(engine: Engine) -> None:
    """Say that something was committed; that it cannot be said costs the others `ALL_THE_SAME` seconds."""
    with suppress(SQLAlchemyError), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"NOTIFY {CHANNEL}")


def watch_for(engine: Engine) -> "CommitWatch | NotifyWatch":
    """Return the watch for the store behind an engine."""
    return CommitWatch(file_of(engine.url)) if is_sqlite(engine.url) else NotifyWatch(engine)


class NotifyWatch:
    """Listens in a thread of its own, so that a look never waits.

    While nothing can be heard - the server is away, or a pooler lends a connection to others between two transactions -
    every look says yes.
    """

    def __init__(self, engine: Engine) -> None:
        """Connect to nothing before the first look."""
        self._engine = engine
        self._news, self._hears, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._said = float("-inf")
        self._thread: threading.Thread | None = None

    def changed(self) -> bool:
        """Look; True also at the first look and while nothing can be heard. One thread at a time may look."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="listen", daemon=True)
            self._thread.start()
        now = time.monotonic()
        if not (self._news.is_set() or not self._hears.is_set() or now - self._said >= ALL_THE_SAME):
            return False
        self._news.clear()
        self._said = now
        return True

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PROBE_SECONDS + _PART)

    def _listen(self) -> None:
        while not self._stop.is_set():
            # Whatever the driver raises: looks say yes, and it is tried again.
            with suppress(Exception), self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    self._hear(connection.connection.dbapi_connection)
                finally:
                    connection.invalidate()  # it still listens, and nobody else shall get it
            self._hears.clear()
            self._stop.wait(_AGAIN)

    def _hear(self, connection: Any) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        connection.execute(f"NOTIFY {CHANNEL}, '{_PROBE}'")
        if not any(note.payload == _PROBE for note in connection.notifies(timeout=_PROBE_SECONDS, stop_after=1)):
            return
        self._news.set()
        self._hears.set()
        while not self._stop.is_set():
            for note in connection.notifies(timeout=_PART):
                if note.payload != _PROBE:
                    self._news.set()
