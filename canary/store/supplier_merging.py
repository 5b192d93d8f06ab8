"""One supplier's rows become another's: what a vendor passes to both is one link, and so is what was believed of both."""

from typing import Any

from sqlalchemy import Connection, case, delete, select, update
from sqlmodel import Session, col

from canary.model.case import SuspectKind
from canary.store.party_merging import PartyMove, move_party_rows
from canary.store.tables import SupplierLinkRow, SuspectHistoryRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for

_LINK, _HISTORY = (metadata.tables[str(row.__tablename__)] for row in (SupplierLinkRow, SuspectHistoryRow))


def move_supplier_rows(session: Session, move: PartyMove) -> None:
    """Let all rows of a supplier be another's, and delete the supplier; the caller holds `Lock.CASES`."""
    session.flush()
    _unite_links(session, move)
    connection = session.connection()
    slugs = select(move.party.c.id, move.party.c.slug).where(move.party.c.id.in_((move.source, move.target)))
    names: dict[int, str] = {row.id: row.slug for row in connection.execute(slugs)}
    source, target = names[move.source], names[move.target]
    _join_histories(connection, source, target)
    connection.execute(update(_LINK).where(_LINK.c.through == source).values(through=target))
    move_party_rows(connection, move)
    session.expire_all()


def _unite_links(session: Session, move: PartyMove) -> None:
    """Let what a vendor passes to both on one channel be one: what was declared holds, from the earlier time on."""
    both = select(SupplierLinkRow).where(col(SupplierLinkRow.supplier_id).in_((move.source, move.target)))
    rows: list[SupplierLinkRow] = list(session.execute(both).scalars())
    theirs = {(row.vendor_id, row.channel): row for row in rows if row.supplier_id == move.target}
    for row in (row for row in rows if row.supplier_id == move.source):
        other = theirs.get((row.vendor_id, row.channel))
        if other is None:
            continue
        if other.origin == row.origin:
            other.since = min(other.since, row.since) if other.since and row.since else None
            other.until = max(other.until, row.until) if other.until and row.until else None
        elif row.origin == "declared":
            other.since, other.until, other.origin, other.through = row.since, row.until, row.origin, ""
        other.account = other.account or row.account
        session.add(other)
    session.flush()


def _join_histories(connection: Connection, source: str, target: str) -> None:
    """Add up what was believed of both as of one time: one of the two leaked, or neither did."""
    mine: Any = (_HISTORY.c.kind == SuspectKind.SUPPLIER.value) & (_HISTORY.c.suspect == source)
    rows = [{**row, "suspect": target} for row in connection.execute(select(_HISTORY).where(mine)).mappings()]
    if not rows:
        return
    statement = insert_for(connection, _HISTORY)
    both = _HISTORY.c.p + statement.excluded.p
    keys = [column.name for column in _HISTORY.primary_key]
    changed = {"p": case((both > 1.0, 1.0), else_=both)}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)
    connection.execute(delete(_HISTORY).where(mine))
