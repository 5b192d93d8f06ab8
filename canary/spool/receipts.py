"""Receipts: what another service calls the mails that it delivered, so that one that is delivered again is not stored twice.

A service that heard no answer delivers again, perhaps after we were killed between commit and answer. So a receipt is
written in the transaction of its mail, and outlives the mail in the spool.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

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


class Receipted(Protocol):
    """A mail that is to be stored; `answer` becomes its key, or why it is not stored."""

    receipt: Receipt | None
    answer: str | SpoolFault


Mail = TypeVar("Mail", bound=Receipted)


class ReceiptTable:
    """The table of receipts in one connection, in the transaction that is open."""

    def __init__(self, connection: sqlite3.Connection, most: int = MOST) -> None:
        self._connection, self._most = connection, most

    def unanswered(self, mails: Sequence[Mail]) -> list[Mail]:
        """The mails that did not come before; answers the others. Of two at once under one name one has to wait."""
        fresh, names = list[Mail](), set[str]()
        for mail in mails:
            if mail.receipt is None:
                fresh.append(mail)
            elif mail.receipt.id in names:
                mail.answer = SpoolFault("the same mail is being stored")
            elif answer := self._look_up(mail.receipt):
                mail.answer = answer
            else:
                names.add(mail.receipt.id)
                fresh.append(mail)
        return fresh

    def _look_up(self, receipt: Receipt) -> str | ReceiptUsed:
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
