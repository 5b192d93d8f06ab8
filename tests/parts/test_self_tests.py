"""Mail of self-tests is kept for a day, and is no news."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from canary.judge.selftest import HEADER, make_token
from canary.pipeline.batch import run_pending
from canary.store.self_tests import BATCH, KEPT, forget_self_tests
from canary.store.tables import HitRow, MailContentRow, MailRow, MailSenderRow
from canary.views.live_hits import newest, news
from canary.views.search import search
from canary.views.view_queries import latest_hits
from canary.web.live import event_of
from tests import recounting
from tests.parts.test_pipeline import LURE, World, vendor_mail, world  # noqa: F401 - a fixture

KEY = b"k" * 32


def self_test(world: World, name: str = "shop", number: int = 1) -> None:  # noqa: F811
    token = make_token(KEY, world.addresses[name], world.clock())
    text = f"From: doctor@mail.example\r\nSubject: Self-test {number}\r\n{HEADER}: {token}\r\n\r\nselftestword\r\n"
    world.send(text.encode(), name, sender="doctor@mail.example")


def run(world: World) -> None:  # noqa: F811
    asyncio.run(run_pending(replace(world.parts(), key=KEY), world.spool))


def forget(world: World) -> int:  # noqa: F811
    with world.store.writing() as session:
        return forget_self_tests(session, world.clock() - KEPT)


def counts_are_right(world: World) -> bool:  # noqa: F811
    with world.store.reading() as session:
        return recounting.kept(session) == recounting.counted(session)


def test_a_self_test_goes_after_a_day_with_all_that_was_counted_of_it_and_other_mail_stays(world: World) -> None:  # noqa: F811
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    run(world)
    world.clock.move(60)
    world.send(LURE, "bikes")
    self_test(world)
    self_test(world, "bikes")
    run(world)
    assert world.verdicts().count("self-test") == 2
    assert forget(world) == 0
    world.clock.now += KEPT + timedelta(seconds=1)
    assert forget(world) == 2
    assert world.verdicts().count("self-test") == 0
    assert len(world.rows(HitRow)) == len(world.rows(MailRow)) == len(world.rows(MailContentRow)) == 2
    assert {row.mail_id for row in world.rows(MailSenderRow)} <= {row.id for row in world.rows(MailRow)}
    assert counts_are_right(world)
    assert forget(world) == 0


def test_no_word_of_a_self_test_is_found_after_it_went(world: World) -> None:  # noqa: F811
    self_test(world)
    run(world)
    with world.store.reading() as session:
        assert search(session, "selftestword").mails
    world.clock.now += 2 * KEPT
    forget(world)
    with world.store.reading() as session:
        assert not search(session, "selftestword").mails


def test_a_batch_is_bounded(world: World) -> None:  # noqa: F811
    for number in range(BATCH + 5):
        self_test(world, number=number)
    run(world)
    while world.spool.backlog():
        run(world)
    world.clock.now += 2 * KEPT
    assert [forget(world), forget(world), forget(world)] == [BATCH, 5, 0]


def test_self_tests_are_live_at_their_address_only(world: World) -> None:  # noqa: F811
    world.send(LURE, "bikes")
    self_test(world)
    run(world)
    with world.store.reading() as session:
        assert newest(session) == 2
        assert [event_of(line).split("\n")[1] for line in news(session, 0)] == ["event: hit", "event: self-test"]
        assert [line.id for line in latest_hits(session)] == [1]
