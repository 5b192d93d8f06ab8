"""The table of conformance in the documentation is what the suites give."""

import pytest

from tests.conformance import PAGE, Row, rows, table, with_table


@pytest.fixture(scope="module")
def found() -> list[Row]:
    suites = list(rows())
    if not all(each.total for each in suites):
        pytest.skip("CANARY_SUITES: some suites are not there; set it to the folder of conformance suites")
    return suites


@pytest.mark.suite
def test_every_case_of_every_suite_passes(found: list[Row]) -> None:
    assert [each for each in found if each.passed < each.total] == []


@pytest.mark.suite
def test_the_table_in_the_documentation_is_current(found: list[Row]) -> None:
    page = PAGE.read_text("utf-8")
    assert with_table(page, found) == page


def test_the_table_has_a_line_for_each_suite() -> None:
    assert table([Row("SPF", "one", 2, 3)]).splitlines()[2:] == ["| SPF | one | 2 | 3 |"]
