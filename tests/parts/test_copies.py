"""A mail that comes by several ways is one mail, and what lay in a mailbox for long alerts nobody."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from canary.model.mail import Client, Envelope, Trust
from canary.store.database import Database
from canary.store.queries import mails
from canary.store.tables import CaseRow, HitRow, MailRow, OutboxRow
from tests.conftest import Clock
from tests.parts.test_pipeline import World, vendor_mail, world_of

LURE = (
    b"From: Reader <u@bad.example>\r\nTo: you\r\nSubject: Reader update\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@bad.example>\r\n\r\nDownload the new version at https://bad.example/get\r\n"
)
SMTP, IMAP, HOOK = ("", Trust.WIRE), ("home", Trust.RECEIVER), ("mailgun", Trust.RECEIVER)


@pytest.fixture
def world(store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    with world_of(store, tmp_path, clock) as made:
        yield made


def come(world: World, way: tuple[str, Trust], content: bytes = LURE, *to: str, ago: timedelta = timedelta()) -> None:
    """Let a mail come in by an inlet, which was delivered there some time ago."""
    inlet, trust = way
    recipients = tuple(world.addresses[name] for name in to or ("shop",))
    client = Client("203.0.113.5", 25, "mx.example") if trust is Trust.WIRE else Client("")
    envelope = Envelope("u@bad.example", recipients, client, world.clock() - ago, trust, inlet)
    asyncio.run(world.spool.keep(envelope, content))


@pytest.mark.parametrize(("first", "second"), [(SMTP, IMAP), (IMAP, SMTP), (IMAP, HOOK), (IMAP, IMAP)])
def test_a_mail_that_comes_by_two_ways_is_one_mail(
    world: World, first: tuple[str, Trust], second: tuple[str, Trust]
) -> None:
    come(world, first)
    world.run()
    come(world, second, b"Received: from a by b; Sun, 1 Mar 2026 12:00:01 +0000\r\n" + LURE.replace(b"\r\n", b"\n"))
    world.run()
    assert (len(world.rows(MailRow)), len(world.rows(HitRow)), world.spool.backlog()) == (1, 1, 0)


def test_both_may_come_at_once(world: World) -> None:
    come(world, SMTP)
    come(world, IMAP)
    world.run()
    assert len(world.rows(HitRow)) == 1


def test_what_our_own_listener_took_twice_was_sent_twice(world: World) -> None:
    for _ in range(2):
        come(world, SMTP)
    world.run()
    assert len(world.rows(HitRow)) == 2


@pytest.mark.parametrize(
    "other",
    [
        LURE.replace(b"<1@bad", b"<2@bad"),
        LURE.replace(b"/get", b"/take"),
        LURE.replace(b"Reader <u@bad", b"Writer <u@bad"),
        LURE.replace(b"To: you", b"To: you\r\nReply-To: <thief@elsewhere.example>"),
    ],
    ids=["another Message-ID", "another body", "another author", "another address to answer to"],
)
def test_another_mail_is_not_hidden_behind_one_that_came(world: World, other: bytes) -> None:
    come(world, IMAP)
    world.run()
    come(world, IMAP, other)
    world.run()
    assert len(world.rows(HitRow)) == 2


def test_a_field_that_a_signature_covers_tells_mails_apart(world: World) -> None:
    signed = b"DKIM-Signature: v=1; d=bad.example; s=s; h=From:X-Offer : Subject; b=aaaa\r\nX-Offer: %b\r\n" + LURE
    for offer in (b"one", b"two", b"two"):
        come(world, IMAP, signed.replace(b"%b", offer))
    world.run()
    assert len(world.rows(HitRow)) == 2


def test_a_copy_at_another_canary_counts_there(world: World) -> None:
    come(world, IMAP)
    world.run()
    come(world, HOOK, LURE, "shop", "bikes")
    world.run()
    assert (len(world.rows(MailRow)), len(world.rows(HitRow))) == (2, 2)


def test_a_leak_that_lay_in_the_mailbox_for_long_opens_a_case_and_alerts_nobody(world: World) -> None:
    come(world, IMAP, ago=timedelta(days=60))
    world.run()
    assert len(world.rows(CaseRow)) == 1
    assert [row.routed for row in world.rows(OutboxRow)] == [True]


def test_what_came_lately_alerts_though_older_mail_came_with_it(world: World) -> None:
    come(world, IMAP, ago=timedelta(days=60))
    come(world, IMAP, LURE.replace(b"<1@", b"<2@"), "bikes", ago=timedelta(days=1))
    world.run()
    assert False in [row.routed for row in world.rows(OutboxRow)]


def test_a_mail_that_waited_long_in_our_own_spool_alerts(world: World) -> None:
    come(world, SMTP, ago=timedelta(days=60))
    world.run()
    assert [row.routed for row in world.rows(OutboxRow)] == [False]


def test_a_mailbox_is_told_what_was_charged_and_what_was_not(world: World) -> None:
    come(world, IMAP)
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    leak, news = (each.key for each in world.spool.waiting(10, world.clock()))
    with world.store.reading() as session:
        assert mails.charged(session, [leak, news]) == {}
    world.run()
    with world.store.reading() as session:
        assert mails.charged(session, [leak, news, "another-1"]) == {leak: True, news: False}
