"""Live updates: every open page gets each hit once, as long as its session lasts."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request

from canary.store import tables
from canary.store.queries.users import revoke
from canary.views.live_hits import MOST, news
from canary.views.models import HitLine
from canary.web.config import WebConfig
from canary.web.live import CHECKS, LISTENERS, WAITING, Live, LiveListener, SeenHits, event_of
from canary.web.rendering import PageContext
from tests.patience import PATIENCE
from tests.website import EVIL, NOW, Site, serve


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("live")) as site:
        yield site


def hit(site: Site, hours: float = 1) -> int:
    with site.database.writing() as session:
        row = tables.HitRow(
            mail_id=None, canary_id=1, at=NOW + timedelta(hours=hours), verdict="probe", confidence=0.6, reasons=[]
        )
        session.add(row)
        session.flush()
        return row.id or 0


def line(number: int, subject: str = "") -> HitLine:
    return HitLine(number, 1, NOW, "spam", 1, 7, "a@x.example", "Shop", "shop", subject, "s@b.example", "", ())


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for said in lines:
        if said.startswith("data: "):
            yield json.loads(said.removeprefix("data: "))


def test_an_open_page_is_told_of_an_address_that_a_program_made(site: Site) -> None:
    with site.logged_in("viewer") as client, client.stream("GET", "/live", timeout=PATIENCE) as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 3000"
        with site.database.writing() as session:
            session.add(tables.CanaryRow(id=9, address="p@example.net", domain="example.net", vendor_id=1, style="tagged", bits=65, issued_at=NOW, tentative=True))  # fmt: skip
        heard = next(events(lines))
    assert heard == {"id": 9}


@pytest.mark.slow
def test_an_open_page_gets_a_hit_when_it_comes(site: Site) -> None:
    with site.logged_in("viewer") as client, client.stream("GET", "/live", timeout=PATIENCE) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-content-type-options"] == "nosniff"
        lines = response.iter_lines()
        assert next(lines) == "retry: 3000"
        number = hit(site)
        heard = next(events(lines))
    assert (heard["id"], heard["verdict"], heard["leak"], heard["case"]) == (number, "probe", False, None)


def test_a_disconnected_page_first_gets_what_it_missed(site: Site) -> None:
    before = hit(site)
    missed = [hit(site), hit(site)]
    headers = {"Last-Event-ID": str(before)}
    with site.logged_in() as client, client.stream("GET", "/live", headers=headers, timeout=PATIENCE) as response:
        heard = events(response.iter_lines())
        assert [next(heard)["id"], next(heard)["id"]] == missed


def test_nobody_listens_without_a_session(site: Site) -> None:
    with site.client() as client:
        assert client.get("/live").status_code == 303


def test_a_hostile_subject_ends_no_event() -> None:
    event = event_of(line(1, f"\r\n\n{EVIL}\u2028data: x\n\nevent: hit"))
    assert event.count("\n") == 4
    assert json.loads(event.split("data: ", 1)[1])["subject"].startswith("\r\n\n")


def test_a_hit_that_commits_late_is_sent_and_nothing_is_sent_twice() -> None:
    seen = SeenHits(10)
    assert [each.id for each in seen.note_new([line(11), line(13)])] == [11, 13]
    assert [each.id for each in seen.note_new([line(11), line(12), line(13), line(14)])] == [12, 14]
    assert seen.since == 10
    seen.note_new([line(500)])
    assert seen.since == 500 - MOST // 2


def test_of_very_many_only_the_newest_are_sent(site: Site) -> None:
    for _ in range(MOST + 5):
        newest = hit(site)
    with site.database.reading() as session:
        told = news(session, 0)
    assert [each.id for each in told] == list(range(newest - MOST + 1, newest + 1))


def live(site: Site) -> Live:
    return Live(PageContext(WebConfig(site.database, lambda: site.now, site.url)), 0.001)


def asked(secret: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/live", "headers": [(b"cookie", f"canary={secret}".encode())]}
    )


def test_a_hit_that_comes_before_the_stream_is_read_is_sent(site: Site) -> None:
    async def listen() -> tuple[int, str]:
        response = await live(site).live(asked(site.secret("session", "viewer")))
        number = hit(site)
        chunks = response.body_iterator  # type: ignore[attr-defined]
        return number, await anext(chunk async for chunk in chunks if chunk.startswith("id: "))

    number, chunk = asyncio.run(asyncio.wait_for(listen(), PATIENCE))
    assert chunk.startswith(f"id: {number}\nevent: hit\n")


def test_a_stream_that_nobody_reads_does_not_occupy_a_place_for_ever(site: Site) -> None:
    async def abandon() -> int:
        source = live(site)
        await source.live(asked(site.secret("session", "viewer")))
        (listener,) = source._listeners
        for _ in range(WAITING + 1):
            listener.send("x")
        await source._turn(SeenHits(0), 1)
        return len(source._listeners)

    assert asyncio.run(abandon()) == 0


def test_a_stream_ends_soon_after_its_session_did(site: Site) -> None:
    secret = site.secret("session", "viewer")

    async def listen() -> list[Any]:
        response = await live(site).live(asked(secret))
        with site.database.writing() as session:
            revoke(session, secret, site.now)
        return [chunk async for chunk in response.body_iterator]  # type: ignore[attr-defined]

    heard = asyncio.run(asyncio.wait_for(listen(), PATIENCE))
    assert [chunk for chunk in heard if not chunk.startswith(":")] == ["retry: 3000\n\n"]
    assert CHECKS <= 60


def test_a_listener_that_reads_nothing_is_disconnected() -> None:
    async def fall_behind() -> str | None:
        listener = LiveListener("")
        for _ in range(WAITING + 1):
            listener.send("x")
        return await listener.waiting.get()

    assert asyncio.run(fall_behind()) is None


def test_no_more_than_so_many_may_listen(site: Site) -> None:
    async def crowd() -> None:
        source = live(site)
        source._listeners = {LiveListener("") for _ in range(LISTENERS)}
        await source.live(asked(""))

    with pytest.raises(Exception, match="Too many pages are listening"):
        asyncio.run(crowd())
