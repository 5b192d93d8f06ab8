"""A store that is down is waited for; what it refuses because of what it was given is not."""

import sqlite3
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from canary.store.database import is_down

DOWN = ["08006", "40P01", "53100", "53300", "55P03", "57P01", "57P03", "58030", "25006"]
REFUSED = ["54000", "22021", "22P05", "57014", "23514", "42P01", "XX000"]


def refused_by_postgresql(state: str) -> DBAPIError:
    return OperationalError("INSERT", {}, psycopg.errors.lookup(state)("no"))


@pytest.mark.parametrize("state", DOWN)
def test_trouble_with_the_connection_or_the_server_is_waited_for(state: str) -> None:
    assert is_down(refused_by_postgresql(state))


@pytest.mark.parametrize("state", REFUSED)
def test_what_postgresql_refuses_is_the_fault_of_what_it_was_given(state: str) -> None:
    assert not is_down(refused_by_postgresql(state))


def test_a_server_that_cannot_be_reached_at_all_is_down() -> None:
    assert is_down(OperationalError("SELECT", {}, psycopg.OperationalError("connection refused")))
    assert is_down(DataError("SELECT", {}, psycopg.DataError("no"), connection_invalidated=True))


def sqlite_fault(statement: str, url: str = "sqlite://") -> Exception:
    with create_engine(url).connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text(statement))
    return caught.value


def test_what_sqlite_refuses_is_the_fault_of_what_it_was_given() -> None:
    assert not is_down(sqlite_fault("SELECT * FROM nothing"))
    assert not is_down(sqlite_fault("SELECT zeroblob(2000000000)"))


def test_a_file_that_is_locked_or_missing_is_waited_for() -> None:
    with pytest.raises(DBAPIError) as missing:
        create_engine("sqlite:////no/folder/here.db").connect()
    assert is_down(missing.value)
    where = "file:locked?mode=memory&cache=shared"
    with closing(sqlite3.connect(where, uri=True)) as first, closing(sqlite3.connect(where, uri=True)) as second:
        first.executescript("CREATE TABLE a (b); BEGIN EXCLUSIVE; INSERT INTO a VALUES (1)")
        with pytest.raises(sqlite3.OperationalError) as locked:
            second.execute("SELECT * FROM a")
    assert is_down(OperationalError("SELECT", {}, locked.value))


def test_a_bug_is_no_store_that_is_down() -> None:
    assert not is_down(ValueError("no"))
