"""One party's rows become another's, or go with it: every table that names a vendor or a supplier is gone through.

Of rows that may be there only once the other party's stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, delete, select, update
from sqlmodel import Session

from canary.store.tables import SupplierRow, VendorRow
from canary.store.tables.base import metadata

VENDOR, SUPPLIER = (metadata.tables[str(row.__tablename__)] for row in (VendorRow, SupplierRow))


@dataclass(frozen=True, slots=True)
class PartyMove:
    """The table of the parties, the party whose rows move, and the one to which they go, by number."""

    party: Table
    source: int
    target: int


def move_party_rows(connection: Connection, move: PartyMove) -> None:
    """Let all rows that name a party name the other one, and delete the party."""
    for table, column in _naming(move.party):
        _move(connection, table, column, move)
    connection.execute(delete(move.party).where(move.party.c.id == move.source))


def delete_party_rows(session: Session, party: Table, number: int) -> None:
    """Delete a party to which no address was issued, with all that names it; the caller holds `Lock.CASES`."""
    session.flush()
    connection = session.connection()
    for table, column in _naming(party):
        connection.execute(delete(table).where(column == number))
    connection.execute(delete(party).where(party.c.id == number))
    session.expire_all()


def _naming(party: Table) -> Iterator[tuple[Table, Column[Any]]]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if any(key.column is party.c.id for key in column.foreign_keys):
                yield table, column


def _move(connection: Connection, table: Table, column: Column[Any], move: PartyMove) -> None:
    """Move rows; one whose like the other party has is deleted."""
    for names in _unique(table, column):
        there = table.alias()
        same = [there.c[name] == table.c[name] for name in names if name != column.name]
        like = select(there.c[column.name]).where(there.c[column.name] == move.target, *same)
        connection.execute(delete(table).where(column == move.source, like.exists()))
    connection.execute(update(table).where(column == move.source).values({column.name: move.target}))


def _unique(table: Table, column: Column[Any]) -> Iterator[list[str]]:
    """Yield the sets of columns, with this one, that no two rows have alike."""
    if column.primary_key:
        yield [each.name for each in table.primary_key]
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and column.name in constraint.columns:
            yield [each.name for each in constraint.columns]
