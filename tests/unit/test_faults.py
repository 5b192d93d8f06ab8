"""What a program says, in one line, when it cannot go on."""

import errno
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from canary.processes.faults import explain


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("disk I/O error", "its disk is full or fails"),
        ("database or disk is full", "free some space"),
        ("could not extend file: No space left on device", "free some space"),
        ("unable to open database file", "its folder is there and can be written"),
        ("connection refused", "check store.url and that the database is up"),
    ],
)
def test_a_fault_of_the_store_comes_with_its_cure(words: str, cure: str) -> None:
    line, code = explain(OperationalError("SELECT 1", {}, sqlite3.OperationalError(words)))
    assert (line.startswith(f"store: {words}: "), cure in line, code) == (True, True, 1)


@pytest.mark.parametrize(("number", "cure"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "check the path")])
def test_a_file_that_cannot_be_written_comes_with_its_cure(number: int, cure: str) -> None:
    line, _ = explain(OSError(number, "No way", "/data/spool"))
    assert line.startswith("/data/spool: No way: ")
    assert cure in line
