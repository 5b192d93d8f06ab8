"""Receipts: what another service calls the mails that it delivered, so that one that is delivered again is not stored twice.

A service that heard no answer delivers again, perhaps after we were killed between commit and answer. So a receipt is
written in the transaction of its mail, and outlives the mail in the spool.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from canary.spool.spool_file import SpoolFault

MOST = 200_000
"""Receipts in one spool; the oldest go. Services try again for some days at most."""

_FIND = "SELECT digest, mail FROM receipt WHERE id = ?"
_WRITE = "INSERT INTO receipt (id, digest, mail) VALUES (?, ?, ?)"
_BOUND = "DELETE FROM receipt WHERE number <= (SELECT max(number) FROM receipt) - ?"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The name that a service gave a mail, and a digest of all that it delivered under it."""

    id: str
    digest: str


class ReceiptUsed(SpoolFault):
    """Another mail came under this name before."""


class ReceiptTable:
    """The table of receipts in one connection, in the transaction that is open."""

    def __init__(self, connection: sqlite3.Connection, most: int = MOST) -> None:
        self._connection, self._most = connection, most

    def look_up(self, receipt: Receipt) -> str | ReceiptUsed:
        """The key of the mail that came under this name, empty if there was none."""
        row = self._connection.execute(_FIND, (receipt.id,)).fetchone()
        if row is None:
            return ""
        return str(row[1]) if row[0] == receipt.digest else ReceiptUsed("another mail came under this id before")

    def write(self, kept: Iterable[tuple[Receipt, str]]) -> None:
        """Writes receipts, each with the key of its mail."""
        rows = [(receipt.id, receipt.digest, key) for receipt, key in kept]
        if rows:
            self._connection.executemany(_WRITE, rows)
            self._connection.execute(_BOUND, (self._most,))
