"""What was let go leaves no word behind: not in the index of the search, and not in the pages of the store."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from canary.alerts.health_check import HealthCheck
from canary.processes.jobs import JOBS, JobContext, run_job
from canary.processes.stage_timer import StageTimer
from canary.store.database import Database
from canary.store.engine import file_of
from canary.store.purging import purge_everything, purge_mail_index
from canary.store.retention import let_go
from canary.store.tables import MailContentRow, MailRow
from canary.views.search import search
from tests.conftest import START, Clock

MAILS = 400
FILLER = " ".join(f"filler{n}" for n in range(150))
RELATIONS = """
    WITH ours AS (SELECT oid, reltoastrelid FROM pg_class WHERE relname IN ('mail', 'mail_content', 'words_mail'))
    SELECT pg_relation_filepath(oid) FROM ours
    UNION SELECT pg_relation_filepath(reltoastrelid) FROM ours WHERE reltoastrelid <> 0
"""
LATER = START + timedelta(days=60)


def fill(store: Database, first: int = 1) -> None:
    """Store mails each of which has a word of its own; batch by batch, as they come in."""
    for begin in range(first, first + MAILS, 50):
        with store.writing() as session:
            for n in range(begin, begin + 50):
                session.add(MailRow(
                    id=n, key=f"k{n}", sha256="", size=1, received_at=START, envelope={}, identity={}, proofs={}, parts={},
                    subject="News", sender="a@b.example", text=f"{FILLER} quince{n}quince",
                ))  # fmt: skip
            session.flush()
            session.add_all(MailContentRow(mail_id=n, content=b"quince%dquince" % n) for n in range(begin, begin + 50))


def let_all_go(store: Database) -> None:
    with store.writing() as session:
        while let_go(session, LATER) is not None:
            pass


def words_in_index(store: Database) -> int:
    """How many pages of SQLite's index have a word of the mails' own, marked as gone or not."""
    with store.reading() as session:
        pages = session.execute(text("SELECT block FROM words_mail_data")).scalars()
        return sum(b"quince" in page for page in pages)


def residue(store: Database) -> set[bytes]:
    """The mails' own words that stand in the files of the store; a part of a word counts."""
    return {word for file in files(store) for word in re.findall(rb"quince\d*", file.read_bytes())}


def files(store: Database) -> list[Path]:
    if file := file_of(store.url):
        return [file, *file.parent.glob(f"{file.name}-wal")]
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        return [folder / path for path in connection.execute(text(RELATIONS)).scalars() if path]


def test_a_word_of_mail_that_was_let_go_is_gone_from_the_index(sqlite_store: Database) -> None:
    fill(sqlite_store)
    let_all_go(sqlite_store)
    assert words_in_index(sqlite_store) > 0  # SQLite only marks it as gone
    purge_mail_index(sqlite_store)
    assert words_in_index(sqlite_store) == 0


def test_a_word_of_mail_that_was_let_go_is_gone_from_the_file(sqlite_store: Database) -> None:
    fill(sqlite_store)
    let_all_go(sqlite_store)
    purge_mail_index(sqlite_store)
    assert residue(sqlite_store) == set()


def test_after_everything_was_purged_no_file_of_the_store_has_a_word_of_it(store: Database) -> None:
    fill(store)
    assert residue(store)
    let_all_go(store)
    purge_everything(store, ["mail", "mail_content"])
    assert residue(store) == set()


def test_what_stays_is_found_as_before(store: Database) -> None:
    fill(store)
    with store.writing() as session:
        session.get_one(MailRow, 7).received_at = LATER
    let_all_go(store)
    purge_mail_index(store)
    purge_everything(store, ["mail", "mail_content"])
    with store.reading() as session:
        found = [[line.mail for line in search(session, f"quince{n}quince").mails] for n in (7, 8)]
        assert (found, len(search(session, "news").mails)) == ([[7], []], 50)


def test_retention_purges_the_index_at_once_and_then_once_a_day(sqlite_store: Database, clock: Clock) -> None:
    [job] = [job for job in JOBS if job.name == "apply retention"]
    health = HealthCheck(lambda: None, dict)
    context = JobContext(sqlite_store, clock, "here", "here:1", health, StageTimer(), retention=timedelta(days=30))
    clock.now = LATER
    left = []
    for round_, hours in enumerate((0, 1, 24)):
        clock.move(hours * 3600)
        fill(sqlite_store, 1 + round_ * MAILS)
        run_job(job, context)
        left.append(words_in_index(sqlite_store) > 0)
    assert left == [False, True, False]


def test_a_reader_of_old_pages_is_named_with_the_cure(sqlite_store: Database) -> None:
    fill(sqlite_store)
    impatient = Database(str(sqlite_store.url), busy_seconds=0.1)
    with sqlite_store.reading() as session:
        session.execute(text("SELECT count(*) FROM mail"))
        with pytest.raises(TimeoutError, match=r"-wal: a reader holds it, and old pages are in it; do it again later$"):
            purge_everything(impatient, ["mail"])
    purge_everything(impatient, ["mail"])
    impatient.close()
