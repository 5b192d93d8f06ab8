"""The durable spool: what was acknowledged stays, what is done goes, and lack of space loses nothing."""

import asyncio
import logging
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Client, Envelope
from canary.spool.attempt_buffer import AttemptBuffer
from canary.spool.spool import Spool
from canary.spool.spool_file import SpoolFault, SpoolFull

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HELO = 'odd \udcff "name"'
ENVELOPE = Envelope("a@b.example", ("x@example.net", "y@example.net"), Client("192.0.2.1", 25, HELO, "TLSv1.3 X"), NOW)


def make(path: Path, *, reserve_bytes: int = 0, max_backlog: int = 1000, max_pages: int | None = None) -> Spool:
    return Spool(path, reserve_bytes=reserve_bytes, max_backlog=max_backlog, max_pages=max_pages)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def keep(spool: Spool, *contents: bytes) -> list[str]:
    async def main() -> list[str]:
        return await asyncio.gather(*(spool.keep(ENVELOPE, content) for content in contents))

    return run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    spool = make(path)
    spool.start(lambda: NOW)
    yield spool
    spool.close()


@pytest.fixture
def worker(path: Path, spool: Spool) -> Iterator[Spool]:
    """Another process' view of the same file."""
    worker = make(path)
    yield worker
    worker.close()


def test_a_mail_comes_out_as_it_went_in(spool: Spool, worker: Spool) -> None:
    content = bytes(range(256)) * 100
    [key] = keep(spool, content)
    [mail] = worker.waiting(10, NOW)
    assert (mail.key, mail.envelope, mail.content) == (key, ENVELOPE, content)
    assert key == f"{worker.uid}-1"


@pytest.mark.parametrize("content", [b"", b"\0" * 1000, b"\r\n.\r\n", b"x" * 25 * 1024 * 1024])
def test_contents_of_any_kind_and_size_are_kept_octet_for_octet(spool: Spool, worker: Spool, content: bytes) -> None:
    keep(spool, content)
    assert [mail.content for mail in worker.waiting(10, NOW)] == [content]


def test_many_mails_at_once_keep_their_order_and_their_keys(spool: Spool, worker: Spool) -> None:
    contents = [str(number).encode() for number in range(2000)]
    keys = keep(spool, *contents)
    mails = worker.waiting(5000, NOW)
    assert [mail.content for mail in mails] == contents
    assert [mail.key for mail in mails] == keys


def test_two_receivers_at_one_file_give_no_number_twice(path: Path, spool: Spool) -> None:
    other = make(path)
    other.start(lambda: NOW)
    keys = [key for _ in range(3) for receiver in (spool, other) for key in keep(receiver, b"x", b"y")]
    assert [mail.key for mail in spool.waiting(100, NOW)] == keys
    assert len(set(keys)) == 12
    other.close()


def test_a_kept_mail_survives_without_any_goodbye(path: Path, spool: Spool, tmp_path: Path) -> None:
    keep(spool, b"durable")
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    assert [mail.content for mail in make(copy).waiting(10, NOW)] == [b"durable"]


@pytest.mark.slow
def test_waiting_is_bounded_in_mails_and_in_octets(spool: Spool, worker: Spool) -> None:
    keep(spool, *[b"x" * 3_000_000] * 4)
    assert len(worker.waiting(2, NOW)) == 2
    assert len(worker.waiting(10, NOW)) == 3


def test_what_is_done_does_not_come_back(spool: Spool, worker: Spool) -> None:
    keys = keep(spool, *[b"x"] * 100)
    worker.done(keys[:70])
    worker.done([*keys[:70], "other-1", "nonsense", ""])
    assert [mail.key for mail in worker.waiting(100, NOW)] == keys[70:]
    assert worker.backlog() == 30


def test_a_key_is_never_given_twice(path: Path, spool: Spool) -> None:
    [first] = keep(spool, b"1")
    spool.done([first])
    spool.close()
    spool.start(lambda: NOW)
    assert keep(spool, b"2") != [first]


