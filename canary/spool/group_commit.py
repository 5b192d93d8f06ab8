"""The one thread that writes a spool: it commits everything that has queued up together, then wakes all who wait."""

import asyncio
import logging
import os
import queue
import sqlite3
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path

from canary.model.attempt import Attempt
from canary.spool.attempt_buffer import AttemptBuffer, AttemptTable
from canary.spool.receipts import Receipt, ReceiptTable
from canary.spool.spool_file import (
    Space,
    SpoolFault,
    SpoolFull,
    backlog,
    bound,
    checkpoint,
    connect,
    insertion,
    is_damage,
    is_failed_write,
    is_want_of_space,
    last_number,
    prepare,
    read_uid,
    set_aside,
)

log = logging.getLogger("canary.spool")

_GROUP = 256
_GROUP_OCTETS = 4 * 1024 * 1024
_LOG_OCTETS = 64 * 1024 * 1024  # written to the log before it is copied into the file, which all wait for
_ROW_OCTETS = 4096
_RECHECK_SECONDS = 0.2
_GLANCE_SECONDS = 0.05


@dataclass(slots=True)
class _Job:
    """A mail on its way into the file, and the callback for it in its loop; `answer` is its key or what went wrong."""

    envelope: str
    content: bytes
    told: Callable[[str | SpoolFault], object]
    loop: asyncio.AbstractEventLoop
    receipt: Receipt | None = None
    answer: str | SpoolFault = ""


