"""A look for damage in the store, no longer than some seconds."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import select, text

from canary.store.database import Database
from canary.store.engine import file_of
from canary.store.tables.base import metadata

LOOK_SECONDS = 20.0
_STEPS = 10_000
"""So many steps of SQLite between two looks at the clock."""


def check_store(store: Database, seconds: float = LOOK_SECONDS) -> str:
    """Return what was looked at; raises OSError for a damaged file, StoreUnusable, and errors of the database."""
    with store.reading() as session:
        session.execute(text("SELECT count(*) FROM alembic_version"))
        if (file := file_of(store.url)) is None:
            session.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
            for table in metadata.sorted_tables:
                session.execute(select(table).limit(1)).all()
            return f"answers, with all {len(metadata.tables)} tables"
    return _check_file(file, seconds)


def _check_file(file: Path, seconds: float) -> str:
    end = time.monotonic() + seconds
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=seconds)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchall()[0][0])
        except sqlite3.DatabaseError as fault:
            found = str(fault)
    if time.monotonic() > end:
        return f"answers; a look for damage was ended after {seconds:.0f} seconds, and found none"
    if found == "ok":
        return "answers, and its file is sound"
    line = " ".join(found.split())[:200]
    raise OSError(f"{file} is damaged ({line}): stop Canary, move it away, and restore a backup with `canary restore`")
