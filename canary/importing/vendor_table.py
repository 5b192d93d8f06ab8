"""Vendors and suppliers as a table: the rows of a CSV file, with the columns that each knows, become entries by name."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from canary.importing.exports.reading import MAX_FILE, decode

MAX_ROWS = 20_000
_HEAD = 4096

VENDOR_COLUMNS = (
    "name", "domains", "brands", "tags", "supplier", "channel", "account", "since", "until", "contract_ends",
    "erasure_requested", "unsubscribed", "grace_days", "publishes",
)  # fmt: skip
SUPPLIER_COLUMNS = ("name", "domains")
_ALSO = {
    "vendor": "name", "company": "name", "domain": "domains", "website": "domains", "brand": "brands", "tag": "tags",
    "suppliers": "supplier", "channels": "channel", "esp": "supplier", "from": "since", "to": "until",
}  # fmt: skip
"""What people call the columns."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: the line it begins in, and its cells by column; empty ones are left out."""

    line: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class TableRead:
    """The rows of a table, or what is wrong with it."""

    rows: list[TableRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def is_table(octets: bytes) -> bool:
    """Whether a file begins like a table and not like TOML, by the first line that says anything."""
    lines = (line.strip() for line in decode(octets[:_HEAD]).splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return bool(first) and not first.startswith("[") and "=" not in first


def read_rows(octets: bytes, known: Sequence[str]) -> TableRead:
    """Read a table whose first line names its columns, of which `known` may be there."""
    if len(octets) > MAX_FILE:
        return TableRead(faults=[f"more than {MAX_FILE >> 20} MB: split the file"])
    text = decode(octets)
    first = text[:_HEAD].lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    found, columns = TableRead(), list[str]()
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = [_column(cell) for cell in row]
                found.faults += _wrong_columns(columns, known)
            elif len(found.rows) >= MAX_ROWS:
                found.faults.append(f"line {reader.line_num}: more than {MAX_ROWS:,} rows: split the file")
                break
            else:
                _add(found, reader.line_num, columns, row)
    except csv.Error as fault:
        found.faults.append(f"line {reader.line_num}: {fault}: look for a quote that does not end")
    if not found.rows and not found.faults:
        found.faults.append(f"no row: write a line of column names, of {', '.join(known)}, and a line for each name")
    return found


def _add(found: TableRead, line: int, columns: Sequence[str], row: Sequence[str]) -> None:
    if len(row) > len(columns):
        found.faults.append(
            f"line {line}: has more cells than there are columns: quote cells that have separators in them"
        )
        return
    cells = {column: cell.strip() for column, cell in zip(columns, row, strict=False) if cell.strip()}
    if "name" in cells:
        found.rows.append(TableRow(line, cells))
    elif "name" in columns:
        found.faults.append(f"line {line}: has no name: write it under `name`")


def _column(cell: str) -> str:
    name = "_".join(cell[:100].strip().lower().replace("-", " ").replace("_", " ").split())
    return _ALSO.get(name, name)


def _wrong_columns(columns: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    for column in columns:
        near = get_close_matches(column, [*known, *_ALSO], 1, 0.7)
        cure = f"did you mean {_ALSO.get(near[0], near[0])!r}?" if near else f"the columns are {', '.join(known)}"
        if column not in known:
            yield f"column {column!r} is not known: {cure}"
        elif columns.count(column) > 1:
            yield f"column {column!r} is there twice: leave one out"
    if "name" not in columns:
        yield f"no column `name`: the columns are {', '.join(known)}"
