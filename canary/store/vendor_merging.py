"""One vendor's rows become another's: every table that names a vendor is gone through, so that none is forgotten.

Counts are added up, senders of both become one, and of rows that may be there only once the other vendor's stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, case, delete, func, select, update
from sqlmodel import Session, col

from canary.model.sender import SenderState
from canary.store.tables import (
    MoveRow,
    SenderRow,
    VendorCountRow,
    VendorOutsiderRow,
    VendorRow,
    VendorWeekRow,
)
from canary.store.tables.base import metadata
from canary.store.tables.canary import count_canary_change
from canary.store.upsert import insert_for

_VENDOR = metadata.tables[str(VendorRow.__tablename__)]
_COUNTED = tuple(metadata.tables[str(row.__tablename__)] for row in (VendorCountRow, VendorWeekRow, VendorOutsiderRow))
_LATER = ("last_at", "last_outside")
_EARLIER = ("first_outside",)


@dataclass(frozen=True, slots=True)
class VendorMove:
    """The vendor whose rows move, and the one to which they go, by number."""

    source: int
    target: int


def move_vendor_rows(session: Session, move: VendorMove) -> None:
    """Let all rows of a vendor be another's, and delete the vendor; the caller holds `Lock.CASES`."""
    session.flush()
    _unite_senders(session, move)
    _move_in_decisions(session, move)
    connection = session.connection()
    for table in _COUNTED:
        _add_counts(connection, table, move)
    for table, column in _naming_vendors():
        _move(connection, table, column, move)
    count_canary_change(connection)
    _count_outsiders(connection, move)
    connection.execute(delete(_VENDOR).where(_VENDOR.c.id == move.source))
    session.expire_all()


def delete_vendor_rows(session: Session, vendor: int) -> None:
    """Delete a vendor to which no address was issued, with all that names it; the caller holds `Lock.CASES`."""
    session.flush()
    connection = session.connection()
    for table, column in _naming_vendors():
        connection.execute(delete(table).where(column == vendor))
    connection.execute(delete(_VENDOR).where(_VENDOR.c.id == vendor))
    session.expire_all()


def _naming_vendors() -> Iterator[tuple[Table, Column[Any]]]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if any(key.column is _VENDOR.c.id for key in column.foreign_keys):
                yield table, column


def _move(connection: Connection, table: Table, column: Column[Any], move: VendorMove) -> None:
    """Move rows; one whose like the other vendor has is deleted."""
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


def _add_counts(connection: Connection, table: Table, move: VendorMove) -> None:
    rows = [dict(row) for row in connection.execute(select(table).where(table.c.vendor_id == move.source)).mappings()]
    if not rows:
        return
    statement = insert_for(connection, table)
    keys = [column.name for column in table.primary_key]
    sums = {name: _sum(table.c[name], statement.excluded[name]) for name in rows[0] if name not in keys}
    moved = [{**row, "vendor_id": move.target} for row in rows]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), moved)
    connection.execute(delete(table).where(table.c.vendor_id == move.source))


def _sum(mine: Column[Any], other: Any) -> Any:
    if mine.name in _LATER:
        return case((other > mine, other), else_=mine)
    if mine.name in _EARLIER:
        return case((mine.is_(None), other), (other < mine, other), else_=mine)
    return mine + other


def _count_outsiders(connection: Connection, move: VendorMove) -> None:
    """Count again how many parties wrote: those who wrote to both are one each."""
    counts, outsiders = _COUNTED[0], _COUNTED[2]
    number = select(func.count()).select_from(outsiders).where(outsiders.c.vendor_id == move.target).scalar_subquery()
    connection.execute(update(counts).where(counts.c.vendor_id == move.target).values(outsiders=number))


def _unite_senders(session: Session, move: VendorMove) -> None:
    """Let a sender that both know be one: what was decided holds, and where both were, what was of the other vendor."""
    both = select(SenderRow).where(col(SenderRow.vendor_id).in_((move.source, move.target)))
    rows = session.execute(both).scalars().all()
    theirs = {row.key: row for row in rows if row.vendor_id == move.target}
    for row in (row for row in rows if row.vendor_id == move.source):
        other = theirs.get(row.key)
        if other is None:
            continue
        if other.state == SenderState.PENDING:
            other.state, other.decided_at, other.decided_by, other.before = (
                row.state,
                row.decided_at,
                row.decided_by,
                row.before,
            )
        other.count += row.count
        other.first_at = min(filter(None, (other.first_at, row.first_at)), default=None)
        other.last_at = max(filter(None, (other.last_at, row.last_at)), default=None)
        session.add(other)
    session.flush()


def _move_in_decisions(session: Session, move: VendorMove) -> None:
    """Let moves of cases that can be taken back name the other vendor."""
    for row in session.execute(select(MoveRow)).scalars():
        kept = {name: row.moved[name] for name in ("from", "to", "after") if row.moved.get(name)}
        named = {name: v | {"vendor_id": move.target} for name, v in kept.items() if v.get("vendor_id") == move.source}
        if named:
            row.moved = {**row.moved, **named}
            session.add(row)
    session.flush()
