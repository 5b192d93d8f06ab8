"""The first migration, made from the rows: `.venv/bin/python -m tests.first_migration` writes its tables again.

What follows them, the full-text tables and indexes of what is searched, is written by hand and stays.
"""

import re
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from canary.store import tables  # noqa: F401 - so that every table is in the metadata
from canary.store.tables.base import metadata

FILE = Path(__file__).parents[1] / "canary/store/migrations/versions/0001_first.py"
SHORT = {
    "sqlmodel.sql.sqltypes.AutoString()": "TEXT",
    "sqlmodel.sql.sqltypes.UTCDateTime()": "TIME",
    "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')": "CANARY_KEY",
    ", unique=False)": ")",
}
"""What Alembic writes at length, and how the file has it."""


def operations() -> str:
    """What makes all tables in an empty store, as Alembic writes it."""
    with create_engine("sqlite://").connect() as connection:
        empty = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        made = produce_migrations(empty, metadata).upgrade_ops
    assert made is not None
    code = str(render_python_code(made))
    for long, short in SHORT.items():
        code = code.replace(long, short)
    return "\n".join(line.rstrip() for line in code.splitlines() if "###" not in line).strip()


def filled(text: str) -> str:
    """The migration with the tables as the rows have them."""
    body = re.compile(r"(?<=def make_tables\(\) -> None:\n).*?(?=\n\n\n)", re.DOTALL)
    text, count = body.subn(lambda _: f"    {operations()}", text)
    if count != 1:
        raise ValueError(f"{FILE}: {count} functions make_tables; there must be one")
    return text


if __name__ == "__main__":
    FILE.write_text(filled(FILE.read_text()))
