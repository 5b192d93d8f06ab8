"""Rows that may exist already: INSERT ... ON CONFLICT in the dialect of the store."""

from typing import Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from canary.store.tables.base import Row


def insert_for(at: Session | Connection, into: Table | type[Row]) -> postgresql.Insert:
    """Return an INSERT with ON CONFLICT; SQLite's takes the same arguments as PostgreSQL's."""
    bind = at.get_bind() if isinstance(at, Session) else at
    made = (postgresql if bind.dialect.name == "postgresql" else sqlite).insert(into)
    return cast("postgresql.Insert", made)


def sums(statement: postgresql.Insert, *columns: str) -> dict[str, Any]:
    """Return the SET of an upsert that adds new values of some columns to those of the row."""
    table = statement.table
    return {name: table.c[name] + statement.excluded[name] for name in columns}