def test_a_postponed_mail_waits_for_its_time_and_lets_others_pass(spool: Spool, worker: Spool) -> None:
    first, second = keep(spool, b"1", b"2")
    worker.postpone(first, NOW + timedelta(minutes=1), "RuntimeError: no DNS")
    assert [mail.key for mail in worker.waiting(10, NOW)] == [second]
    assert [mail.key for mail in worker.waiting(10, NOW + timedelta(minutes=1))] == [first, second]
    assert worker.backlog() == 2


def test_tries_are_counted_until_the_mail_is_done(spool: Spool, worker: Spool) -> None:
    [key] = keep(spool, b"1")
    assert worker.tries(key) == 0
    for _ in range(3):
        worker.postpone(key, NOW, "again")
    assert worker.tries(key) == 3
    worker.done([key])
    assert worker.tries(key) == 0


def test_attempts_come_out_in_order_and_are_forgotten_up_to_a_number(path: Path, spool: Spool, worker: Spool) -> None:
    noted = [Attempt(AttemptKind.GUESS, f"d{number}.example", "192.0.2.0/24", NOW) for number in range(9)]
    noted.append(Attempt(AttemptKind.PROBE, "example.net", "", NOW, "x@example.net"))
    for attempt in noted:
        spool.note(attempt)
    spool.close()
    taken = worker.attempts(4)
    assert [attempt for _, attempt in taken] == noted[:4]
    worker.forget_attempts(taken[-1][0])
    assert [attempt for _, attempt in worker.attempts(100)] == noted[4:]


@pytest.mark.slow
def test_a_flood_of_attempts_is_counted_to_the_last(spool: Spool, worker: Spool) -> None:
    for number in range(40_000):
        spool.note(Attempt(AttemptKind.RELAY, f"d{number}.example", "192.0.2.0/24", NOW))
    spool.close()
    assert sum(attempt.count for _, attempt in worker.attempts(100_000)) == 40_000


def test_attempts_of_a_flood_are_added_up_in_memory_by_kind_domain_source_hour_and_shape() -> None:
    notes = AttemptBuffer()
    notes.add(*[Attempt(AttemptKind.GUESS, "example.net", "", NOW)] * 10_000)
    notes.add(*[Attempt(AttemptKind.RELAY, f"d{n}.example", "192.0.2.0/24", NOW) for n in range(500)])
    for shape in (LocalShape.NAME, LocalShape.WORD, LocalShape.NAME):
        notes.add(*[Attempt(AttemptKind.GUESS, "example.net", "", NOW, shape=shape)] * 100)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    assert notes.take()[10_000:] == [
        Attempt(AttemptKind.RELAY, "", "192.0.2.0/24", hour, count=500),
        Attempt(AttemptKind.GUESS, "example.net", "", hour, shape=LocalShape.NAME, count=200),
        Attempt(AttemptKind.GUESS, "example.net", "", hour, shape=LocalShape.WORD, count=100),
    ]
    assert notes.take() == []


@pytest.mark.slow
def test_a_probe_keeps_its_address_in_a_flood_and_loses_its_source_first() -> None:
    notes = AttemptBuffer()
    notes.add(*[Attempt(AttemptKind.GUESS, "example.net", "", NOW)] * 10_000)
    for number in range(30_000):
        notes.add(Attempt(AttemptKind.PROBE, "example.net", f"2001:db8:{number:x}::/48", NOW, f"x{number}@example.net"))
    told = [(bool(sum_.source), bool(sum_.address)) for sum_ in notes.take()[10_000:] for _ in range(sum_.count)]
    assert Counter(told) == {(True, True): 10_000, (False, True): 10_000, (False, False): 10_000}


