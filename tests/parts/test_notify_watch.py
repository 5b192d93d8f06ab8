"""Processes at rest ask PostgreSQL nothing and miss no commit; what takes too long there is ended."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from canary.store.database import Database, is_down, is_overlong
from canary.store.notify_watch import NotifyWatch
from canary.store.tables import VendorRow
from tests.conftest import START
from tests.patience import PATIENCE
from tests.processes import eventually

pytestmark = pytest.mark.slow


def url_of(store: Database) -> str:
    return store.url.render_as_string(hide_password=False)


@pytest.fixture
def watch(postgres_store: Database) -> Iterator[NotifyWatch]:
    """A watch of somebody else, who hears; no look says yes only because so much time has passed."""
    other = Database(url_of(postgres_store))
    found = other.watch()
    assert isinstance(found, NotifyWatch)
    found.changed()
    assert found._hears.wait(PATIENCE)
    eventually(lambda: not found.changed())
    yield found
    found.close()
    other.close()


def add_vendor(store: Database, slug: str) -> None:
    with store.writing() as session:
        session.add(VendorRow(slug=slug, name=slug, created_at=START))


def test_every_commit_is_heard(watch: NotifyWatch, postgres_store: Database) -> None:
    for number in range(3):
        add_vendor(postgres_store, f"shop-{number}")
        assert watch._news.wait(PATIENCE)
        assert [watch.changed(), watch._news.is_set()] == [True, False]


def test_what_is_read_or_taken_back_is_not_said(postgres_store: Database) -> None:
    with postgres_store.engine.connect() as heard:
        heard.execution_options(isolation_level="AUTOCOMMIT").execute(text("LISTEN canary_commit"))
        with postgres_store.reading() as session:
            session.execute(text("SELECT count(*) FROM vendor"))
        with postgres_store.writing() as session:
            session.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with postgres_store.rehearsing() as session:
            session.add(VendorRow(slug="shop", name="shop", created_at=START))
            session.flush()
        heard.execute(text("NOTIFY canary_commit, 'end'"))
        driver: Any = heard.connection.dbapi_connection
        assert [note.payload for note in driver.notifies(timeout=PATIENCE, stop_after=1)] == ["end"]


def test_who_was_cut_off_says_yes_until_it_hears_again(watch: NotifyWatch, postgres_store: Database) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%canary_commit%' AND pid <> pg_backend_pid()"
    watch.changed()
    with postgres_store.engine.connect() as connection:
        assert connection.execute(text(cut)).scalars().all() == [True]
    eventually(lambda: not watch._hears.is_set())
    assert [watch.changed() for _ in range(3)] == [True] * 3
    assert watch._hears.wait(PATIENCE)
    eventually(lambda: not watch.changed())
    add_vendor(postgres_store, "shop")
    assert watch._news.wait(PATIENCE)


def test_a_statement_that_takes_too_long_is_ended_and_is_no_sign_that_the_store_is_down(
    postgres_store: Database,
) -> None:
    quick = Database(url_of(postgres_store), statement_seconds=0.05)
    with quick.reading() as session, pytest.raises(DBAPIError) as caught:
        session.execute(text("SELECT pg_sleep(60)"))
    assert (is_overlong(caught.value), is_down(caught.value)) == (True, False)
    quick.close()
