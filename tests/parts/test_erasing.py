"""Erasing a person: everything that mentions the person is replaced, what it meant stays, on a store of each kind."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select as choose

from canary.model.data_subject import read_person
from canary.store.engine import file_of
from canary.store.erasing import STAYING, erase_traces, find_traces
from canary.store.purging import purge_everything
from canary.store.queries import audit, mails
from canary.store.tables import (
    CampaignMailRow,
    CampaignRow,
    CaseEventRow,
    CaseRow,
    HitRow,
    MailContentRow,
    MailRow,
    MuteRow,
    OutboxRow,
    StatementRow,
    UserRow,
    VendorCountRow,
)
from canary.store.tables.base import metadata
from canary.views.search import search
from tests.conftest import START
from tests.parts.test_pipeline import World, vendor_mail, world  # noqa: F401 - a fixture

JANE = read_person("jane.doe@post.example", b"a key")
WROTE = b"From: Jane Doe <Jane.Doe@post.example>\r\nSubject: Our boat\r\nTo: x@in.example\r\n\r\nThe keys of the mooring hang by the door.\r\n"
GOT = (
    b"From: News <news@shop.example>\r\nTo: Jane Doe <jane.doe@post.example>\r\nSubject: News for jane.doe@post.example\r\n\r\n"
    b"Dear Jane, https://shop.example/u?m=jane.doe%40post.example\r\n"
)
NAMED = b"From: Deals <deals@bad.example>\r\nSubject: Cheap\r\n\r\nAs jane.doe@post.example wrote, cheap pills https://bad.example/p\r\n"
HIDDEN = (
    b"From: Deals <deals@bad.example>\r\nSubject: Other\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain\r\n\r\nOther pills https://bad.example/q\r\n--b\r\nContent-Type: application/x-list\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nb25lLCBqYW5lLmRvZUBwb3N0LmV4YW1wbGUsIHR3bw==\r\n--b--\r\n"
)
ELSE = b"From: Deals <deals@bad.example>\r\nSubject: Third\r\n\r\nMary-jane.doe@post.example is someone else https://bad.example/r\r\n"


@pytest.fixture
def peopled(world: World) -> World:  # noqa: F811
    """Mails by, to and about a person, beside others; and what people wrote about a case."""
    world.send(WROTE, "shop", sender="jane.doe@post.example")
    world.send(GOT, "shop", sender="bounce-jane.doe=post.example@shop.example", ip="192.0.2.1")
    for content in (NAMED, HIDDEN, ELSE):
        world.send(content, "bikes", sender="deals@bad.example")
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    world.run()
    with world.store.writing() as session:
        case = world.rows(CaseRow)[0].id or 0
        session.add(CaseEventRow(case_id=case, at=START, kind="note", text="called Jane.Doe@post.example today"))
        session.add(
            StatementRow(case_id=case, at=START, party="jane.doe@post.example", text="no", noted_at=START, noted_by="x")
        )
        session.add(
            OutboxRow(id="f1", at=START, fact={"sender": "jane.doe@post.example", "why": ["jane.doe@post.example"]})
        )
        session.add(MuteRow(subject="case:9", at=START, who="jane.doe@post.example"))
        audit.audit(session, START, "admin", "note", "case:1", "jane.doe@post.example")
        session.add(UserRow(name="jane.doe@post.example", created_at=START))
    return world


def erase(world: World) -> None:  # noqa: F811
    traces = erase_traces(world.store, JANE)
    purge_everything(world.store, traces.tables)


def everything(world: World) -> str:  # noqa: F811
    """All texts of the store, but those of tables whose rows stay."""
    with world.store.reading() as session:
        return repr([session.execute(choose(t)).all() for t in metadata.sorted_tables if t.name not in STAYING])


def test_what_is_held_is_counted_by_where_it_stands_and_nothing_changes(peopled: World) -> None:
    before = everything(peopled)
    traces = find_traces(peopled.store, JANE)
    assert traces.mails == {"sender": 1, "recipient": 1, "text": 1, "octets": 1}
    written = {"case_event": 1, "case_statement": 1, "outbox": 2, "alert_mute": 1, "audit": 1}
    assert {name: traces.rows[name] for name in written} == written
    assert traces.staying == {"user_account": 1}
    assert everything(peopled) == before


def test_once_erased_a_person_is_nowhere_in_the_store(peopled: World) -> None:
    assert re.search(r"(?<!Mary-)jane.doe(@|=|%40)post.example", everything(peopled), re.IGNORECASE)
    erase(peopled)
    assert not re.search(r"(?<!Mary-)jane.doe(@|=|%40)post.example", everything(peopled), re.IGNORECASE)
    assert find_traces(peopled.store, JANE).mails == find_traces(peopled.store, JANE).rows == {}


def test_of_a_mail_by_or_to_the_person_the_words_and_octets_go(peopled: World) -> None:
    erase(peopled)
    rows = sorted(peopled.rows(MailRow), key=lambda row: row.id or 0)
    assert [(row.subject, row.text) for row in rows[:2]] == [
        (JANE.mark, ""),
        (f"News for {JANE.mark}@post.example", ""),
    ]
    assert (rows[0].sender, rows[0].sender_name) == (f"{JANE.mark}@post.example", JANE.mark)
    assert {row.mail_id for row in peopled.rows(MailContentRow)} == {5, 6}
    assert "Jane Doe" not in repr(rows[0]) + repr(rows[1])
    assert JANE.mark in rows[2].text


def test_what_judging_needs_stays(peopled: World) -> None:
    def meaning() -> list[Any]:
        hits = [(hit.mail_id, hit.verdict, hit.confidence, hit.case_id) for hit in peopled.rows(HitRow)]
        rows = [(row.key, row.sha256, row.size, row.identity_domain, row.received_at) for row in peopled.rows(MailRow)]
        return [sorted(hits, key=str), sorted(rows, key=str), peopled.rows(VendorCountRow)]

    before = meaning()
    erase(peopled)
    assert meaning() == before


def test_mail_that_does_not_concern_the_person_stays_octet_for_octet(peopled: World) -> None:
    erase(peopled)
    with peopled.store.reading() as session:
        assert (mails.octets(session, 5), mails.octets(session, 6)) == (ELSE, vendor_mail("shop.example"))


def test_the_search_finds_no_erased_word_and_all_others(peopled: World) -> None:
    with peopled.store.reading() as session:
        assert [line.mail for line in search(session, "mooring").mails] == [1]
    erase(peopled)
    with peopled.store.reading() as session:
        assert [search(session, word).mails for word in ("mooring", "boat")] == [(), ()]
        assert [line.mail for line in search(session, "pills").mails] == [4, 3]


def test_no_erased_word_is_left_in_the_file(peopled: World) -> None:
    file = file_of(peopled.store.url)
    if file is None:
        pytest.skip("its pages are looked at in test_purging.py")
    assert b"mooring" in everything_in(file)
    erase(peopled)
    octets = everything_in(file)
    assert [word for word in (b"mooring", b"Our boat", b"case:9 jane") if word in octets] == []
    # What is left is the name of the user, in its row and in the index of names.
    assert len(re.findall(rb"(?i)(?<!Mary-)jane\.doe@post", octets)) == 2


def everything_in(file: Path) -> bytes:
    return b"".join(each.read_bytes() for each in (file, file.with_name(f"{file.name}-wal")) if each.exists())


def test_a_campaign_shows_no_words_of_a_mail_that_the_person_wrote(peopled: World) -> None:
    with peopled.store.writing() as session:
        session.add(CampaignRow(subject="Our boat", first_at=START, last_at=START, mails=1))
        shown = session.get(CampaignMailRow, 1) or CampaignMailRow(mail_id=1)
        shown.features = [{"kind": "subject", "value": "our boat"}]
        session.add(shown)
    erase(peopled)
    assert "boat" not in repr([*peopled.rows(CampaignRow), *peopled.rows(CampaignMailRow)])


class Killed(Exception):
    """The process ended here."""


def killed_after(steps: int) -> Callable[[], None]:
    left = iter(range(steps))

    def step() -> None:
        if next(left, None) is None:
            raise Killed

    return step


@pytest.mark.parametrize("steps", range(4))
def test_killed_after_any_step_it_goes_on_with_what_is_left(peopled: World, steps: int) -> None:
    held = find_traces(peopled.store, JANE)
    with pytest.raises(Killed):
        erase_traces(peopled.store, JANE, killed_after(steps))
    left = find_traces(peopled.store, JANE)
    assert left.mails.total() + left.rows.total() < held.mails.total() + held.rows.total()
    erase(peopled)
    assert find_traces(peopled.store, JANE).rows == {}


def test_rows_that_become_one_under_the_mark_become_one(world: World) -> None:  # noqa: F811
    with world.store.writing() as session:
        for name in ("jane.doe@post.example", "Jane.Doe@post.example"):
            session.add(MuteRow(subject=name, at=START))
    erase(world)
    assert [row.subject for row in world.rows(MuteRow)] == [f"{JANE.mark}@post.example"]


def test_mail_that_comes_in_later_is_held_again_under_the_same_mark(peopled: World) -> None:
    erase(peopled)
    peopled.clock.move(timedelta(days=1).total_seconds())
    peopled.send(WROTE, "shop", sender="jane.doe@post.example")
    peopled.run()
    assert find_traces(peopled.store, JANE).mails == {"sender": 1}


def test_every_table_that_stays_exists(world: World) -> None:  # noqa: F811
    del world
    assert set(STAYING) <= set(metadata.tables)
