"""A store is moved into one of the same or the other kind: every row is there as it was, however often it was stopped."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from canary.store.database import Database
from canary.store.moving import STEP, differing, digests, end_move, move_store
from canary.store.queries import vendors
from canary.store.tables import CaseRow, HitRow, MailContentRow, MailRow, MailSenderRow, VendorWeekRow
from canary.views.search import search
from tests.conftest import START, administer
from tests.parts.test_pipeline import LURE, World, vendor_mail, world  # noqa: F401 - a fixture

MAILS = STEP + 20
_numbers = count(1)


@pytest.fixture
def filled(world: World) -> Database:  # noqa: F811
    """A store with mails, a case and its alerts; more mails than fit into a step."""
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    world.send(LURE, "bikes")
    world.run()
    with world.store.writing() as session:
        session.add_all(made(n) for n in range(10, 10 + MAILS))
        session.flush()
        session.add_all(MailSenderRow(key=f"k{n % 7}", mail_id=n) for n in range(10, 10 + MAILS))
        session.add(MailContentRow(mail_id=10, content=bytes(range(256))))
        session.add(VendorWeekRow(vendor_id=1, week=START.date()))
        session.get_one(CaseRow, 1).reopened = {"state": "ä"}
        session.execute(text("UPDATE canary SET persona = NULL"))
    return world.store


def made(number: int) -> MailRow:
    return MailRow(
        id=number, key=f"k{number}", sha256="d", size=1, received_at=START, subject=f"Mail {number}", text="quince",
        envelope={"b": 1, "a": [None, "ü"]}, identity={}, proofs={}, parts={},
    )  # fmt: skip


@pytest.fixture
def target(postgres_or_file: str) -> Iterator[Database]:
    store = Database(postgres_or_file)
    store.migrate()
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def postgres_or_file(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> str:
    if request.param == "sqlite":
        shutil.copy(sqlite_template, tmp_path / "target.db")
        return f"sqlite:///{tmp_path}/target.db"
    url, name = str(request.getfixturevalue("postgres")), f"target_{next(_numbers)}"
    administer(url, f"CREATE DATABASE {name} TEMPLATE template STRATEGY FILE_COPY")
    return url.format(name=name)


def move(source: Database, target: Database, after_step: Callable[[str], object] = lambda _: None) -> None:
    move_store(source, target, "this one", START, after_step)


def absent(session: Session, table: str, column: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {table} WHERE {column} IS NULL")).scalar_one())


def test_every_row_is_there_as_it_was(filled: Database, target: Database) -> None:
    move(filled, target)
    end_move(target)
    before, after = digests(filled), digests(target)
    assert differing(before, after) == []
    assert (after["mail"].rows, after["hit"].rows, after["outbox"].rows > 0) == (MAILS + 2, 2, True)
    for table, column in (("canary", "persona"), ("leak_case", "reopened"), ("leak_case", "due_at")):
        with filled.reading() as one, target.reading() as other:
            assert absent(one, table, column) == absent(other, table, column)


def test_a_store_that_was_moved_is_searched_and_written_like_any_other(filled: Database, target: Database) -> None:
    move(filled, target)
    end_move(target)
    with target.writing() as session:
        assert search(session, "quince").mails[0].subject == f"Mail {9 + MAILS}"
        assert vendors.add_vendor(session, "New", ["new.example"], START).slug == "new"
        session.add(HitRow(mail_id=10, canary_id=session.execute(text("SELECT min(id) FROM canary")).scalar_one(), at=START, verdict="spam", confidence=1, reasons=[]))  # fmt: skip
        session.flush()


class Killed(Exception):
    """The process ended here."""


@pytest.mark.parametrize("steps", [0, 1, 5, 9])
def test_killed_after_any_step_it_goes_on_from_there(filled: Database, target: Database, steps: int) -> None:
    left = iter(range(steps))

    def step(_: str) -> None:
        if next(left, None) is None:
            raise Killed

    with pytest.raises(Killed):
        move(filled, target, step)
    assert differing(digests(filled), digests(target))
    move(filled, target)
    assert differing(digests(filled), digests(target)) == []


def test_begun_again_it_writes_no_mail_twice(filled: Database, target: Database) -> None:
    first, second = list[str](), list[str]()
    move(filled, target, first.append)
    move(filled, target, second.append)
    assert (first.count("mail"), second.count("mail")) == (2, 0)


def test_a_store_that_is_used_is_no_target(filled: Database, target: Database) -> None:
    with target.writing() as session:
        vendors.add_vendor(session, "Mine", ["mine.example"], START)
    with pytest.raises(ValueError, match=r"^target: has a store in use; name an empty database"):
        move(filled, target)


def test_a_half_moved_store_is_no_target_for_another(filled: Database, target: Database) -> None:
    move(filled, target)
    with pytest.raises(ValueError, match=r"^target: another store is being moved there"):
        move_store(filled, target, "another", START, lambda _: None)


def test_what_was_written_meanwhile_shows_in_the_digests(filled: Database, target: Database) -> None:
    move(filled, target)
    with filled.writing() as session:
        session.get_one(MailRow, 11).subject = "Changed"
    assert differing(digests(filled), digests(target)) == ["mail"]
