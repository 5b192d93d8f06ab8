"""Tables as files: the only writer of CSV; no spreadsheet treats what others wrote as formulas."""

import csv
import io
from collections.abc import Collection, Generator, Iterable, Sequence
from datetime import datetime

from canary.web.download import Download

_FORMULA = ("=", "+", "-", "@", "|", "%", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_BREAKS = ("\t", "\r", "\n")


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]], own: Collection[str] = ()) -> Generator[str]:
    """Yield the lines of a table (RFC 4180), the names of its columns first.

    What is in the columns in `own` was made here and is written as it is, as programs are to read it.
    """
    yield _line(map(harmless, columns))
    ours = [column in own for column in columns]
    for row in rows:
        yield _line(_plain(cell) if own else harmless(cell) for cell, own in zip(row, ours, strict=True))


def csv_file(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], own: Collection[str] = ()
) -> Download:
    """Return a table as a file to download, under a name of ours."""
    return Download(f"{name}.csv", csv_lines(columns, rows, own), "text/csv; charset=utf-8")


def harmless(cell: object) -> object:
    """Return a cell in a form safe for spreadsheets: a text that would be a formula is marked as text."""
    text = _plain(cell)
    if not isinstance(text, str):
        return text
    # A spreadsheet skips blanks before it looks for a formula.
    return f"'{text}" if text.startswith(_BREAKS) or text.lstrip().startswith(_FORMULA) else text


def _plain(cell: object) -> object:
    if cell is None or isinstance(cell, int | float):
        return "" if cell is None else cell
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)


def _line(row: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()
