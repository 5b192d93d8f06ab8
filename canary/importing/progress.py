"""The progress of one import: which mails were found where, how far reading and judging are; it survives a crash."""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path

from canary.importing.archive import ArchivePlace
from canary.importing.envelope_recovery import Origin
from canary.model.mail import Client, Envelope

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS source (
    id INTEGER PRIMARY KEY, path BLOB UNIQUE NOT NULL, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    number INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT 0, length INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, sha BLOB UNIQUE NOT NULL, received INTEGER NOT NULL, source INTEGER NOT NULL,
    member TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, sender TEXT NOT NULL,
    ip TEXT NOT NULL, helo TEXT NOT NULL, tls TEXT, content BLOB, batch INTEGER, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS mail_order ON mail (received, sha);
CREATE INDEX IF NOT EXISTS mail_batch ON mail (batch);
CREATE TABLE IF NOT EXISTS recipient (address TEXT NOT NULL, received INTEGER NOT NULL, mail INTEGER NOT NULL,
    rank INTEGER NOT NULL DEFAULT 0, counts INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (address, received, mail)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recipient_mail ON recipient (mail);
CREATE TABLE IF NOT EXISTS fault (
    path BLOB NOT NULL, member TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL,
    reason TEXT NOT NULL, kept TEXT NOT NULL, PRIMARY KEY (path, member, number, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS elsewhere (address TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


MAX_ELSEWHERE = 1000


class SourceChanged(Exception):
    """A file is not what it was when the import began to read it, so the progress is worthless."""


class State(IntEnum):
    """What became of a mail: it waits, it was stored, the store had it, its address was never issued, it is broken."""

    WAITING = 0
    NEW = 1
    KNOWN = 2
    UNISSUED = 3
    ASIDE = 4


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file to read, and the last message seen of it (None: from its beginning)."""

    id: int
    path: Path
    messages: int
    last: ArchivePlace | None
    done: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail that was found; its octets are read separately, as they may be many (`ImportProgress.content`).

    `ranks` say of each recipient what names it, in their order (`envelope_recovery.Origin`).
    """

    id: int
    sha: bytes
    place: ArchivePlace
    envelope: Envelope
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportFault:
    """What could not be read, where, why, and the name under which it is kept aside (empty: it is not)."""

    place: ArchivePlace
    reason: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How many mails were delivered to an address of ours, and how many of them were for another one by what they say."""

    address: str
    mails: int
    elsewhere: int


class ImportProgress:
    """One SQLite file in the folder of an import; every method is quick, and `writing` commits as one."""

    def __init__(self, file: Path) -> None:
        """Open the file, creating it if needed."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file = file
        self.db = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
        # A killed process loses nothing by this; after a power cut the last second is read again.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16000"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def forget(self) -> None:
        """Remove everything that was recorded."""
        self.close()
        for end in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + end).unlink(missing_ok=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Commit what is done inside as one, or nothing of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def fact(self, name: str) -> str:
        """Return what was recorded under a name, or an empty string."""
        row = self.db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Record something under a name."""
        self.db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def source(self, path: Path, size: int, changed: int) -> ImportSource:
        """Return how far a file was read; raises SourceChanged for one that is not what it was then."""
        query = "SELECT id, size, changed, number, at, length, messages, done FROM source WHERE path = ?"
        row = self.db.execute(query, (os.fsencode(path),)).fetchone()
        if row and row[1:3] != (size, changed):
            raise SourceChanged(path)
        if row:
            last = ArchivePlace(str(path), "", row[3], row[4], row[5]) if row[3] else None
            return ImportSource(row[0], path, row[6], last, bool(row[7]))
        insert = "INSERT INTO source (path, size, changed) VALUES (?, ?, ?) RETURNING id"
        number = self.db.execute(insert, (os.fsencode(path), size, changed)).fetchone()[0]
        return ImportSource(number, path, 0, None, done=False)

    def progress(self, source: int, last: ArchivePlace | None, messages: int, *, done: bool) -> None:
        """Record how far a file was read."""
        place = (last.number, last.offset, last.length) if last else (0, 0, 0)
        update = "UPDATE source SET number = ?, at = ?, length = ?, messages = ?, done = ? WHERE id = ?"
        self.db.execute(update, (*place, messages, done, source))

    def add(self, source: int, sha: bytes, place: ArchivePlace, origin: Origin, content: bytes | None) -> bool:
        """Record a mail; return whether it is the first copy of it."""
        envelope, client = origin.envelope, origin.envelope.client
        row = (
            sha, ticks(envelope.received), source, place.member, place.number, place.offset, place.length,
            envelope.mail_from, client.ip, client.helo, client.tls, zlib.compress(content, 1) if content else None,
        )  # fmt: skip
        insert = (
            "INSERT INTO mail (sha, received, source, member, number, at, length, sender, ip, helo, tls, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
        )
        made = self.db.execute(insert, row).fetchone()
        if made is None:
            # A Maildir renames its files: a mail that waits is read where it was seen last.
            moved = "UPDATE mail SET source = ?, member = ?, number = ?, at = ?, length = ?, content = ?"
            self.db.execute(f"{moved} WHERE sha = ? AND state = 0", (*row[2:7], row[-1], sha))
            return False
        to = [(address, row[1], made[0], rank) for address, rank in zip(envelope.rcpt_to, origin.ranks, strict=True)]
        self.db.executemany("INSERT OR IGNORE INTO recipient (address, received, mail, rank) VALUES (?, ?, ?, ?)", to)
        return True

    def spoil(self, fault: ImportFault) -> None:
        """Record what could not be read; at the same place it counts once."""
        p = fault.place
        row = (os.fsencode(p.file), p.member, p.number, p.offset, p.length, fault.reason, fault.kept)
        self.db.execute("INSERT OR REPLACE INTO fault VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def count(self, name: str, more: int) -> None:
        """Add to a count."""
        add = "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count"
        self.db.execute(add, (name, more))

    def count_address(self, address: str) -> None:
        """Count a mail that was delivered to an address which is not ours; no more than so many addresses are counted."""
        if not self.db.execute("UPDATE elsewhere SET count = count + 1 WHERE address = ?", (address,)).rowcount:
            insert = "INSERT INTO elsewhere SELECT ?, 1 WHERE (SELECT count(*) FROM elsewhere) < ?"
            self.db.execute(insert, (address, MAX_ELSEWHERE))

    def most_addresses(self, limit: int) -> list[tuple[str, int]]:
        """Return the addresses which are not ours that got most mail, with how much."""
        query = "SELECT address, count FROM elsewhere WHERE address <> '' ORDER BY count DESC, address LIMIT ?"
        return [(str(address), int(count)) for address, count in self.db.execute(query, (limit,))]

    def nameless(self) -> int:
        """Return how many mails named no address at all."""
        row = self.db.execute("SELECT count FROM elsewhere WHERE address = ''").fetchone()
        return int(row[0]) if row else 0

    def most_recipients(self, state: "State", limit: int) -> list[tuple[str, int]]:
        """Return the recipients of most mails in a state, with how many these are."""
        query = (
            "SELECT address, count(*) FROM recipient JOIN mail ON mail.id = recipient.mail WHERE state = ?"
            " GROUP BY address ORDER BY 2 DESC, 1 LIMIT ?"
        )
        return [(str(address), int(count)) for address, count in self.db.execute(query, (int(state), limit))]

    def recipients(self, state: "State") -> int:
        """Return how many addresses the mails in a state were sent to."""
        query = "SELECT count(DISTINCT address) FROM recipient JOIN mail ON mail.id = recipient.mail WHERE state = ?"
        return int(self.db.execute(query, (int(state),)).fetchone()[0])

    def tallies(self) -> Mapping[str, int]:
        """Return all counts."""
        return {str(name): int(count) for name, count in self.db.execute("SELECT name, count FROM tally")}

    def states(self) -> Mapping[State, int]:
        """Return how many mails are in each state."""
        rows = self.db.execute("SELECT state, count(*) FROM mail GROUP BY state")
        return {State(state): int(count) for state, count in rows}

    def faults(self) -> list[ImportFault]:
        """Return what could not be read, in order of place."""
        rows = self.db.execute("SELECT path, member, number, at, length, reason, kept FROM fault ORDER BY 1, 2, 4, 3")
        return [ImportFault(ArchivePlace(os.fsdecode(row[0]), *row[1:5]), row[5], row[6]) for row in rows]

    def arrange(self, mails: int, octets: int) -> int:
        """Put all mails into batches by date, and return how many; what is in one depends on dates and content alone."""
        batch, count, size = 0, 0, 0
        with self.writing():
            rows = self.db.execute("SELECT id, length FROM mail ORDER BY received, sha")
            for number, length in rows:
                if count and (count >= mails or size + length > octets):
                    batch, count, size = batch + 1, 0, 0
                count, size = count + 1, size + length
                self.db.execute("UPDATE mail SET batch = ? WHERE id = ?", (batch, number))
        return batch + 1 if count else 0

    def batch(self, number: int) -> list[Entry]:
        """Return the mails of a batch that wait, oldest first."""
        query = f"{_ENTRY} WHERE mail.batch = ? AND mail.state = 0 ORDER BY mail.received, mail.sha"
        return [self._entry(row) for row in self.db.execute(query, (number,)).fetchall()]

    def waiting(self) -> int | None:
        """Return the first batch in which a mail waits, None if there is none."""
        found: int | None = self.db.execute("SELECT min(batch) FROM mail WHERE state = 0").fetchone()[0]
        return found

    def first_mails(self, address: str, limit: int) -> list[Entry]:
        """Return the first mails to an address."""
        return self._mails(address, "ORDER BY recipient.received, mail.sha", limit)

    def last_mails(self, address: str, limit: int) -> list[Entry]:
        """Return the last mails to an address, the last one first."""
        return self._mails(address, "ORDER BY recipient.received DESC, mail.sha DESC", limit)

    def _mails(self, address: str, order: str, limit: int) -> list[Entry]:
        query = f"{_ENTRY} JOIN recipient ON recipient.mail = mail.id WHERE address = ? AND counts {order} LIMIT ?"
        return [self._entry(row) for row in self.db.execute(query, (address, limit)).fetchall()]

    def content(self, number: int) -> bytes | None:
        """Return the octets of a mail that was packed, and so cannot be read at its place again."""
        row = self.db.execute("SELECT content FROM mail WHERE id = ?", (number,)).fetchone()
        return zlib.decompress(row[0]) if row and row[0] else None

    def addresses(self) -> Iterator[tuple[str, datetime, int]]:
        """Yield every address that mail is for, with its first mail's time and how many came."""
        query = "SELECT address, min(received), count(*) FROM recipient WHERE counts GROUP BY address ORDER BY address"
        for address, first, count in self.db.execute(query):
            yield str(address), moment(first), int(count)

    def deliveries(self) -> Iterator[Deliveries]:
        """Yield every address that mail was delivered to."""
        for address, mails, elsewhere in self.db.execute(_DELIVERIES):
            yield Deliveries(str(address), int(mails), int(elsewhere))

    def set_aside_mailboxes(self, final: Iterable[str]) -> None:
        """Let each mail count for the addresses that are named best, without the mailboxes that everything ends in."""
        with self.writing():
            self.db.execute("CREATE TEMP TABLE IF NOT EXISTS final (address TEXT PRIMARY KEY)")
            self.db.executemany("INSERT OR IGNORE INTO final VALUES (?)", [(address,) for address in final])
            self.db.execute(_COUNT_BEST)

    def settle(self, states: Iterable[tuple[int, State]]) -> None:
        """Record what became of mails, and drop packed copies of them."""
        update = "UPDATE mail SET state = ?, content = NULL WHERE id = ?"
        self.db.executemany(update, [(int(state), number) for number, state in states])

    def _entry(self, row: Sequence[object]) -> Entry:
        number, sha, file, member, count, at, length, received, sender, ip, helo, tls = row
        select = "SELECT address, rank FROM recipient WHERE mail = ? ORDER BY rank, address"
        to = self.db.execute(select, (number,)).fetchall()
        client = Client(str(ip), helo=str(helo), tls=str(tls) if tls else None)
        envelope = Envelope(str(sender), tuple(str(address) for address, _ in to), client, moment(_int(received)))
        place = ArchivePlace(os.fsdecode(_bytes(file)), str(member), _int(count), _int(at), _int(length))
        return Entry(_int(number), _bytes(sha), place, envelope, tuple(int(rank) for _, rank in to))


_ENTRY = (
    "SELECT mail.id, mail.sha, source.path, mail.member, mail.number, mail.at, mail.length, mail.received, mail.sender,"
    " mail.ip, mail.helo, mail.tls FROM mail JOIN source ON source.id = mail.source"
)


_DELIVERIES = (
    "SELECT here.address, count(DISTINCT here.mail), count(DISTINCT other.mail) FROM recipient AS here"
    " LEFT JOIN recipient AS other ON other.mail = here.mail AND other.rank IN (1, 2) AND other.address <> here.address"
    " WHERE here.rank = 0 GROUP BY here.address"
)
_COUNT_BEST = (
    "UPDATE recipient SET counts = address NOT IN (SELECT address FROM final) AND rank = ifnull(("
    "SELECT min(rank) FROM recipient AS every WHERE every.mail = recipient.mail AND every.rank < 3"
    " AND every.address NOT IN (SELECT address FROM final)), -1)"
)


def ticks(at: datetime) -> int:
    """Return a time as microseconds since 1970, which sort correctly before it too."""
    return (at - _EPOCH) // _TICK


def moment(count: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return _EPOCH + count * _TICK


def to_json(value: object) -> str:
    """Write a fact that is more than a word."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _int(value: object) -> int:
    return int(str(value))


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
