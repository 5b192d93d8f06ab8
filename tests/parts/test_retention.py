"""Mail that is no longer needed is deleted in time, on a real store of each kind."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from canary.store.queries import mails
from canary.store.retention import BATCH, BEGIN, CopyPosition, let_go, thin_out
from canary.store.tables import CaseRow, HitRow, MailContentRow, MailRow, VendorCountRow
from canary.views.search import search
from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.conftest import START
from tests.parts.test_pipeline import LURE, World, vendor_mail, world  # noqa: F401 - a fixture
from tests.website import Site, serve, serve_app

LATER = START + timedelta(days=30)


@pytest.fixture
def kept(world: World) -> World:  # noqa: F811
    """The vendor's own mail, then a leak."""
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    world.send(LURE, "bikes")
    world.run()
    return world


def forget(world: World, before: datetime) -> int | None:  # noqa: F811
    with world.store.writing() as session:
        return let_go(session, before)


def of_mails(world: World, field: str) -> list[str]:  # noqa: F811
    return [getattr(mail, field) for mail in sorted(world.rows(MailRow), key=lambda mail: mail.id or 0)]


def test_old_mail_is_deleted_and_mail_of_a_case_is_not(kept: World) -> None:
    assert forget(kept, LATER) == 1
    with kept.store.reading() as session:
        assert (mails.octets(session, 1), mails.octets(session, 2)) == (None, LURE)
    assert [bool(text) for text in of_mails(kept, "text")] == [False, True]


def test_mail_that_is_young_enough_stays(kept: World) -> None:
    assert forget(kept, START) is None
    assert len(kept.rows(MailContentRow)) == 2


def test_mail_of_a_sender_that_is_asked_about_stays(kept: World) -> None:
    with kept.store.writing() as session:
        session.get_one(HitRow, 1).verdict = "new-sender"
    assert forget(kept, LATER) is None


def test_what_it_meant_and_all_counts_stay(kept: World) -> None:
    before = kept.rows(HitRow), kept.rows(VendorCountRow)
    forget(kept, LATER)
    assert (kept.rows(HitRow), kept.rows(VendorCountRow)) == before
    assert of_mails(kept, "subject") == ["Hello", "Reader update"]


def test_the_search_finds_no_deleted_text(kept: World) -> None:
    with kept.store.reading() as session:
        assert [mail.mail for mail in search(session, "our news").mails] == [1]
    forget(kept, LATER)
    with kept.store.reading() as session:
        assert search(session, "our news").mails == ()
        assert [mail.mail for mail in search(session, "hello").mails] == [1]


def test_each_batch_goes_on_after_the_one_before(world: World) -> None:  # noqa: F811
    with world.store.writing() as session:
        for n in range(1, BATCH + 3):
            session.add(MailRow(key=str(n), sha256="", size=1, received_at=START, envelope={}, identity={}, proofs={}, parts={}))  # fmt: skip
        session.flush()
        session.add_all(MailContentRow(mail_id=n, content=b"") for n in range(1, BATCH + 3))
    assert forget(world, LATER) == BATCH
    with world.store.writing() as session:
        assert (let_go(session, LATER, BATCH), let_go(session, LATER, BATCH + 2)) == (BATCH + 2, None)


@pytest.fixture
def flood(world: World) -> World:  # noqa: F811
    """Five copies of one mail, at two addresses by turns."""
    for n in range(5):
        world.send(LURE, ("bikes", "shop")[n % 2])
        world.run()
    return world


def thin(world: World, first: int, before: datetime = LATER) -> list[int]:  # noqa: F811
    """Thin out all campaigns, and return which mails are kept as they came."""
    position: CopyPosition | None = BEGIN
    while position is not None:
        with world.store.writing() as session:
            position = thin_out(session, first, before, position)
    with world.store.reading() as session:
        return [n for n in range(1, len(world.rows(MailRow)) + 1) if mails.octets(session, n) == LURE]


def test_of_a_campaign_the_first_mails_are_kept_as_they_came(flood: World) -> None:
    before = flood.rows(HitRow), flood.rows(MailRow), [row.parsed for row in flood.rows(MailContentRow)]
    assert (thin(flood, 5), thin(flood, 4), thin(flood, 2, START)) == ([1, 2, 3, 4, 5], [1, 2, 3, 4], [1, 2, 3, 4])
    with flood.store.writing() as session:
        session.add(CaseRow(vendor_id=1, state="new", opened_at=START, last_hit_at=START, opening_hit=4))
    assert (thin(flood, 2), thin(flood, 2)) == ([1, 2, 4], [1, 2, 4])
    assert before == (flood.rows(HitRow), flood.rows(MailRow), [row.parsed for row in flood.rows(MailContentRow)])
    with flood.store.reading() as session:
        assert {mail.mail for mail in search(session, "reader update").mails} == {1, 2, 3, 4, 5}


def test_mail_of_a_smaller_campaign_is_kept_as_it_came(kept: World) -> None:
    assert thin(kept, 1) == [2]
    with kept.store.reading() as session:
        assert mails.octets(session, 1) is not None


def test_the_page_of_a_mail_says_that_its_content_was_deleted(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        with site.database.writing() as session:
            session.delete(session.get_one(MailContentRow, 1))
        with site.logged_in("viewer") as client:
            shown = client.get("/mail/1").text
            assert client.get("/mail/1/raw").status_code == 404
    assert "Its content was deleted after a time" in shown
    assert "/mail/1/raw" not in shown


def test_a_mail_whose_octets_were_deleted_still_shows_its_text(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        with site.database.writing() as session:
            session.get_one(MailContentRow, 1).content = b""
            session.get_one(MailRow, 1).text = "Nobody else has this text"
        with site.logged_in("viewer") as client:
            shown, html = client.get("/mail/1").text, client.get("/mail/1?html=1").text
            assert client.get("/mail/1/raw").status_code == 404
    assert ("Nobody else has this text" in shown, "/mail/1/raw" in shown, "deleted after a time" in shown) == (
        True,
        False,
        False,
    )
    assert "deleted after a time" not in html


@pytest.mark.parametrize(("days", "said"), [(None, "All mail is kept in full"), (90, "deleted after 90 days")])
def test_the_set_up_page_says_what_is_kept(tmp_path: Path, days: int | None, said: str) -> None:
    with serve(tmp_path) as first:
        app = create_app(WebConfig(first.database, lambda: first.now, retention=timedelta(days=days) if days else None))
        with serve_app(Site("", app, first.database, first.now)) as site, site.logged_in("viewer") as client:
            assert said in client.get("/setup").text
