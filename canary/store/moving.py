"""Moving a store into another, of the same kind or not: table by table, in steps of one transaction each.

A move that was stopped is begun again: tables are in the order of their references, and rows in the order of their keys,
so that what is there already says how far it got. What makes two stores equal is a digest of all rows of a table.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Integer, RowMapping, Table, Text, bindparam, cast, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import Insert
from sqlmodel import Session

from canary.store.database import Database
from canary.store.tables import LeaseRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for

STEP = 500
"""So many rows are written in one transaction; fewer where they are large."""

STEP_OCTETS = 16 * 1024 * 1024
_MARK = "move"
_LEASES = metadata.tables[str(LeaseRow.__tablename__)]
TABLES = tuple(table for table in metadata.sorted_tables if table is not _LEASES)
"""What is moved: all but the leases of running processes."""


@dataclass(frozen=True, slots=True)
class TableDigest:
    """How many rows a table has, and a digest of them all that does not depend on their order."""

    rows: int
    digest: str


def move_store(
    source: Database, target: Database, name: str, now: datetime, after_step: Callable[[str], object]
) -> None:
    """Copy what is not in the target yet; `name` says of which store it is, `after_step` is called with each table.

    Raises ValueError for a target that has something else.
    """
    _mark(target, name, now)
    for table in TABLES:
        for rows in _batches(source, table, _reached(target, table)):
            with target.writing() as session:
                session.execute(_insertion(session, table), rows)
            after_step(table.name)
        if not target.sqlite:
            _set_sequence(target, table)


def end_move(target: Database) -> None:
    """Let the target be a store like any other."""
    with target.writing() as session:
        session.execute(_LEASES.delete().where(_LEASES.c.name == _MARK))


def digests(store: Database) -> dict[str, TableDigest]:
    """Return what each table has."""
    return {table.name: _digest(store, table) for table in TABLES}


def _mark(target: Database, name: str, now: datetime) -> None:
    """Note in the target whose copy it becomes, so that it is not mistaken for a store that is used."""
    with target.writing() as session:
        row = session.get(LeaseRow, _MARK)
        if row is None and any(_has_rows(session, table) for table in TABLES):
            raise ValueError("target: has a store in use; name an empty database, or a file that is not there yet")
        if row is not None and row.holder != name:
            raise ValueError("target: another store is being moved there; name an empty database, or another file")
        session.merge(LeaseRow(name=_MARK, holder=name, until=now))


def _has_rows(session: Session, table: Table) -> bool:
    return session.execute(select(*table.primary_key).limit(1)).first() is not None


def _reached(target: Database, table: Table) -> int | None:
    """Return the last row of a table that is numbered; others are all written again, which changes nothing."""
    key = list(table.primary_key)
    if len(key) > 1 or not isinstance(key[0].type, Integer):
        return None
    with target.reading() as session:
        return session.execute(select(func.max(key[0]))).scalar()


def _batches(store: Database, table: Table, after: int | None) -> Iterator[list[dict[str, Any]]]:
    key = list(table.primary_key)
    # As it is written: an absent value and a null of JSON are not the same.
    columns = [cast(column, Text).label(column.name) if _is_json(column) else column for column in table.columns]
    query, last = select(*columns).order_by(*key).limit(STEP), [after] if after is not None else None
    while True:
        with store.reading() as session:
            result = session.execute(query if last is None else query.where(tuple_(*key) > tuple_(*last))).mappings()
            batch = list(_bounded(table, result))
        if not batch:
            return
        yield batch
        last = [batch[-1][column.name] for column in key]


def _bounded(table: Table, rows: Iterable[RowMapping]) -> Iterator[dict[str, Any]]:
    octets = 0
    for row in rows:
        yield {column.name: _value(column, row[column.name]) for column in table.columns}
        octets += len(row.get("content") or b"")
        if octets > STEP_OCTETS:
            return


def _value(column: Column[Any], stored: Any) -> Any:
    if not _is_json(column) or stored is None:
        return stored
    return JSON.NULL if stored == "null" else json.loads(stored)


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _insertion(session: Session, table: Table) -> Insert:
    kinds = {column.name: JSON(none_as_null=True) if _is_json(column) else column.type for column in table.columns}
    values = {name: bindparam(name, type_=kind) for name, kind in kinds.items()}
    return insert_for(session, table).values(values).on_conflict_do_nothing()


def _set_sequence(target: Database, table: Table) -> None:
    """Let PostgreSQL number further rows after those that were copied."""
    key = next(iter(table.primary_key))
    if len(table.primary_key) > 1 or not key.autoincrement or not isinstance(key.type, Integer):
        return
    with target.writing() as session:
        sequence = session.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": key.name}
        ).scalar()
        if sequence:
            highest = session.execute(select(func.max(key))).scalar() or 0
            session.execute(select(func.setval(sequence, max(highest, 1), highest > 0)))


def _digest(store: Database, table: Table) -> TableDigest:
    rows, total = 0, 0
    for batch in _batches(store, table, None):
        rows += len(batch)
        total += sum(int.from_bytes(hashlib.sha256(_canonical(row)).digest()) for row in batch)
    return TableDigest(rows, f"{total % 2**256:064x}")


def _canonical(row: Mapping[str, Any]) -> bytes:
    """Return a row as octets that are the same whichever database it is read from."""
    return json.dumps([[name, _plain(row[name])] for name in sorted(row)], sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    if value is JSON.NULL:
        return "a null of JSON"
    return value.isoformat() if isinstance(value, date) else value


def differing(first: Mapping[str, TableDigest], second: Mapping[str, TableDigest]) -> Sequence[str]:
    """Return the tables that are not the same in two stores."""
    return [name for name in first if first[name] != second[name]]
