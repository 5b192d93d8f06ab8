"""The durable spool: where a mail is stored before its 250, and where the worker finds it.

One SQLite file per receiving process. The receiver starts the spool, keeps mails and notes attempts; a worker
takes them out, perhaps in another process with a Spool of its own on the same path.
"""

import asyncio
import json
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Envelope, RawMail
from canary.spool.address_copy import AddressCopy
from canary.spool.envelope import client_text, envelope_from, envelope_text, inlet_text
from canary.spool.group_commit import GroupCommit
from canary.spool.receipts import Receipt
from canary.spool.spool_file import SpoolFault, backlog, checkpoint, connect, prepare, read_uid, stand_in

log = logging.getLogger("canary.spool")

_BATCH_OCTETS = 8 * 1024 * 1024
_LOG_OCTETS = 256 * 1024 * 1024
_UNREADABLE_WAITS = timedelta(days=1)
_CHUNK = 32  # mails forgotten in one transaction: the receiver waits for no more than that

# Cast, as text that is not UTF-8 could not be fetched at all.
_WAITING = """
    SELECT mail.id, cast(envelope AS BLOB), cast(content AS BLOB) FROM mail LEFT JOIN postponed ON postponed.mail_id = mail.id
    WHERE mail.id NOT IN (SELECT mail_id FROM begun) AND (due IS NULL OR due <= ?) ORDER BY mail.id LIMIT ?
"""
_UNFINISHED = """
    SELECT mail.id, cast(envelope AS BLOB), cast(content AS BLOB) FROM begun CROSS JOIN mail ON mail.id = begun.mail_id
    LEFT JOIN postponed ON postponed.mail_id = mail.id
    WHERE begun.times >= ? AND begun.times <= ? AND begun.worker NOT IN (SELECT value FROM json_each(?))
        AND (due IS NULL OR due <= ?) ORDER BY mail.id LIMIT ?
"""
_BEGIN = """
    INSERT INTO begun VALUES (?, 1, ?, ?)
    ON CONFLICT (mail_id) DO UPDATE SET times = times + 1, worker = excluded.worker, since = excluded.since
"""
_BUSY = timedelta(minutes=10)
"""So long at most another worker that is alive is believed to be at work on a mail."""
_ATTEMPTS = """
    SELECT id, cast(kind AS BLOB), cast(domain AS BLOB), cast(source AS BLOB), cast(at AS BLOB),
           cast(address AS BLOB), cast(shape AS BLOB), count
    FROM attempt ORDER BY id LIMIT ?
"""
_POSTPONE = """
    INSERT INTO postponed (mail_id, due, tries, fault) VALUES (?, ?, 1, ?)
    ON CONFLICT (mail_id) DO UPDATE SET due = excluded.due, tries = tries + 1, fault = excluded.fault
"""