class GroupCommit:
    """Group commit for one spool file, and the watch over its space and its soundness.

    After a failed write or sync it is unknown what of the log the disk has: pages that could not be written count as
    clean to the kernel, and a later sync succeeds without them. So nothing is appended to such a log. It is first
    copied into the file as a whole, which writes every page again, and until that has succeeded no mail is
    acknowledged. The same is done at the start, as the process before may have ended in the midst of such a fault.
    """

    def __init__(self, path: Path, reserve_bytes: int, max_backlog: int, max_pages: int | None) -> None:
        self._path = path
        self._reserve = reserve_bytes
        self._max_backlog = max_backlog
        self._max_pages = max_pages
        self._coming: list[_Job] = []
        self._queue: queue.SimpleQueue[Sequence[_Job] | None] = queue.SimpleQueue()
        self._line: list[_Job] = []
        self._ending = False
        self._notes = AttemptBuffer()
        self._runner: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._table: AttemptTable | None = None
        self._inode = self._present = 0
        self._uid = ""
        self._given = self._backlog = 0
        self._logged = 0
        self._doubtful = True
        self._owing = False
        self._space = Space(path)
        self._pressed = False
        self._left, self._glance, self._recounted = 0, 0.0, 0.0

    def start(self, clock: Callable[[], datetime]) -> None:
        """Opens the prepared file and starts the thread."""
        self._clock, self._ending = clock, False
        self._open()
        self._runner = threading.Thread(target=self._run, name=f"spool {self._path.name}", daemon=True)
        self._runner.start()

    def stop(self) -> None:
        """Waits for everything queued to be written."""
        runner, self._runner = self._runner, None
        if runner:
            self._hand_over()
            self._queue.put(None)
            runner.join()

    @property
    def full(self) -> bool:
        """Whether the disk reserve or the backlog forbids another mail."""
        free = self._free() - self._logged
        if not self._crowded and free >= self._reserve:
            if self._space.wanting:
                self._space.tell("reserve", "")
            return False
        if self._crowded:
            low = f"{self._backlog} mails wait, the limit is {self._max_backlog}"
        else:
            # What is in the log may need as much space again in the file; copying it shows how much.
            low = f"{max(free, 0)} octets are free on its disk, the reserve is {self._reserve}"
            self._press()
        self._space.tell("reserve", low)
        return True

    def _press(self) -> None:
        if self._logged and self._runner and not self._pressed:
            self._pressed = True
            self._queue.put(())

    def enqueue(
        self, envelope: str, content: bytes, told: Callable[[str | SpoolFault], object], receipt: Receipt | None = None
    ) -> None:
        """Queues a mail; when it is committed `told` is called in this loop with its key, or else with the fault.

        A mail whose receipt is there already has the key that it had then.
        """
        if self._runner is None:
            raise SpoolFault(f"spool {self._path} is not started")
        if self._coming:
            loop = self._coming[-1].loop
        else:
            # What comes in one turn of the loop is passed on together: waking a thread costs as much as a mail.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._hand_over)
        self._coming.append(_Job(envelope, content, told, loop, receipt))

    def _hand_over(self) -> None:
        jobs, self._coming = self._coming, []
        if jobs:
            self._present = _inode(self._path)
            self._queue.put(jobs)

    def note(self, attempt: Attempt) -> None:
        """Takes an attempt, to be written soon."""
        if self._notes.add(attempt) and self._runner:
            self._queue.put(())

    def _free(self) -> int:
        """The octets that the disk has left, read again only after a moment: reading costs as much as a command."""
        now = time.monotonic()
        if now >= self._glance:
            self._glance = now + _GLANCE_SECONDS
            try:
                disk = os.statvfs(self._path.parent)
                self._left = disk.f_bavail * disk.f_frsize
            except OSError:
                self._left = 0
        return self._left

    def _run(self) -> None:
        while (jobs := self._gather()) is not None:
            self._write(jobs, self._notes.take())
            self._bring_in_log()
            if self._crowded or time.monotonic() > self._recounted + _RECHECK_SECONDS:
                self._recount()
        self._write([], self._notes.take())
        if lost := sum(attempt.count for attempt in self._notes.take()):
            log.error("spool %s: %d attempts are lost, as they could not be written", self._path, lost)
        self._let_go()

    def _gather(self) -> list[_Job] | None:
        """Waits for something to write and returns all that is there, up to one commit; None means stop."""
        if not (self._line or self._ending):
            self._take(self._next())
        while not self._queue.empty():
            self._take(self._queue.get())
        if self._ending and not self._line:
            return None
        sizes = list(accumulate([len(job.content) for job in self._line[:_GROUP]]))
        count = max(1, bisect_right(sizes, _GROUP_OCTETS))
        jobs, self._line = self._line[:count], self._line[count:]
        return jobs

    def _take(self, jobs: Sequence[_Job] | None) -> None:
        if jobs is None:
            self._ending = True
        else:
            self._line += jobs

    def _next(self) -> Sequence[_Job] | None:
        while True:
            try:
                return self._queue.get(timeout=_RECHECK_SECONDS if self._crowded or self._owing else None)
            except queue.Empty:
                if self._owing:
                    return ()
                self._recount()

    @property
    def _crowded(self) -> bool:
        return self._backlog >= self._max_backlog

    def _recount(self) -> None:
        """Reads how much room the worker has made."""
        self._recounted = time.monotonic()
        try:
            self._backlog = backlog(self._ready())
        except (sqlite3.Error, OSError) as error:
            log.warning("spool %s cannot be read: %s", self._path, error)

    def _write(self, jobs: Sequence[_Job], notes: Sequence[Attempt]) -> None:
        if not jobs and not notes:
            return
        try:
            self._commit(jobs, notes)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be answered
            self._roll_back(error)
            if len(jobs) + bool(notes) > 1 and not _is_outage(error):
                # One mail too big for what is left must not take the others with it.
                for job in jobs:
                    self._write([job], [])
                self._write([], notes)
                return
            self._refuse(jobs, notes, error)
        else:
            self._owing = self._owing and not notes
            if jobs:
                self._space.tell("write", "")
        _wake(jobs)

    def _commit(self, jobs: Sequence[_Job], notes: Sequence[Attempt]) -> None:
        if not jobs:
            self._present = _inode(self._path)
        connection = self._ready()
        if notes or any(job.receipt for job in jobs):
            fresh = self._transact(connection, jobs, notes)
        else:
            fresh = len(jobs)
            try:
                # One statement is a transaction of its own; each more would wait for the interpreter several times.
                self._insert(connection, jobs)
            except sqlite3.IntegrityError:
                # Another receiver has used these numbers, perhaps in its last moment, after ours had begun.
                self._transact(connection, jobs, notes)
        self._given += fresh
        self._backlog += fresh

    def _transact(self, connection: sqlite3.Connection, jobs: Sequence[_Job], notes: Sequence[Attempt]) -> int:
        """Writes all in one transaction; returns how many mails had not come before."""
        connection.execute("BEGIN IMMEDIATE")
        self._given = last_number(connection)
        if notes and self._table:
            self._table.insert(notes)
        receipts = ReceiptTable(connection)
        fresh = receipts.unanswered(jobs)
        if fresh:
            self._insert(connection, fresh)
            receipts.write((job.receipt, str(job.answer)) for job in fresh if job.receipt)
        connection.execute("COMMIT")
        return len(fresh)

    def _insert(self, connection: sqlite3.Connection, jobs: Sequence[_Job]) -> None:
        numbers = range(self._given + 1, self._given + 1 + len(jobs))
        places = 1 << (len(jobs) - 1).bit_length()
        rows: list[int | str | bytes | None] = [None] * (3 * places)
        filled = 3 * len(jobs)
        rows[0:filled:3] = numbers
        rows[1:filled:3] = [job.envelope for job in jobs]
        rows[2:filled:3] = [job.content for job in jobs]
        octets = sum([len(job.content) for job in jobs]) + _ROW_OCTETS * len(jobs)
        for number, job in zip(numbers, jobs, strict=True):
            job.answer = f"{self._uid}-{number}"
        # Not `execute`, which would let others have the interpreter once more, to ask for the number of the last row.
        connection.executemany(insertion(places), [rows])
        self._logged, self._left = self._logged + octets, self._left - octets

    def _refuse(self, jobs: Sequence[_Job], notes: Sequence[Attempt], error: Exception) -> None:
        for job in jobs:
            job.answer = self._fault(error, job)
        if notes:
            if not self._owing:
                log.error("spool %s cannot take attempts, they are held: %s", self._path, error)
            self._notes.add(*notes)
            self._owing = True

    def _bring_in_log(self) -> None:
        """Copies the log into the file when it has grown; all who wait for a mail have been answered before."""
        if (self._logged < _LOG_OCTETS and not self._pressed) or self._connection is None:
            return
        try:
            checkpoint(self._connection)
        except sqlite3.Error as error:
            self._doubtful = self._doubtful or is_failed_write(error)
            log.warning("spool %s keeps its log, which could not be copied into the file: %s", self._path, error)
        self._logged, self._pressed, self._glance = 0, False, 0.0

    def _ready(self) -> sqlite3.Connection:
        """The connection, to the file that was at the path just now: a mail in a deleted file would be lost."""
        if self._connection is None or self._present != self._inode:
            if self._inode:
                log.error("spool %s was moved or deleted while in use; a fresh one starts", self._path)
            self._let_go()
            prepare(self._path, self._clock)
            self._open()
        if self._doubtful:
            checkpoint(self._connected)
            self._doubtful, self._logged = False, 0
        return self._connected

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SpoolFault(f"spool {self._path} is closed")
        return self._connection

    def _let_go(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection, self._table, self._inode, self._doubtful = None, None, 0, True
        self._logged, self._pressed = 0, False

    def _open(self) -> None:
        connection = connect(self._path, durable=True)
        if self._max_pages:
            bound(connection, kibibytes=4 * self._max_pages)
        self._uid, self._given, self._backlog = read_uid(connection), last_number(connection), backlog(connection)
        self._inode = self._present = _inode(self._path)
        self._connection, self._table = connection, AttemptTable(connection)

    def _roll_back(self, error: Exception) -> None:
        """Rolls back, so that the next mail can be written when the fault is over.

        The connection stays open after a failed sync: it knows where the durable part of the log ends; another one
        would treat the mails that were refused as committed.
        """
        self._doubtful = self._doubtful or is_failed_write(error)
        try:
            if self._connection and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if is_damage(error):
                self._let_go()
                set_aside(self._path, str(error), self._clock)
        except (sqlite3.Error, OSError):
            log.exception("spool %s cannot be recovered after: %s", self._path, error)

    def _fault(self, error: Exception, job: _Job) -> SpoolFault:
        if is_want_of_space(error) or self._free() < len(job.content):
            self._space.tell("write", f"a mail of {len(job.content)} octets did not fit: {error}")
            return SpoolFull(f"spool {self._path} is full")
        log.error("spool %s cannot be written: %s; the mail was refused for now", self._path, error)
        return SpoolFault(f"spool {self._path} cannot be written: {error}")


def _inode(path: Path) -> int:
    """The number of the file that is at a path, 0 if there is none."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - half the price of a Path's, and asked once a turn
    except OSError:
        return 0


def _is_outage(error: Exception) -> bool:
    """Whether every mail would meet the same error, after the same wait."""
    return isinstance(error, sqlite3.OperationalError | OSError) and not is_want_of_space(error)


def _wake(jobs: Sequence[_Job]) -> None:
    """Answers all who wait in a loop with one call into it; a loop that has ended waits for nothing."""
    for loop in {job.loop for job in jobs}:
        theirs = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_tell_all, theirs)
        except RuntimeError:
            log.info("%d mails were kept after their listener had stopped", len(theirs))


def _tell_all(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.told(job.answer)
