"""A process at rest asks a database nothing, and misses no commit."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.store.commit_watch import CommitWatch
from canary.store.database import Database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def watch(file: Path) -> Iterator[CommitWatch]:
    watch = CommitWatch(file)
    yield watch
    watch.close()


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else."""
    with made(file) as connection:
        yield connection
    connection.close()


def made(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE fact (n)")
    return connection


def test_the_first_look_says_yes_and_the_next_says_no(watch: CommitWatch, other: sqlite3.Connection) -> None:
    assert [watch.changed() for _ in range(3)] == [True, False, False]


def test_every_commit_is_seen_once(watch: CommitWatch, other: sqlite3.Connection) -> None:
    watch.changed()
    for _ in range(20):
        other.execute("INSERT INTO fact VALUES (1)")
        assert [watch.changed(), watch.changed()] == [True, False]


def test_what_is_not_committed_is_not_seen(watch: CommitWatch, other: sqlite3.Connection) -> None:
    watch.changed()
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO fact VALUES (1)")
    assert not watch.changed()
    other.execute("COMMIT")
    assert watch.changed()


def test_a_commit_is_seen_whatever_a_checkpoint_does_with_the_log(
    watch: CommitWatch, other: sqlite3.Connection
) -> None:
    watch.changed()
    for _ in range(3):
        other.execute("INSERT INTO fact VALUES (1)")
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert watch.changed()


def test_a_look_holds_up_no_checkpoint_and_no_writer(watch: CommitWatch, other: sqlite3.Connection) -> None:
    watch.changed()
    other.execute("PRAGMA busy_timeout=0")
    other.execute("INSERT INTO fact VALUES (1)")
    watch.changed()
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() == [(0, 0, 0)]


def test_nothing_is_made_where_nothing_is_and_every_look_says_yes(watch: CommitWatch, file: Path) -> None:
    assert [watch.changed() for _ in range(2)] == [True, True]
    assert not file.exists()


def test_another_file_at_the_same_place_is_followed(watch: CommitWatch, other: sqlite3.Connection, file: Path) -> None:
    watch.changed()
    for part in file.parent.glob("some.db*"):
        part.rename(part.with_name("old" + part.name))
    with made(file) as fresh:
        assert [watch.changed(), watch.changed()] == [True, False]
        fresh.execute("INSERT INTO fact VALUES (1)")
        assert watch.changed()
    fresh.close()


def test_what_cannot_be_read_says_yes(file: Path) -> None:
    file.write_bytes(b"no database, but some other file of a good length " * 100)
    watch = CommitWatch(file)
    assert [watch.changed() for _ in range(2)] == [True, True]
    watch.close()


def test_a_store_of_sqlite_is_watched_and_one_that_nobody_hears_from_is_asked_each_time(sqlite_store: Database) -> None:
    watch = sqlite_store.watch()
    assert [watch.changed() for _ in range(2)] == [True, False]
    watch.close()
    far = Database("postgresql+psycopg://canary@127.0.0.1:9/none").watch()
    assert [far.changed() for _ in range(3)] == [True, True, True]
    far.close()