class Spool:
    """Stores mails durably until they are done, and a copy of the issued addresses beside them.

    Mails are refused when less than `reserve_bytes` of disk are free or `max_backlog` mails wait; `max_pages`
    bounds the file itself. `installation` returns the id of the installation whose spool it is, or nothing while there
    is none. Every method raises SpoolFault (an OSError) when the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        reserve_bytes: int,
        max_backlog: int,
        max_pages: int | None = None,
        installation: Callable[[], str] = lambda: "",
    ) -> None:
        self.path, self._installation = path, installation
        self._writer = GroupCommit(path, reserve_bytes, max_backlog, max_pages)
        self._addresses = AddressCopy(path.with_name(path.name + ".addresses"))
        self._log = path.with_name(path.name + "-wal")
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._uid = ""
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"

    def start(self, clock: Callable[[], datetime]) -> None:
        """Makes the spool ready to receive: checks the file, sets a damaged one aside, starts the writer."""
        prepare(self.path, clock, self._installation())
        self._writer.start(clock)

    def close(self) -> None:
        """Writes what is still queued, then closes the file."""
        self._writer.stop()
        with self._lock:
            self._let_go()

    @property
    def uid(self) -> str:
        """The random name that the file got when it was made; it begins every key."""
        with self._opened():
            return self._uid

    # The receiver's side.

    @property
    def full(self) -> bool:
        """Whether the disk reserve or the backlog forbids another mail."""
        return self._writer.full

    def enqueue(
        self, envelope: str, content: bytes, told: Callable[[str | SpoolFault], object], receipt: Receipt | None = None
    ) -> None:
        """Queues a mail, its envelope as `envelope_text` writes it.

        When it is committed `told` is called with its key, or else with SpoolFull where there is no space.
        """
        self._writer.enqueue(envelope, content, told, receipt)

    async def keep(self, envelope: Envelope, content: bytes, receipt: Receipt | None = None) -> str:
        """Stores a mail and returns its key once it is committed; raises SpoolFull where there is no space.

        One that came under the same receipt before is not stored again, and has the key of then; another mail under it
        raises ReceiptUsed.
        """
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def tell(answer: str | SpoolFault) -> None:
            if answered.done():
                return
            if isinstance(answer, SpoolFault):
                answered.set_exception(answer)
            else:
                answered.set_result(answer)

        client, inlet = client_text(envelope.client), inlet_text(envelope)
        text = envelope_text(envelope.mail_from, envelope.rcpt_to, client, envelope.received, inlet)
        self.enqueue(text, content, tell, receipt)
        return await answered

    def note(self, attempt: Attempt) -> None:
        """Records an attempt soon, without waiting; a flood of them is added up by the hour."""
        self._writer.note(attempt)

    def remember(self, addresses: Sequence[str]) -> None:
        """Adds to the copy of the issued addresses."""
        self._addresses.append(addresses, self._installation())

    def remembered(self) -> Iterator[str]:
        """The issued addresses that were remembered; none if there were never any, or they are another installation's."""
        return self._addresses.read(self._installation())

    # The worker's side.

    def waiting(self, limit: int, now: datetime) -> list[RawMail]:
        """The mails due that no worker has begun, oldest first; at most `limit`, and no more once they pass 8 MB."""
        return self._read(_WAITING, (now.timestamp(), limit), now)

    def unfinished(self, limit: int, now: datetime, times: Sequence[int]) -> list[RawMail]:
        """The mails due that were begun so often, from the first number to the last, and are not being worked on."""
        with self._opened() as file:
            recent = "SELECT DISTINCT worker FROM begun WHERE since > ?"
            workers = [str(row[0]) for row in file.execute(recent, ((now - _BUSY).timestamp(),))]
        busy = json.dumps([worker for worker in workers if worker != self._worker and _is_alive(worker)])
        return self._read(_UNFINISHED, (times[0], times[-1], busy, now.timestamp(), limit), now)

    def _read(self, query: str, values: Sequence[object], now: datetime) -> list[RawMail]:
        mails: list[RawMail] = []
        unreadable: list[int] = []
        octets = 0
        with self._opened() as file:
            with closing(file.execute(query, values)) as rows:
                for number, envelope, content in rows:
                    try:
                        mails.append(RawMail(f"{self._uid}-{number}", envelope_from(envelope), content))
                    except (ValueError, LookupError, TypeError):
                        unreadable.append(number)
                        continue
                    octets += len(content)
                    if octets >= _BATCH_OCTETS:
                        break
            self._put_off(file, unreadable, now)
        return mails

    def begin(self, keys: Sequence[str], now: datetime) -> None:
        """Notes that work on mails begins: if it brings the worker down, the others go first."""
        with self._opened() as file:
            file.execute("BEGIN IMMEDIATE")
            file.executemany(_BEGIN, [(number, self._worker, now.timestamp()) for number in self._numbers(keys)])
            file.execute("COMMIT")

    def withdraw(self, keys: Sequence[str]) -> None:
        """Takes that note back for mails that were not at fault."""
        with self._opened() as file:
            file.execute("BEGIN IMMEDIATE")
            numbers = [(number,) for number in self._numbers(keys)]
            file.executemany("UPDATE begun SET times = times - 1 WHERE mail_id = ?", numbers)
            file.execute("DELETE FROM begun WHERE times < 1")
            file.execute("COMMIT")

    def _put_off(self, file: sqlite3.Connection, numbers: Sequence[int], now: datetime) -> None:
        """Postpones mails whose envelope the disk has damaged, so that the others pass; they stay in the spool."""
        if not numbers:
            return
        until = (now + _UNREADABLE_WAITS).timestamp()
        file.executemany(_POSTPONE, [(number, until, "its envelope cannot be read") for number in numbers])
        log.error("spool %s: the envelope of mails %s cannot be read; they stay in the spool", self.path, numbers)

    def done(self, keys: Sequence[str]) -> None:
        """Forgets mails that the store has; unknown keys are ignored."""
        with self._opened() as file:
            numbers = self._numbers(keys)
            for start in range(0, len(numbers), _CHUNK):
                _forget(file, numbers[start : start + _CHUNK])
            if _size(self._log) > _LOG_OCTETS:
                # The receiver does it while it runs; this is for a backlog that outlives it.
                checkpoint(file)

    def postpone(self, key: str, until: datetime, fault: str) -> None:
        """Postpones a mail until a time, and counts how often."""
        with self._opened() as file:
            file.executemany(_POSTPONE, [(n, until.timestamp(), fault[:500]) for n in self._numbers([key])])

    def tries(self, key: str) -> int:
        """How often a mail has been postponed."""
        with self._opened() as file:
            select = "SELECT coalesce(sum(tries), 0) FROM postponed WHERE mail_id = ?"
            return sum(int(file.execute(select, (n,)).fetchone()[0]) for n in self._numbers([key]))

    def attempts(self, limit: int) -> list[tuple[int, Attempt]]:
        """The oldest attempts with their numbers, which only ever rise in one file.

        What was returned stays unchanged until it is forgotten; the rest may be added up meanwhile.
        """
        with self._opened() as file:
            if file.execute("SELECT 1 FROM attempt LIMIT 1").fetchone() is None:
                return []
            file.execute("BEGIN IMMEDIATE")
            rows = file.execute(_ATTEMPTS, (limit,)).fetchall()
            file.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'handed'", (rows[-1][0],))
            file.execute("COMMIT")
        return [(row[0], attempt) for row in rows if (attempt := _attempt(row))]

    def forget_attempts(self, upto: int) -> None:
        """Forgets the attempts up to a number."""
        with self._opened() as file:
            file.execute("DELETE FROM attempt WHERE id <= ?", (upto,))

    def inherit(self) -> None:
        """Takes over from workers that are gone, on this machine or another: all mails are due, and nobody's."""
        with self._opened() as file:
            file.execute("BEGIN IMMEDIATE")
            file.execute("UPDATE begun SET worker = ''")
            file.execute("UPDATE postponed SET due = 0")
            file.execute("COMMIT")

    def backlog(self) -> int:
        """How many mails wait, including postponed ones."""
        with self._opened() as file:
            return backlog(file)

    def _numbers(self, keys: Sequence[str]) -> list[int]:
        pairs = (key.rpartition("-") for key in keys)
        return [int(number) for uid, _, number in pairs if uid == self._uid and number.isdecimal()]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The worker's connection; a fault closes it, so that the next call opens it again."""
        with self._lock:
            try:
                yield self._follow()
            except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                self._let_go()
                raise SpoolFault(f"spool {self.path} cannot be used: {error}") from error

    def _follow(self) -> sqlite3.Connection:
        """Opens the file that is at the path now: the receiver may have set a damaged one aside since."""
        inode = self.path.stat().st_ino if self.path.exists() else 0
        if self._connection is None or inode != self._inode:
            self._let_go()
            # Not durable: what is done may come back after a power cut, and the store knows its key.
            self._connection = connect(self.path, durable=False) if inode else stand_in()
            self._uid, self._inode = read_uid(self._connection), inode
        return self._connection

    def _let_go(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _attempt(row: tuple[int, bytes, bytes, bytes, bytes, bytes, bytes, int]) -> Attempt | None:
    """The attempt of a row, unless the disk has damaged it."""
    try:
        kind, domain, source, at, address, shape = (str(field, "utf-8") for field in row[1:7])
        when = datetime.fromisoformat(at)
        return Attempt(AttemptKind(kind), domain, source, when, address, LocalShape(shape), int(row[7]))
    except (ValueError, TypeError):
        return None


def _is_alive(worker: str) -> bool:
    """Whether another worker on this machine still runs; one that had our number is gone."""
    number = worker.partition("-")[0]
    if not number.isdecimal() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _forget(file: sqlite3.Connection, numbers: list[int]) -> None:
    marks = ",".join("?" * len(numbers))
    file.execute("BEGIN IMMEDIATE")
    gone = file.execute(f"DELETE FROM mail WHERE id IN ({marks})", numbers).rowcount  # noqa: S608 - only marks
    file.execute(f"DELETE FROM postponed WHERE mail_id IN ({marks})", numbers)  # noqa: S608 - only marks
    file.execute(f"DELETE FROM begun WHERE mail_id IN ({marks})", numbers)  # noqa: S608 - only marks
    file.execute("UPDATE meta SET value = value + ? WHERE name = 'done'", (gone,))
    file.execute("COMMIT")
