"""The log that cannot be rewritten: leaves, the tiles of the tree over them, checkpoints, and time stamps on these."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, text
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class LogLeafRow(Row, table=True):
    """A blinded leaf; without a position it waits for its place in the tree.

    `reference` finds the leaf of a thing and `salt` opens it, both only with the key of the log, which is kept elsewhere:
    so a copy of the store does not tell which leaf is about what, nor which addresses were added later. `held` has the
    commitments to what may change later. Without its salt nobody can open a leaf any more. Leaves of padding refer to nothing.
    """

    __tablename__ = "log_leaf"
    __table_args__ = (
        Index(
            "ix_log_leaf_waiting",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    reference: int = Field(sa_type=BigInteger, index=True)
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    held: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    position: int | None = Field(default=None, sa_type=BigInteger)


class LogTileRow(Row, table=True):
    """Up to 256 hashes of the tree, side by side (`canary.evidence.tiles`)."""

    __tablename__ = "log_tile"
    height: int = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LogCheckpointRow(Row, table=True):
    """A signed state of the log; those that nobody else has are forgotten after a day."""

    __tablename__ = "log_checkpoint"
    size: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(sa_type=Time, index=True)
    note: str
    published_at: datetime | None = Field(default=None, sa_type=Time)


class LogStampRow(Row, table=True):
    """What an authority answered to the request to stamp a checkpoint, and the certificates that trust in it ends at."""

    __tablename__ = "log_stamp"
    size: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="log_checkpoint.size")
    authority: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Time)
    token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    roots: str


class EvidencePackRow(Row, table=True):
    """An evidence pack of a case that was handed out: its SHA-256, and the size and root of the log that it rests on."""

    __tablename__ = "evidence_pack"
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    at: datetime = Field(sa_type=Time)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
