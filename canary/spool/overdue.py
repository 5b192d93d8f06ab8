"""Since when mail waits in a spool for a worker, read beside those that use it."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from canary.spool.envelope import envelope_from
from canary.spool.spool_file import SpoolFault, connect

_OLDEST = """
    SELECT due, cast(envelope AS BLOB) FROM mail LEFT JOIN postponed ON postponed.mail_id = mail.id
    WHERE due IS NULL OR due <= ? ORDER BY mail.id LIMIT 1
"""


def due_since(path: Path, now: datetime) -> datetime | None:
    """Return since when the oldest mail of a spool is due, or None if none is; raises SpoolFault."""
    try:
        with closing(connect(path, durable=False)) as file:
            row = file.execute(_OLDEST, (now.timestamp(),)).fetchone()
    except (sqlite3.Error, OSError) as error:
        raise SpoolFault(f"spool {path} cannot be used: {error}") from error
    if row is None:
        return None
    try:
        return datetime.fromtimestamp(row[0], UTC) if row[0] is not None else envelope_from(row[1]).received
    except (ValueError, LookupError, TypeError, OverflowError):
        return now  # its envelope is damaged: the worker will put it off
