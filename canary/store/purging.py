"""Purging: of what was deleted or replaced in the store, nothing stays behind in its indexes or in its free pages.

SQLite writes a mark into a full-text table for every word that is gone, and drops the word when the parts of the table
are merged. PostgreSQL never drops a word from such an index, so that the index is built again.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from canary.store.database import Database

FULL_TEXT = ("words_mail", "words_head", "words_vendor", "words_supplier", "words_canary", "words_sender")
"""Full-text tables of SQLite; on PostgreSQL these are indexes, without `words_head`."""

_PAGES = 500
"""So many pages of an index are merged in one transaction, which takes some tenths of a second."""

_MAIL = ("words_mail", "words_head")
_LOCK_WAIT = "60s"


def purge_mail_index(store: Database) -> int:
    """Drop the words of mails that are gone from the index of the search; return how many steps it took.

    What this deletes of SQLite's file is overwritten by `secure_delete`, and the log beside the file is emptied.
    """
    if store.sqlite:
        steps = sum(1 for name in _MAIL for _ in _merge(store, name))
        with _unbound(store) as connection:
            _empty_log(connection)
        return steps
    return _run_alone(store, ["VACUUM mail", "VACUUM mail_content", "REINDEX INDEX CONCURRENTLY words_mail"])


def purge_everything(store: Database, tables: Iterable[str]) -> int:
    """Leave nothing of what was deleted or replaced in some tables in any page of the store; return how many steps it took.

    Writers wait for it: SQLite's file, or each of these tables of PostgreSQL, is written again with its indexes.
    Raises TimeoutError while somebody reads from the log of SQLite all the time.
    """
    if not store.sqlite:
        return _run_alone(store, [f"VACUUM FULL {name}" for name in sorted(tables)])
    steps = sum(1 for name in FULL_TEXT for _ in _merge(store, name))
    with _unbound(store) as connection:
        connection.exec_driver_sql("VACUUM")
        if not _empty_log(connection):
            raise TimeoutError(
                f"{store.url.database}-wal: a reader holds it, and old pages are in it; do it again later"
            )
    return steps + 1


def _merge(store: Database, name: str) -> Iterator[int]:
    """Merge all parts of a full-text table into one, in short transactions."""
    pages, changed = -_PAGES, 2  # below zero: parts of all sizes, not only those that are many (fts5.html section 6.7)
    while changed >= 2:
        with store.writing() as session:
            connection = session.connection()
            before = _changes(connection)
            connection.execute(text(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', :pages)"), {"pages": pages})  # noqa: S608 - a name of ours
            changed = _changes(connection) - before
        pages = _PAGES
        yield changed


def _changes(connection: Connection) -> int:
    return int(connection.execute(text("SELECT total_changes()")).scalar_one())


def _unbound(store: Database) -> Connection:
    """Open a connection outside of any transaction."""
    connection = store.engine.connect()
    connection.exec_driver_sql("COMMIT")
    return connection


def _empty_log(connection: Connection) -> bool:
    busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy


def _run_alone(store: Database, statements: list[str]) -> int:
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_WAIT}'")
        try:
            for statement in statements:
                connection.exec_driver_sql(statement)
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
    return len(statements)
