"""What the pages of lists share: how their filters are read from an address, and the same list as a table to download."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.store.database import Database
from canary.views.list_filter import ListFilter
from canary.web.csv_file import csv_file
from canary.web.download import Download

Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Line = TypeVar("Line")
Key = TypeVar("Key")
ReadPage = Callable[[Session, Key], tuple[Sequence[Line], Key | None]]

MOST_LINES = 100_000
"""So many lines of a list are downloaded at most; a filter leads to what is beyond."""


def read_filter(vendor: Word = "", since: Word = "", until: Word = "") -> ListFilter:
    """Read what every list is narrowed by; raises HTTPException 422 for what is no day."""
    return ListFilter(vendor.strip(), _day(since), _day(until))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HTTPException(422, f"{text[:40]!r}: no day; write one as 2011-03-24") from None


def read_days(since: Word = "", until: Word = "") -> ListFilter:
    """Read the same for a list in which nothing is of a vendor."""
    return ListFilter("", _day(since), _day(until))


Narrowed = Annotated[ListFilter, Depends(read_filter)]
NarrowedByDays = Annotated[ListFilter, Depends(read_days)]


def asked(among: ListFilter, **more: object) -> dict[str, object]:
    """Return filters as the parameters of an address, those that every list has last."""
    return {**more, "vendor": among.vendor, "since": among.since, "until": among.until}


def list_file(
    database: Database, name: str, columns: Sequence[str], row: Callable[[Line], Sequence[object]],
    read: ReadPage[Key, Line], first: Key,
) -> Download:  # fmt: skip
    """Return a list as a table to download: `read` reads the page that begins at a key, and says the next."""
    return csv_file(name, columns, map(row, read_lines(database, read, first)))


def read_lines(database: Database, read: ReadPage[Key, Line], first: Key) -> Iterator[Line]:
    """Yield the lines of all pages of a list, up to the most there are in one file."""
    key: Any = first
    left = MOST_LINES
    while left > 0:
        # A session for each page: a client that reads slowly holds no snapshot of the store in the meantime.
        with database.reading() as session:
            lines, further = read(session, key)
        yield from lines[:left]
        if further is None:
            return
        key, left = further, left - len(lines)
