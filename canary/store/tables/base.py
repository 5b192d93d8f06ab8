"""What all tables share: one metadata, how constraints are named, and how times are kept."""

import secrets

from sqlalchemy import MetaData
from sqlmodel import SQLModel, UTCDateTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
Time = UTCDateTime()
SEAL_OCTETS = 16


class Row(SQLModel):
    """What all rows share: one metadata with named constraints, so that migrations are the same everywhere."""

    metadata = metadata


def random_seal() -> bytes:
    """Return the seal of an address that is no decoy."""
    return secrets.token_bytes(SEAL_OCTETS)
