"""No spreadsheet calculates what came by mail."""

import csv
import io
from datetime import UTC, datetime

import pytest

from canary.web.csv_file import csv_lines, harmless


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\u3000=1", "|cmd", "%1", "\uff1d1", "\u00a0@x"],
)
def test_a_text_that_would_be_calculated_is_marked_as_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("cell", "shown"), [(None, ""), (-3, -3), (0.5, 0.5), ("a=b", "a=b"), ("me@example.net", "me@example.net")]
)
def test_other_cells_stay_as_they_are(cell: object, shown: object) -> None:
    assert harmless(cell) == shown


def test_a_table_reads_back_cell_by_cell() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    written = "".join(csv_lines(("a", "b"), [('say "x", then\nstop', at), ("=1", 2)]))
    assert list(csv.reader(io.StringIO(written))) == [["a", "b"], ['say "x", then\nstop', at.isoformat()], ["'=1", "2"]]
