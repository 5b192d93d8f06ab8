"""What runs where."""

from datetime import datetime

from sqlmodel import Field

from canary.store.tables.base import Row, Time


class NodeRoleRow(Row, table=True):
    """A role in a data folder of a machine, as it was last heard of; `backlog` is none for a role without a spool."""

    __tablename__ = "node_role"
    machine: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    version: str
    since: datetime = Field(sa_type=Time)
    seen: datetime = Field(sa_type=Time)
    backlog: int | None = None
