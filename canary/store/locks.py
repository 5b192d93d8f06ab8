"""The locks of the store: what only one transaction at a time may do, by name and number."""

from enum import IntEnum

from sqlalchemy import Connection, text
from sqlmodel import Session


class Lock(IntEnum):
    """An advisory lock of PostgreSQL, held to the end of the transaction."""

    MIGRATIONS = 7203251
    """Bringing the schema to the newest version."""

    CASES = 7203252
    """Opening, joining or settling cases, and what depends on which mail and hit belongs to which campaign and case."""

    DECOYS = 7203253
    """Making decoys, or the key for them."""

    ROUTES = 7203254
    """Routing facts to destinations, so that facts of one topic find each other."""

    LOGINS = 7203255
    """Counting attempts to log in."""

    USERS = 7203256
    """Changing who has which role, so that an administrator always remains."""

    LOG = 7203258
    """Giving leaves of the log their places."""
    ADDRESSES = 7203257
    """Adding addresses: the trigger that counts them by range (`canary_range`) takes it, to the end of the transaction."""


def lock(at: Session | Connection, which: Lock) -> None:
    """Let one transaction at a time past this point; SQLite's writing transactions already exclude each other."""
    bind = at.get_bind() if isinstance(at, Session) else at
    if bind.dialect.name == "postgresql":
        at.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": which.value})