@pytest.mark.slow
def test_attempts_from_everywhere_take_no_more_memory_than_those_from_one_place() -> None:
    notes = AttemptBuffer()
    for number in range(50_000):
        notes.add(Attempt(AttemptKind.GUESS, "example.net", f"2001:db8:{number:x}::/48", NOW))
    taken = notes.take()
    assert sum(attempt.count for attempt in taken) == 50_000
    assert len(taken) == 20_001


def slowly(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


def fill_with_attempts(path: Path, spread: str) -> None:
    rows = f"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT {spread} FROM n"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"INSERT INTO attempt (kind, domain, source, at, address) {rows}", [NOW.isoformat()])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "rows"),
    [
        ("'guess', 'example.net', (i % 10) || '.0.0.0/24', ?, ''", 10),
        slowly("'probe', 'example.net', (i % 10) || '.0.0.0/24', ?, (i % 20) || '@example.net'", 21),
        slowly("'probe', 'example.net', i || '::/48', ?, (i % 20) || '@example.net'", 21),
        slowly("'relay', i || '.example', '192.0.2.0/24', ?, ''", 2),
        slowly("'probe', 'example.net', i || '::/48', ?, i", 2),
    ],
)
def test_a_file_full_of_attempts_is_added_up_and_the_sum_stays_true(
    path: Path, spool: Spool, worker: Spool, spread: str, rows: int
) -> None:
    spool.close()
    fill_with_attempts(path, spread)
    spool.start(lambda: NOW)
    spool.note(Attempt(AttemptKind.GUESS, "example.net", "0.0.0.0/24", NOW))
    spool.close()
    counted = [attempt.count for _, attempt in worker.attempts(100_000)]
    assert (len(counted), sum(counted)) == (rows, 100_001)


@pytest.mark.slow
def test_a_file_full_of_guesses_is_added_up_by_their_shape(path: Path, spool: Spool, worker: Spool) -> None:
    spool.close()
    fill_with_attempts(path, "'guess', 'example.net', i || '::/48', ?, ''")
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE attempt SET shape = iif(id % 4, 'word', 'name')")
        file.commit()
    spool.start(lambda: NOW)
    spool.note(Attempt(AttemptKind.GUESS, "example.net", "", NOW, shape=LocalShape.WORD))
    spool.close()
    assert {a.shape: a.count for _, a in worker.attempts(10)} == {LocalShape.WORD: 75_001, LocalShape.NAME: 25_000}


@pytest.mark.slow
def test_attempts_that_a_worker_has_taken_stay_as_they_were_and_are_counted_once(
    path: Path, spool: Spool, worker: Spool
) -> None:
    spool.close()
    fill_with_attempts(path, "'guess', 'example.net', '192.0.2.0/24', ?, ''")
    spool.start(lambda: NOW)
    taken = worker.attempts(1000)
    spool.note(taken[0][1])
    spool.close()
    assert worker.attempts(1000)[:1000] == taken
    worker.forget_attempts(taken[-1][0])
    assert [attempt.count for _, attempt in worker.attempts(1000)] == [99_001]


