"""docs/verdicts.md has the rules, the reasons and their weights as they are in the code."""

from tests.verdict_tables import PAGE, filled


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text()
    assert filled(page) == page, "write them again: .venv/bin/python -m tests.verdict_tables"
