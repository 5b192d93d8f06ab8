"""Attempts waiting for the spool: one by one in quiet times, added up by hour in a flood, never dropped."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from canary.model.attempt import Attempt, AttemptKind

_SINGLE = 10_000  # notes held one by one
_SUMS = 10_000  # sums held by source, and as many again without it
_ROWS = 100_000  # rows in the file before they are added up

# A row that a worker may have counted already is left alone, so that nothing is counted twice.
_ADD_UP = """
    INSERT INTO attempt (kind, domain, source, at, address, shape, count)
    SELECT kind, {domain}, {source}, min(at), {address}, shape, sum(count) FROM attempt
    WHERE id > (SELECT value FROM meta WHERE name = 'handed') AND id <= :last
    GROUP BY kind, {domain}, {source}, {address}, shape, substr(at, 1, 13)
"""
_BY_SOURCE = {"domain": "iif(kind = 'relay', '', domain)", "source": "source", "address": "address"}
_BY_ADDRESS = _BY_SOURCE | {"source": "''"}
_BY_DOMAIN = _BY_ADDRESS | {"address": "''"}


class AttemptBuffer:
    """Attempts that wait to be written; a flood is added up by kind, domain, source, hour, and address or shape.

    Where even these are too many the source is left out, and then the address: the most important fact of a probe is
    its address.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._single: list[Attempt] = []
        self._sums: Counter[Attempt] = Counter()

    def add(self, *attempts: Attempt) -> bool:
        """Adds attempts; returns whether they are the first that wait."""
        with self._lock:
            first = not self._single
            room = _SINGLE - len(self._single)
            self._single += attempts[:room]
            for attempt in attempts[room:]:
                self._count(attempt)
        return first

    def take(self) -> list[Attempt]:
        """Returns all that wait, and forgets them."""
        with self._lock:
            taken = self._single + [replace(sum_, count=count) for sum_, count in self._sums.items()]
            self._single, self._sums = [], Counter()
        return taken

    def _count(self, attempt: Attempt) -> None:
        # The domain of a relay attempt is the stranger's choice.
        domain = "" if attempt.kind is AttemptKind.RELAY else attempt.domain
        hour = attempt.at.replace(minute=0, second=0, microsecond=0)
        key = replace(attempt, domain=domain, at=hour, count=1)
        if key not in self._sums and len(self._sums) >= _SUMS:
            key = replace(key, source="")
        if key not in self._sums and len(self._sums) >= 2 * _SUMS:
            key = replace(key, address="")
        self._sums[key] += attempt.count


class AttemptTable:
    """The table of attempts in one connection; grows no further than its bound, and its sum stays true."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows = self._counted()

    def insert(self, notes: Sequence[Attempt]) -> None:
        """Writes notes in the transaction that is open."""
        self._connection.executemany(
            "INSERT INTO attempt (kind, domain, source, at, address, shape, count) VALUES (?, ?, ?, ?, ?, ?, ?)",
            _rows(notes),
        )
        self._rows += len(notes)
        if self._rows > _ROWS:
            self._rows = self._counted()
        if self._rows > _ROWS:
            self._shrink()

    def _shrink(self) -> None:
        """Adds up just enough to free half of the room."""
        for grouping in (_BY_SOURCE, _BY_ADDRESS, _BY_DOMAIN):
            if self._rows > _ROWS // 2:
                self._add_up(grouping)

    def _add_up(self, grouping: dict[str, str]) -> None:
        last = self._connection.execute("SELECT max(id) FROM attempt").fetchone()[0]
        self._connection.execute(_ADD_UP.format_map(grouping), {"last": last})
        ours = "id > (SELECT value FROM meta WHERE name = 'handed') AND id <= ?"
        self._connection.execute(f"DELETE FROM attempt WHERE {ours}", (last,))  # noqa: S608 - only our own words
        self._rows = self._counted()

    def _counted(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM attempt").fetchone()[0])


def _rows(notes: Sequence[Attempt]) -> Iterable[tuple[str, str, str, str, str, str, int]]:
    return ((n.kind.value, n.domain, n.source, n.at.isoformat(), n.address, n.shape.value, n.count) for n in notes)
