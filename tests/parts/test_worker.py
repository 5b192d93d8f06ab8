"""What a worker at rest notices: every commit to a spool or to the store, whoever makes it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.model.mail import Client, Envelope
from canary.processes.shutdown import ShutdownSignal
from canary.processes.spools import Spools, open_spool
from canary.processes.worker import Wakeups
from canary.settings import Arranged, Settings
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Arranged(data=tmp_path / "data", smtp={"spool_reserve": 0})


def watching(settings: Settings, store: Database, act: Callable[[Wakeups], Awaitable[None]]) -> None:
    """Do something while commits are watched for, once the first look is over."""

    async def main() -> None:
        news, stopping = Wakeups(), ShutdownSignal(watched=False)
        task = asyncio.create_task(news.watch(Spools(settings), store.watch(), stopping))
        await news.alerts.wait()
        news.mails.clear()
        news.alerts.clear()
        async with asyncio.timeout(30):
            await act(news)
        stopping.event.set()
        await task

    asyncio.run(main())


def receive(settings: Settings, name: str) -> Spool:
    spool = open_spool(settings, name)
    spool.start(lambda: NOW)
    return spool


async def keep_a_mail(spool: Spool) -> None:
    await spool.keep(Envelope("a@b.example", ("c@d.example",), Client("192.0.2.1"), NOW), b"Subject: x\r\n\r\nx\r\n")


def test_a_mail_in_a_spool_is_news_of_mails_only(settings: Settings, sqlite_store: Database) -> None:
    spool = receive(settings, "smtp")

    async def act(news: Wakeups) -> None:
        await keep_a_mail(spool)
        await news.mails.wait()
        assert not news.alerts.is_set()

    watching(settings, sqlite_store, act)
    spool.close()


def test_a_spool_that_appears_later_is_noticed_with_its_first_mail(settings: Settings, sqlite_store: Database) -> None:
    first = receive(settings, "smtp")

    async def act(news: Wakeups) -> None:
        second = await asyncio.to_thread(receive, settings, "smtp-2")
        await news.mails.wait()
        news.mails.clear()
        await keep_a_mail(second)
        await news.mails.wait()
        second.close()

    watching(settings, sqlite_store, act)
    first.close()


def test_a_commit_to_the_store_is_news_of_alerts_only(settings: Settings, sqlite_store: Database) -> None:
    def commit() -> None:
        with sqlite_store.writing() as session:
            vendors.add_vendor(session, "Shop", ["shop.example"], NOW)

    async def act(news: Wakeups) -> None:
        await asyncio.to_thread(commit)
        await news.alerts.wait()
        assert not news.mails.is_set()

    watching(settings, sqlite_store, act)


def test_those_who_wait_are_let_go_at_the_stop(settings: Settings, sqlite_store: Database) -> None:
    async def main() -> None:
        news, stopping = Wakeups(), ShutdownSignal(watched=False)
        stopping.event.set()
        await news.watch(Spools(settings), sqlite_store.watch(), stopping)
        assert news.mails.is_set()
        assert news.alerts.is_set()

    asyncio.run(main())
