"""What all tables share: one metadata, how constraints are named, and how times are kept."""

import secrets

from sqlalchemy import BigInteger, Integer, MetaData
from sqlmodel import SQLModel, UTCDateTime

from canary.model.address import Draw

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
Time = UTCDateTime()
CanaryKey = BigInteger().with_variant(
    Integer, "sqlite"
)  # on SQLite only an INTEGER key is the order of rows in the file
HIGHEST_CANARY = 2**53 - 1
"""The largest whole number that JavaScript has exactly: the number of a canary is in URLs and in JSON."""

MAC_OCTETS = 16


class Row(SQLModel):
    """What all rows share: one metadata with named constraints, so that migrations are the same everywhere."""

    metadata = metadata


def draw_canary_id(draw: Draw) -> int:
    """Return the number of a new canary: numbers in sequence would show which decoys were added later."""
    return 1 + draw(HIGHEST_CANARY)


def random_canary_id() -> int:
    """Return the number of a row that was written without one."""
    return draw_canary_id(secrets.randbelow)


def random_mac() -> bytes:
    """Return the random octets that an issued address has in place of the authentication code of a decoy."""
    return secrets.token_bytes(MAC_OCTETS)
