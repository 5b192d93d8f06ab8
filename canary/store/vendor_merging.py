"""One vendor's rows become another's: counts are added up, and senders of both become one."""

from typing import Any

from sqlalchemy import Column, Connection, Table, case, delete, func, select, update
from sqlmodel import Session, col

from canary.model.sender import SenderState
from canary.store.party_merging import PartyMove, move_party_rows
from canary.store.tables import (
    MoveRow,
    SenderRow,
    VendorCountRow,
    VendorOutsiderRow,
    VendorWeekRow,
)
from canary.store.tables.base import metadata
from canary.store.tables.canary import count_canary_change
from canary.store.upsert import insert_for

_COUNTED = tuple(metadata.tables[str(row.__tablename__)] for row in (VendorCountRow, VendorWeekRow, VendorOutsiderRow))
_LATER = ("last_at", "last_outside")
_EARLIER = ("first_outside",)


def move_vendor_rows(session: Session, move: PartyMove) -> None:
    """Let all rows of a vendor be another's, and delete the vendor; the caller holds `Lock.CASES`."""
    session.flush()
    _unite_senders(session, move)
    _move_in_decisions(session, move)
    connection = session.connection()
    for table in _COUNTED:
        _add_counts(connection, table, move)
    move_party_rows(connection, move)
    count_canary_change(connection)
    _count_outsiders(connection, move)
    session.expire_all()


def _add_counts(connection: Connection, table: Table, move: PartyMove) -> None:
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


def _count_outsiders(connection: Connection, move: PartyMove) -> None:
    """Count again how many parties wrote: those who wrote to both are one each."""
    counts, outsiders = _COUNTED[0], _COUNTED[2]
    number = select(func.count()).select_from(outsiders).where(outsiders.c.vendor_id == move.target).scalar_subquery()
    connection.execute(update(counts).where(counts.c.vendor_id == move.target).values(outsiders=number))


def _unite_senders(session: Session, move: PartyMove) -> None:
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


def _move_in_decisions(session: Session, move: PartyMove) -> None:
    """Let moves of cases that can be taken back name the other vendor."""
    for row in session.execute(select(MoveRow)).scalars():
        kept = {name: row.moved[name] for name in ("from", "to", "after") if row.moved.get(name)}
        named = {name: v | {"vendor_id": move.target} for name, v in kept.items() if v.get("vendor_id") == move.source}
        if named:
            row.moved = {**row.moved, **named}
            session.add(row)
    session.flush()