def test_attempts_wait_for_a_file_that_cannot_be_written_and_lose_nothing(
    path: Path, spool: Spool, worker: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE attempt RENAME TO gone")
        for _ in range(100):
            spool.note(Attempt(AttemptKind.GUESS, "example.net", "", NOW))
        with pytest.raises(SpoolFault):
            keep(spool, b"x")
        file.execute("ALTER TABLE gone RENAME TO attempt")
    keep(spool, b"x")
    spool.close()
    assert sum(attempt.count for _, attempt in worker.attempts(1000)) == 100


def test_a_file_of_an_earlier_version_is_brought_up_to_date(path: Path, spool: Spool) -> None:
    spool.note(Attempt(AttemptKind.GUESS, "example.net", "", NOW))
    spool.close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE attempt SET address = 'word'")
        file.execute("ALTER TABLE attempt DROP COLUMN shape")
        file.execute("ALTER TABLE attempt DROP COLUMN count")
        file.execute("DELETE FROM meta WHERE name = 'handed'")
        file.execute("DROP TABLE begun")
        file.commit()
    spool.start(lambda: NOW)
    spool.begin(keep(spool, b"x"), NOW)
    assert len(spool.unfinished(10, NOW, (1, 1))) == 1
    spool.note(Attempt(AttemptKind.GUESS, "example.net", "", NOW))
    spool.close()
    told = [(attempt.count, attempt.shape, attempt.address) for _, attempt in spool.attempts(10)]
    assert told == [(1, LocalShape.WORD, ""), (1, LocalShape.UNKNOWN, "")]


def test_addresses_are_remembered_beside_the_spool(path: Path, spool: Spool) -> None:
    assert list(spool.remembered()) == []
    spool.remember(["a@example.net", "ä b@example.net"])
    spool.remember(["ü@example.net"])
    assert list(make(path).remembered()) == ["a@example.net", "ä b@example.net", "ü@example.net"]


@pytest.mark.parametrize("torn", ["u", "u@example.ne", "x" * 300])
def test_an_address_that_was_not_remembered_to_its_end_is_none_and_the_next_one_is_whole(
    path: Path, spool: Spool, torn: str
) -> None:
    spool.remember(["a@example.net"])
    with path.with_name(path.name + ".addresses").open("a") as file:
        file.write(torn)
    assert list(spool.remembered()) == ["a@example.net"]
    spool.remember(["b@example.net"])
    assert list(spool.remembered()) == ["a@example.net", "b@example.net"]


def test_a_worker_that_starts_first_finds_nothing_and_follows_later(path: Path) -> None:
    worker, spool = make(path), make(path)
    assert (worker.waiting(10, NOW), worker.backlog(), worker.attempts(10)) == ([], 0, [])
    worker.done(["x-1"])
    worker.postpone("x-1", NOW, "")
    assert not path.exists()
    spool.start(lambda: NOW)
    keep(spool, b"x")
    assert len(worker.waiting(10, NOW)) == 1
    spool.close()
    worker.close()


def test_only_the_owner_may_read_the_file(path: Path, spool: Spool) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# Want of space.


def test_a_full_file_refuses_and_loses_nothing_and_takes_mail_again_when_there_is_space(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "canary.spool")
    spool = make(path, max_pages=120)
    spool.start(lambda: NOW)
    kept = [key for _ in range(7) for key in keep(spool, b"x" * 50_000)]
    for _ in range(20):
        with pytest.raises(SpoolFull):
            keep(spool, b"x" * 50_000)
    assert [mail.key for mail in spool.waiting(100, NOW)] == kept
    spool.done(kept)
    keep(spool, b"y" * 50_000)
    spool.close()
    assert [message.split(str(path))[1].split(",")[0].split(";")[0] for message in caplog.messages] == [
        " is full", " has space again",
    ]  # fmt: skip


def test_one_mail_that_does_not_fit_takes_no_other_with_it(path: Path) -> None:
    spool = make(path, max_pages=100)
    spool.start(lambda: NOW)

    async def main() -> list[str | BaseException]:
        contents = [b"small", b"x" * 10_000_000, b"small"]
        return await asyncio.gather(*(spool.keep(ENVELOPE, c) for c in contents), return_exceptions=True)

    answers = run(main())
    assert [type(answer) for answer in answers] == [str, SpoolFull, str]
    assert [mail.key for mail in spool.waiting(10, NOW)] == [answers[0], answers[2]]
    spool.close()


def test_a_disk_below_its_reserve_is_full_and_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = make(path, reserve_bytes=1 << 60)
    spool.start(lambda: NOW)
    assert [spool.full, spool.full, spool.full] == [True] * 3
    assert len(caplog.messages) == 1
    spool.close()


def test_a_backlog_at_its_limit_is_full_until_the_worker_makes_room(path: Path, worker: Spool, spool: Spool) -> None:
    spool.close()
    spool = make(path, max_backlog=3)
    spool.start(lambda: NOW)
    keys = keep(spool, b"1", b"2")
    assert not spool.full
    keys += keep(spool, b"3")
    assert spool.full
    worker.done(keys[:1])
    [later] = keep(spool, b"4")
    worker.done([later])
    spool.close()
    spool.start(lambda: NOW)
    assert not spool.full
    spool.close()


# Damage.


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(os.urandom(size - 4096))


@pytest.mark.parametrize("harm", [damage, lambda path: path.write_bytes(b"no database" * 99), Path.touch])
def test_a_damaged_file_is_set_aside_whole_and_a_fresh_one_starts(
    path: Path, harm: Any, caplog: pytest.LogCaptureFixture
) -> None:
    if harm is damage:
        first = make(path)
        first.start(lambda: NOW)
        keep(first, *[b"x" * 10_000] * 9)
        first.close()
    harm(path)
    before = path.read_bytes()
    spool = make(path)
    spool.start(lambda: NOW)
    assert path.with_name("spool.db.damaged-20260301T120000123456").read_bytes() == before
    assert len(keep(spool, b"y")) == len(spool.waiting(10, NOW)) == len(caplog.messages) == 1
    spool.close()


def test_damage_met_while_running_is_set_aside_too(path: Path, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    keep(spool, *[b"x" * 10_000] * 9)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    damage(path)
    with pytest.raises(SpoolFault):
        keep(spool, b"refused for now")
    assert len(keep(spool, b"y")) > 0
    assert path.with_name("spool.db.damaged-20260301T120000123456").exists()


def test_a_worker_follows_to_the_fresh_file_and_mistakes_no_key(path: Path, spool: Spool, worker: Spool) -> None:
    [old] = keep(spool, b"old")
    worker.waiting(10, NOW)
    spool.close()
    path.rename(path.with_name("aside.db"))
    spool.start(lambda: NOW)
    [new] = keep(spool, b"new")
    worker.done([old])
    assert [mail.key for mail in worker.waiting(10, NOW)] == [new]


def test_a_file_deleted_under_a_running_receiver_loses_no_later_mail(
    path: Path, spool: Spool, worker: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    keep(spool, b"lost with the file")
    path.unlink()
    [key] = keep(spool, b"later")
    assert [mail.key for mail in worker.waiting(10, NOW)] == [key]
    assert "moved or deleted" in caplog.messages[0]


def test_a_fault_is_temporary_and_the_spool_works_when_it_is_over(path: Path, spool: Spool, worker: Spool) -> None:
    file = sqlite3.connect(path)
    file.execute("ALTER TABLE mail RENAME TO gone")
    with pytest.raises(SpoolFault) as raised:
        keep(spool, b"x", b"y")
    assert not isinstance(raised.value, SpoolFull)
    with pytest.raises(SpoolFault):
        worker.waiting(10, NOW)
    file.execute("ALTER TABLE gone RENAME TO mail")
    file.close()
    assert len(keep(spool, b"y")) == len(worker.waiting(10, NOW)) == 1


def test_a_folder_that_is_not_there_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SpoolFault, match=r"missing/spool\.db cannot be opened: .*; check the folder"):
        make(tmp_path / "missing" / "spool.db").start(lambda: NOW)


def test_a_spool_that_is_closed_takes_nothing(spool: Spool) -> None:
    spool.close()
    with pytest.raises(SpoolFault):
        keep(spool, b"x")


def test_a_waiter_who_gave_up_harms_nobody(spool: Spool, worker: Spool) -> None:
    async def main() -> str:
        impatient = asyncio.ensure_future(spool.keep(ENVELOPE, b"1"))
        patient = asyncio.ensure_future(spool.keep(ENVELOPE, b"2"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    key = run(main())
    assert [mail.key for mail in worker.waiting(10, NOW)][-1] == key
