"""Which roles run on which machines, by their own reports."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from canary.model.node import NodeRole
from canary.store.tables import NodeRoleRow

FORGOTTEN = timedelta(days=7)
"""A role that was not heard of for so long is no longer listed: its machine is gone, or has another name."""


def report(session: Session, roles: Iterable[NodeRole], now: datetime) -> None:
    """Keep what was heard of roles, and forget those that have long been silent."""
    for role in roles:
        session.merge(NodeRoleRow(**asdict(role)))
    session.execute(delete(NodeRoleRow).where(col(NodeRoleRow.seen) < now - FORGOTTEN))


def list_roles(session: Session) -> tuple[NodeRole, ...]:
    """Return all roles by machine, folder and name."""
    order = (col(NodeRoleRow.machine), col(NodeRoleRow.folder), col(NodeRoleRow.role))
    return tuple(NodeRole(**row.model_dump()) for row in session.exec(select(NodeRoleRow).order_by(*order)))
