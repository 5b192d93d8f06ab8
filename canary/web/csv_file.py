"""Tables as files: the only writer of CSV; no spreadsheet treats its cells as formulas."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from starlette.responses import StreamingResponse

_FORMULA = ("=", "+", "-", "@", "|", "%", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_BREAKS = ("\t", "\r", "\n")


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table (RFC 4180), the names of its columns first."""
    yield _line(columns)
    for row in rows:
        yield _line(row)


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingResponse:
    """Return a table as a file to download, under a name of ours."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(csv_lines(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def harmless(cell: object) -> object:
    """Return a cell in a form safe for spreadsheets: a text that would be a formula is marked as text."""
    if cell is None or isinstance(cell, int | float):
        return "" if cell is None else cell
    text = cell.isoformat() if isinstance(cell, datetime) else str(cell)
    # A spreadsheet skips blanks before it looks for a formula.
    return f"'{text}" if text.startswith(_BREAKS) or text.lstrip().startswith(_FORMULA) else text


def _line(row: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell) for cell in row])
    return line.getvalue()
