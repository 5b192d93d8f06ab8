"""The first migration has the tables of the rows, as the command that writes it makes them."""

from tests.first_migration import FILE, filled


def test_the_tables_are_those_of_the_rows() -> None:
    text = FILE.read_text()
    assert filled(text) == text, "write them again: .venv/bin/python -m tests.first_migration"
