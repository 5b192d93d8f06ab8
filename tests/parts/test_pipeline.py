"""The pipeline: from spool to case on a real spool and a real store of each kind."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.mail.received import read_trusted
from canary.model.attempt import Attempt, AttemptKind
from canary.model.mail import Client, Envelope, RawMail
from canary.model.party import SupplierLink
from canary.pipeline.batch import DNS_WAITS, run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.codec import findings_of, suspects_of
from canary.store.database import Database, is_down
from canary.store.queries import attempts, mails, vendors
from canary.store.tables import (
    CampaignMailRow,
    CampaignRow,
    CanaryRow,
    CaseEventRow,
    CaseRow,
    HitRow,
    MailRow,
    OutboxRow,
)
from tests.conftest import Clock

T = TypeVar("T")
ZONE: dict[str, object] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "bikes.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "down.example": "SERVFAIL",
    "_dmarc.down.example": "SERVFAIL",
}
LURE = b"From: Reader <u@bad.example>\r\nSubject: Reader update\r\n\r\nDownload the new version at https://bad.example/get\r\n"
LETTER = (
    "Dear {name}, the account of {address} was chosen for a prize of {number} pounds in gold coins that lie ready for\r\n"
    "you in our bank. Write back with the name of your own bank and we shall send the papers to you this week."
)
ANSWER = (
    b"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
)


def vendor_mail(domain: str) -> bytes:
    return f"From: News <news@{domain}>\r\nSubject: Hello\r\n\r\nThis is our news.\r\n".encode()


@dataclass
class World:
    """A spool, a store, a clock, and one canary for each of three vendors."""

    store: Database
    spool: Spool
    clock: Clock
    zone: dict[str, object]
    addresses: dict[str, str]

    def send(self, content: bytes, *to: str, sender: str = "u@bad.example", ip: str = "203.0.113.5") -> None:
        recipients = tuple(self.addresses.get(name, name) for name in to)
        envelope = Envelope(sender, recipients, Client(ip, 25, "mx.example"), self.clock())
        asyncio.run(self.spool.keep(envelope, content))

    def parts(self, store: Database | None = None) -> Context:
        return Context(store or self.store, lambda: ZoneLookup(self.zone), supplier_book(), self.clock)

    def run(self, store: Database | None = None) -> int:
        worked = asyncio.run(run_pending(self.parts(store), self.spool))
        weigh_all(store or self.store, self.clock())
        return worked

    def rows(self, table: type[T]) -> Sequence[T]:
        with self.store.reading() as session:
            return session.exec(select(table)).all()

    def verdicts(self) -> list[str]:
        return [hit.verdict for hit in self.rows(HitRow)]


@pytest.fixture
def world(store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    with world_of(store, tmp_path, clock) as made:
        yield made


@contextmanager
def world_of(store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    addresses = {}
    with store.writing() as session:
        for name, domain in (("Shop", "shop.example"), ("Bikes", "bikes.example"), ("Down", "down.example")):
            slug = vendors.add_vendor(session, name, [domain], clock()).slug
            addresses[slug] = lifecycle.issue(
                session, IssueOrder(slug, "in.example"), secrets.randbelow, clock()
            ).address
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield World(store, spool, clock, dict(ZONE), addresses)
    spool.close()


def test_the_vendors_own_mail_is_expected_and_opens_no_case(world: World) -> None:
    world.send(vendor_mail("shop.example"), "shop", sender="b@shop.example", ip="192.0.2.1")
    assert world.run() == 1
    assert (world.verdicts(), world.rows(CaseRow), world.rows(CampaignRow)) == (["expected"], [], [])


def test_the_first_leak_opens_a_case_with_one_alert(world: World) -> None:
    for _ in range(3):
        world.send(LURE, "shop")
    world.run()
    assert world.verdicts() == ["spam"] * 3
    assert (len(world.rows(CaseRow)), len(world.rows(OutboxRow)), len(world.rows(CampaignRow))) == (1, 1, 1)


def test_copies_that_name_their_victim_are_one_campaign_whatever_host_sends_them(world: World) -> None:
    for number, (to, ip) in enumerate((("shop", "203.0.113.5"), ("bikes", "198.51.100.7"))):
        body = LETTER.format(name=to.title(), address=world.addresses[to], number=number)
        world.send(f"From: a{number}@h{number}.example\r\nSubject: Hello {to}\r\n\r\n{body}\r\n".encode(), to, ip=ip)
    world.run()
    campaigns, linked = world.rows(CampaignRow), world.rows(CampaignMailRow)
    assert [campaign.mails for campaign in campaigns] == [2]
    assert [[by["kind"] for link in row.links for by in link["by"]] for row in linked] == [[], ["text"]]


def test_a_leaked_address_is_burned_and_keeps_listening(world: World) -> None:
    world.send(LURE, "shop")
    world.run()
    states = {row.address: row.state for row in world.rows(CanaryRow)}
    assert states[world.addresses["shop"]] == "burned"
    assert states[world.addresses["bikes"]] == "active"


def test_a_mail_to_several_canaries_is_one_mail_and_several_hits(world: World) -> None:
    world.send(LURE, "shop", "bikes")
    world.run()
    assert (len(world.rows(MailRow)), len(world.rows(HitRow))) == (1, 2)


def test_the_spool_forgets_a_mail_only_after_it_is_in_the_store(world: World) -> None:
    world.send(LURE, "shop")
    world.run()
    assert world.spool.backlog() == 0
    with world.store.reading() as session:
        assert mails.octets(session, world.rows(MailRow)[0].id or 0) == LURE


@pytest.mark.slow
def test_vendors_without_a_common_supplier_hit_by_one_campaign_are_one_case_of_the_owners_own_side(
    world: World,
) -> None:
    world.send(LURE, "shop")
    world.send(LURE, "bikes")
    world.run()
    [case] = world.rows(CaseRow)
    assert suspects_of(case.suspects)[0].name == "Own side"


def test_vendors_with_a_common_supplier_hit_by_one_campaign_are_one_case(world: World) -> None:
    with world.store.writing() as session:
        silver = vendors.add_supplier(session, "Silver", world.clock())
        for vendor in ("shop", "bikes"):
            vendors.add_supply(session, SupplierLink(vendor, silver.slug))
    world.send(LURE, "shop")
    world.send(LURE, "bikes")
    world.run()
    [case] = world.rows(CaseRow)
    assert suspects_of(case.suspects)[0].name == "Silver"
    assert [event.kind for event in world.rows(CaseEventRow)] == ["watched", "joined", "opened"]


def test_what_is_believed_of_a_case_is_kept_with_it(world: World) -> None:
    world.send(LURE, "shop", "down")
    world.run()
    for case in (case for case in world.rows(CaseRow) if case.merged_into is None):
        assert all(0 <= s.p <= 1 and s.factor >= 0 for s in suspects_of(case.suspects))
        window = findings_of(case.findings).window
        assert window is not None
        assert window.from_90 <= window.to_90 <= world.clock()


def test_a_bounce_alone_opens_no_case(world: World) -> None:
    world.send(ANSWER, "shop", sender="")
    world.run()
    assert (world.verdicts(), [case.state for case in world.rows(CaseRow)]) == (["backscatter"], ["watched"])


def test_a_bounce_joins_a_case_that_is_open(world: World) -> None:
    world.send(LURE, "shop")
    world.send(ANSWER, "shop", sender="")
    world.run()
    assert {hit.case_id for hit in world.rows(HitRow)} == {world.rows(CaseRow)[0].id}


def test_a_mail_that_comes_again_after_a_crash_counts_once(world: World) -> None:
    world.send(LURE, "shop")
    raw = world.spool.waiting(1, world.clock())
    world.run()
    asyncio.run(run_pending(world.parts(), Again(world.spool, raw)))
    assert (len(world.rows(MailRow)), len(world.rows(HitRow)), len(world.rows(OutboxRow))) == (1, 1, 1)


class Again(Spool):
    """A spool whose last deletion was lost, as after a power cut."""

    def __init__(self, spool: Spool, raw: list[RawMail]) -> None:
        super().__init__(spool.path, reserve_bytes=0, max_backlog=10)
        self.raw = raw

    def waiting(self, limit: int, now: datetime) -> list[RawMail]:
        return self.raw


def test_mail_to_nobodys_canary_is_kept_without_a_hit(world: World) -> None:
    world.send(LURE, "postmaster@in.example")
    world.run()
    assert (len(world.rows(MailRow)), world.rows(HitRow)) == (1, [])


def test_a_verdict_that_hangs_on_dns_waits_and_is_judged_when_dns_is_back(world: World) -> None:
    world.send(vendor_mail("down.example"), "down", sender="b@down.example", ip="192.0.2.1")
    world.run()
    assert (world.verdicts(), world.run()) == ([], 0)
    world.zone |= {"down.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}, "_dmarc.down.example": {}}
    world.clock.move(DNS_WAITS[0].total_seconds())
    world.run()
    assert world.verdicts() == ["expected"]


def test_dns_that_stays_down_ends_in_a_question_and_not_in_an_accusation(world: World) -> None:
    world.send(vendor_mail("down.example"), "down", sender="b@down.example", ip="192.0.2.1")
    for wait in (timedelta(0), *DNS_WAITS):
        world.clock.move(wait.total_seconds())
        world.run()
    assert (world.verdicts(), world.rows(CaseRow)) == (["new-sender"], [])


def nul() -> bytes:
    return b"\0" * 1_000_000


def thousand_parts() -> bytes:
    head = b"From: a@bad.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    return head + b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n" * 1000


def huge() -> bytes:
    return b"From: a@bad.example\r\n\r\n" + b"x" * 76 * 328_000


def nested() -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (i, i) for i in range(1000))


@pytest.mark.parametrize("make", [bytes, nul, thousand_parts, huge, nested, lambda: b"no headers\r\n"])
def test_malformed_mail_is_kept_and_judged(world: World, make: Callable[[], bytes]) -> None:
    content = make()
    world.send(content, "shop")
    assert (world.run(), world.run()) == (1, 0)
    assert world.verdicts() == ["spam"]
    with world.store.reading() as session:
        assert mails.octets(session, 1) == content


def test_attempts_feed_the_guess_pressure(world: World) -> None:
    for _ in range(3):
        world.spool.note(Attempt(AttemptKind.GUESS, "in.example", "192.0.2.0/24", world.clock()))
    world.send(LURE, "shop")  # the writer keeps order: a mail kept later means that they are written
    world.run()
    with world.store.reading() as session:
        assert attempts.guesses(session, "in.example").total() == 3


def test_a_store_that_is_down_makes_the_mails_wait(world: World) -> None:
    world.send(LURE, "shop")
    with pytest.raises(OperationalError) as caught:
        world.run(Database("postgresql+psycopg://canary@127.0.0.1:9/none", busy_seconds=2))
    assert is_down(caught.value)
    assert (world.spool.backlog(), world.run(), world.verdicts()) == (1, 1, ["spam"])


def test_the_stages_pass_in_their_order(world: World) -> None:
    passed: list[str] = []
    world.send(LURE, "shop")
    parts = world.parts()
    watched = Context(parts.store, parts.lookup, parts.book, parts.clock, passed.append)
    asyncio.run(run_pending(watched, world.spool))
    assert passed == ["parse", "authenticate", "gather", "judge", "assign", "write", "commit", "done"]


def relayed(trace: bytes) -> bytes:
    return b"Received: from " + trace + b" by mx.in.example with ESMTPS id 1; Sun, 1 Mar 2026 12:00:00 +0000\r\n"


def test_behind_our_own_machine_the_client_is_the_one_it_took_the_mail_from(world: World) -> None:
    content = relayed(b"out.shop.example (out.shop.example [192.0.2.1])") + vendor_mail("shop.example")
    world.send(content, "shop", sender="b@shop.example", ip="198.51.100.9")
    asyncio.run(run_pending(replace(world.parts(), trusted=read_trusted(["198.51.100.0/24"])), world.spool))
    assert world.verdicts() == ["expected"]


def test_a_trace_is_not_believed_from_a_machine_that_is_not_ours(world: World) -> None:
    content = relayed(b"out.shop.example (out.shop.example [192.0.2.1])") + vendor_mail("shop.example")
    world.send(content, "shop", sender="b@shop.example", ip="203.0.113.5")
    asyncio.run(run_pending(replace(world.parts(), trusted=read_trusted(["198.51.100.0/24"])), world.spool))
    assert world.verdicts() == ["impersonation"]
