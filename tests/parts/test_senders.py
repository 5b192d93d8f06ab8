"""Learning who sends for whom, asking once, and judging again: on a real spool and a real store of each kind."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlmodel import col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import answers, end_dates
from canary.cases.rejudge import BATCH, RejudgeOutcome
from canary.cases.weigh import weigh_all
from canary.judge.providers import ProviderRegistry
from canary.model.mail import Client, Envelope
from canary.model.party import SupplierLink
from canary.model.sender import SenderState
from canary.model.verdict import Reason, state_reason
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.senders import profile
from canary.spool.spool import Spool
from canary.store.codec import reasons_json, reasons_of, suspects_of
from canary.store.database import Database
from canary.store.queries import audit, vendors
from canary.store.queries.vendors import Unknown
from canary.store.tables import (
    AuditRow,
    CampaignRow,
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    OutboxRow,
    SenderRow,
    SupplierLinkRow,
    VendorEventRow,
)
from tests.conftest import Clock

T = TypeVar("T")
DAY = 86_400
ZONE: dict[str, object] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 include:sendgrid.net -all"]},
    "bikes.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "bounce.mail.shop.example": {"TXT": ["v=spf1 ip4:13.111.0.0/16 -all"]},
    "tillroll.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "deals.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "sendgrid.net": {"TXT": ["v=spf1 ip4:149.72.0.0/16 -all"]},
    "k1.ksd2.klaviyomail.com": {"TXT": ["v=spf1 ip4:149.72.0.0/16 -all"]},
}
RECEIPT = "Trendy Shoes has taken 41.90 from your card. Details: https://tillroll.example/r/"
OFFER = "Forty percent off everything at our pier, this week only, until stocks are gone. Unsubscribe here."


def mail(sender: str, text: str, subject: str = "Hello", *headers: str) -> bytes:
    return "\r\n".join((f"From: {sender}", f"Subject: {subject}", *headers, "", text, "")).encode()


@dataclass
class World:
    """A spool, a store, a clock that moves, and a canary for each of two vendors."""

    store: Database
    spool: Spool
    clock: Clock
    addresses: dict[str, str]
    book: ProviderRegistry

    def send(
        self, content: bytes, to: str = "trendy-shoes", sender: str = "", ip: str = "192.0.2.1", days: float = 0
    ) -> None:
        """Let a mail come so many days later, and be concluded."""
        self.clock.move(days * DAY)
        recipients = tuple(self.addresses[name] for name in to.split())
        envelope = Envelope(sender, recipients, Client(ip, 25, "mx.example"), self.clock())
        asyncio.run(self.spool.keep(envelope, content))
        parts = Context(self.store, lambda: ZoneLookup(ZONE), self.book, self.clock)
        asyncio.run(run_pending(replace(parts, learning=timedelta(days=42)), self.spool))
        weigh_all(self.store, self.clock())

    def receipt(self, to: str = "trendy-shoes", days: float = 0, text: str = RECEIPT) -> None:
        """A payment service writes about business with the vendor, under its own name."""
        content = mail("Tillroll <receipts@tillroll.example>", text, "Your receipt", "X-Nr: 1")
        self.send(content, to, "b@tillroll.example", "198.51.100.7", days)

    def confirm(self, days: float = 0) -> None:
        """The same service asks to confirm an address that was given a moment ago."""
        text = "You asked for letters of Trendy Shoes. One click: https://tillroll.example/c/1"
        content = mail("Tillroll <receipts@tillroll.example>", text, "Please confirm your subscription")
        self.send(content, sender="b@tillroll.example", ip="198.51.100.7", days=days)

    def news(
        self, account: int = 4711, to: str = "trendy-shoes", days: float = 0, domain: str = "shop.example"
    ) -> None:
        """A newsletter in the vendor's name through an account at a provider, signed by nobody."""
        content = mail(f"News <news@{domain}>", "New boots are in.", "Boots", "List-Unsubscribe: <https://x.example/u>")
        self.send(content, to, f"bounces+{account}-ab12-x=y@sendgrid.net", "149.72.33.44", days)

    def own(self, days: float = 0, subject: str = "IssueOrder", *headers: str) -> None:
        """The vendor itself writes, with proof."""
        self.send(mail("Shop <o@shop.example>", "Your order.", subject, *headers), sender="o@shop.example", days=days)

    def carried(self, days: float) -> None:
        """The vendor itself writes, with its own proof, by an account at a provider."""
        path = "bounce-12_HTML-1-1400500-7898424-77@bounce.mail.shop.example"
        self.send(mail("News <news@shop.example>", "Boots."), sender=path, ip="13.111.9.9", days=days)

    def offer(self, to: str = "trendy-shoes", days: float = 0) -> None:
        """A buyer of lists proves its own domain."""
        content = mail(
            "Pier <deals@deals.example>", OFFER, "Forty percent", "List-Unsubscribe: <https://deals.example/u>"
        )
        self.send(content, to, "b@deals.example", "198.51.100.9", days)

    def approve(self, key: str, vendor: str = "trendy-shoes") -> RejudgeOutcome:
        with self.store.writing() as session:
            return answers.approve(session, vendor, key, "ada", self.clock())

    def deny(self, key: str, vendor: str = "trendy-shoes") -> RejudgeOutcome:
        with self.store.writing() as session:
            return answers.deny(session, vendor, key, "ada", self.clock())

    def rows(self, table: type[T]) -> Sequence[T]:
        with self.store.reading() as session:
            return sorted(session.exec(select(table)).all(), key=lambda row: getattr(row, "id", 0))

    def verdicts(self) -> list[str]:
        with self.store.reading() as session:
            return list(session.exec(select(HitRow.verdict).order_by(col(HitRow.id))).all())

    def states(self) -> dict[str, str]:
        return {row.key: row.state for row in self.rows(SenderRow)}

    def told(self) -> list[str]:
        """What was reported, by the time of the mail; a question comes before what its answer says of the same mail."""
        facts = sorted(self.rows(OutboxRow), key=lambda row: (row.at, row.fact["kind"] != "new-sender"))
        return [str(row.fact["kind"]) for row in facts]


@pytest.fixture(scope="module")
def book() -> ProviderRegistry:
    return supplier_book()


@pytest.fixture
def world(store: Database, tmp_path: Path, clock: Clock, book: ProviderRegistry) -> Iterator[World]:
    addresses = {}
    with store.writing() as session:
        for name, domain in (("Trendy Shoes", "shop.example"), ("Bikes and More", "bikes.example")):
            slug = vendors.add_vendor(session, name, [domain], clock()).slug
            addresses[slug] = lifecycle.issue(
                session, IssueOrder(slug, "in.example"), secrets.randbelow, clock()
            ).address
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield World(store, spool, clock, addresses, book)
    spool.close()


# What is learned, and what is asked


def test_the_vendors_own_domain_is_declared_and_counted(world: World) -> None:
    world.own()
    world.own(days=3)
    [row] = world.rows(SenderRow)
    assert (row.key, row.state, row.count, row.proof) == ("shop.example", "declared", 2, "spf-aligned")
    assert row.last_at is not None
    assert row.first_at is not None
    assert row.last_at - row.first_at == timedelta(days=3)


def test_a_sender_that_acts_for_the_vendor_is_asked_about_once(world: World) -> None:
    for _ in range(3):
        world.receipt(days=60)
    assert world.verdicts() == ["new-sender"] * 3
    assert (world.told(), world.states()) == (["new-sender"], {"tillroll.example": "pending"})
    [question] = world.rows(OutboxRow)
    assert (question.fact["identity"], question.fact["vendor"]) == ("tillroll.example", "Trendy Shoes")


def test_a_pending_sender_is_not_charged_for_mail_that_says_less(world: World) -> None:
    world.receipt(days=60)
    world.receipt(text="Your statement for March is ready.")
    assert (world.verdicts(), world.rows(CaseRow)) == (["new-sender"] * 2, [])


def test_who_writes_first_on_the_first_day_is_believed_for_two_weeks_and_later_asked_about_once(world: World) -> None:
    for days in (0.1, 6, 7, 6, 6):
        world.news(days=days)
    assert world.verdicts() == ["expected"] * 3 + ["new-sender"] * 2
    assert (world.told(), world.states()) == (["new-sender"], {"sendgrid/4711": "pending"})


def test_who_writes_in_the_vendors_name_after_the_first_day_is_asked_about(world: World) -> None:
    world.news(days=6)
    assert (world.verdicts(), world.states()) == (["new-sender"], {"sendgrid/4711": "pending"})


def test_who_writes_on_the_first_day_after_the_vendor_itself_is_asked_about(world: World) -> None:
    world.own(days=0.1)
    world.news(days=0.1)
    assert world.verdicts() == ["expected", "new-sender"]


def test_quiet_mails_in_the_vendors_name_teach_nothing(world: World) -> None:
    for _ in range(8):
        world.news(days=5)
    assert world.states() == {"sendgrid/4711": "pending"}


def test_what_is_learned_is_in_the_vendors_timeline(world: World) -> None:
    world.carried(days=1)
    texts = [event.text for event in world.rows(VendorEventRow)]
    account = "salesforce-marketing-cloud/7898424"
    assert f"{account} sends for Trendy Shoes, whose own signature came with it." in texts


def test_an_account_that_first_writes_after_the_first_weeks_is_asked_about(world: World) -> None:
    world.news(days=60)
    world.news(days=60)
    assert (world.verdicts(), world.told()) == (["new-sender"] * 2, ["new-sender"])


def test_nothing_is_learned_quietly_at_a_vendor_with_an_open_case(world: World) -> None:
    world.offer(days=1)
    world.confirm(days=1)
    world.receipt(days=20)
    assert world.verdicts() == ["third-party", "new-sender", "new-sender"]
    assert world.told() == ["case-opened", "new-sender"]


def test_a_stranger_who_writes_first_with_proof_is_a_leak_and_no_sender(world: World) -> None:
    world.offer(days=1)
    assert (world.verdicts(), world.rows(SenderRow)) == (["third-party"], [])


def test_another_account_at_the_same_provider_is_another_party(world: World) -> None:
    world.news(days=1)
    world.news(days=20)
    world.send(
        mail("Pier <deals@deals.example>", OFFER, "Forty", "List-Unsubscribe: <https://deals.example/u>"),
        sender="bounces+999-ab12-x=y@sendgrid.net", ip="149.72.33.44",
    )  # fmt: skip
    assert world.verdicts() == ["expected", "new-sender", "third-party"]


def test_the_account_of_one_vendor_excuses_no_other(world: World) -> None:
    world.news(days=1)
    world.news(days=20)
    world.send(
        mail("News <n@shop.example>", OFFER, "Forty", "List-Unsubscribe: <https://shop.example/u>"), "bikes-and-more",
        "bounces+4711-ab12-x=y@sendgrid.net", "149.72.33.44",
    )  # fmt: skip
    assert world.verdicts()[2] == "third-party"


def test_the_vendors_own_proof_confirms_an_account_at_once_in_the_first_weeks(world: World) -> None:
    world.carried(days=3)
    account = "salesforce-marketing-cloud/7898424"
    assert (world.verdicts(), world.states()) == (["expected"], {"shop.example": "declared", account: "learned"})


@pytest.mark.slow
def test_after_the_first_weeks_the_vendors_own_proof_confirms_no_account(world: World) -> None:
    world.carried(days=60)
    assert world.states() == {"shop.example": "declared"}


def test_a_flood_of_new_senders_pushes_no_honest_one_into_a_charge(world: World) -> None:
    with world.store.writing() as session:
        session.add_all(SenderRow(vendor_id=1, key=f"junk{n}.example", state="pending") for n in range(50))
    world.receipt(days=60)
    assert (world.verdicts(), world.told()) == (["new-sender"], ["new-sender"])


# Decisions and what follows from them


def test_approving_judges_past_mail_again_and_what_comes_later(world: World) -> None:
    world.receipt(days=60)
    outcome = world.approve("tillroll.example")
    world.receipt(days=1, text="Your statement is ready.")
    assert (outcome.looked, outcome.changed, world.verdicts()) == (1, 1, ["expected"] * 2)


def test_refusing_charges_past_mail_and_opens_a_case_with_an_alert(world: World) -> None:
    world.receipt(days=60)
    world.receipt(days=1)
    outcome = world.deny("tillroll.example")
    [case] = world.rows(CaseRow)
    assert (world.verdicts(), outcome.opened, sorted(world.told())) == (
        ["third-party"] * 2,
        [case.id],
        ["case-opened", "new-sender"],
    )
    likeliest = next(s.id for s in suspects_of(case.suspects) if s.hit and s.kind == "vendor")
    assert ({hit.case_id for hit in world.rows(HitRow)}, likeliest) == ({case.id}, "trendy-shoes")
    assert {row.vendor_id: row.state for row in world.rows(CanaryRow)} == {1: "burned", 2: "active"}
    assert len(world.rows(CampaignRow)) == 1


def test_a_case_that_keeps_no_leak_is_closed_and_its_canary_set_free(world: World) -> None:
    world.offer(days=60)
    outcome = world.approve("deals.example")
    [case] = world.rows(CaseRow)
    assert (case.state, case.suspects, outcome.closed) == ("explained", [], [case.id])
    assert [event.kind for event in world.rows(CaseEventRow)] == ["watched", "opened", "judged-again", "explained"]
    assert {row.state for row in world.rows(CanaryRow)} == {"active"}
    assert [hit.case_id for hit in world.rows(HitRow)] == [None]


def test_a_case_that_keeps_another_leak_stays_open(world: World) -> None:
    world.receipt(days=60)
    world.deny("tillroll.example")
    world.offer(days=2)
    world.approve("tillroll.example")
    [case] = world.rows(CaseRow)
    assert (case.state, world.verdicts()) == ("new", ["expected", "third-party"])
    burned = next(row for row in world.rows(CanaryRow) if row.vendor_id == 1)
    assert (burned.state, burned.burned_at) == ("burned", case.last_hit_at)


def test_a_vendor_whose_hits_left_leaves_the_case(world: World) -> None:
    with world.store.writing() as session:
        silver = vendors.add_supplier(session, "Silver", world.clock())
        for vendor in ("trendy-shoes", "bikes-and-more"):
            vendors.add_supply(session, SupplierLink(vendor, silver.slug))
    world.offer("trendy-shoes bikes-and-more", days=60)
    assert len(world.rows(CaseVendorRow)) == 2
    world.approve("deals.example")
    [case], [member] = world.rows(CaseRow), world.rows(CaseVendorRow)
    assert (case.state, member.vendor_id, case.vendor_id) == ("new", 2, 2)
    assert max(suspect.hit for suspect in suspects_of(case.suspects)) == 1


def test_mail_of_a_refused_sender_is_charged_and_counted(world: World) -> None:
    world.receipt(days=60)
    world.deny("tillroll.example")
    world.receipt(days=1, text="Your statement is ready.")
    assert (world.verdicts(), world.rows(SenderRow)[0].count) == (["third-party"] * 2, 2)


def test_saying_it_again_changes_nothing_and_is_not_written_down(world: World) -> None:
    world.receipt(days=60)
    world.approve("tillroll.example")
    assert (world.approve("tillroll.example").changed, len(world.rows(AuditRow))) == (0, 1)


def test_every_decision_is_written_down_with_who_when_and_what_it_changed(world: World) -> None:
    world.receipt(days=60)
    world.deny("tillroll.example")
    [entry] = world.rows(AuditRow)
    assert (entry.who, entry.at, entry.action) == ("ada", world.clock(), "sender-denied")
    assert (entry.subject, entry.text) == ("trendy-shoes: tillroll.example", "1 of 1 mails judged again, case 1 opened")


def test_a_decision_is_one_transaction(world: World) -> None:
    world.offer(days=60)
    with pytest.raises(RuntimeError), world.store.writing() as session:
        answers.approve(session, "trendy-shoes", "deals.example", "ada", world.clock())
        raise RuntimeError("the power went out")
    assert (world.verdicts(), world.states(), world.rows(AuditRow)) == (["third-party"], {}, [])


def test_a_decision_at_one_vendor_leaves_the_other_alone(world: World) -> None:
    world.offer("trendy-shoes bikes-and-more", days=60)
    world.approve("deals.example")
    assert world.verdicts() == ["expected", "third-party"]


@pytest.mark.slow
def test_more_hits_than_a_batch_holds_are_judged_again(world: World) -> None:
    with world.store.writing() as session:
        order = IssueOrder("trendy-shoes", "in.example")
        many = [lifecycle.issue(session, order, secrets.randbelow, world.clock()).address for _ in range(2 * BATCH + 7)]
    world.addresses |= {address: address for address in many}
    world.offer(" ".join(many), days=60)
    outcome = world.approve("deals.example")
    assert (outcome.looked, outcome.changed, set(world.verdicts())) == (len(many), len(many), {"expected"})
    assert {row.state for row in world.rows(CanaryRow)} == {"active"}


def test_a_sender_that_nobody_saw_cannot_be_decided_on(world: World) -> None:
    with pytest.raises(Unknown, match="never seen"):
        world.approve("nobody.example")


def test_a_platform_that_carried_the_mail_cannot_be_approved_as_a_whole(world: World) -> None:
    world.news(days=60)
    with pytest.raises(Unknown, match="never seen"):
        world.approve("sendgrid.net")


def test_the_vendors_own_domain_cannot_be_refused(world: World) -> None:
    world.own()
    with pytest.raises(ValueError, match="declared"):
        world.deny("shop.example")


def test_a_probe_keeps_its_verdict_and_an_opinion_its_place(world: World) -> None:
    world.receipt(days=60)
    beside = state_reason(Reason.RSPAMD, score="2.0", symbols=("A +2.0",))
    with world.store.writing() as session:
        hit = session.get_one(HitRow, 1)
        hit.reasons = reasons_json((*reasons_of(hit.reasons), beside))
        session.add(
            HitRow(mail_id=None, canary_id=hit.canary_id, at=world.clock(), verdict="probe", confidence=0.6, reasons=[])
        )
    world.approve("tillroll.example")
    assert (reasons_of(world.rows(HitRow)[0].reasons)[-1], world.verdicts()) == (beside, ["expected", "probe"])


# Suppliers that mail shows


def supplies(world: World) -> list[tuple[str, str, str, str]]:
    with world.store.reading() as session:
        found = vendors.get_vendor(session, "trendy-shoes").supplies
    return [(s.supplier, s.channel or "", s.account, s.through) for s in found]


def test_a_mail_of_the_vendor_shows_its_supplier_since_then(world: World) -> None:
    first = world.clock() + timedelta(days=60)
    world.carried(days=60)
    world.carried(days=20)
    [row] = world.rows(SupplierLinkRow)
    assert (row.since, row.origin) == (first, "learned")
    assert supplies(world) == [("salesforce-marketing-cloud", "signup", "7898424", "")]


def test_a_mail_that_is_the_vendors_by_odds_alone_shows_no_supplier(world: World) -> None:
    world.news(days=0.1)
    assert (world.verdicts(), supplies(world)) == (["expected"], [])


def test_an_account_that_the_owner_approves_shows_its_supplier(world: World) -> None:
    world.news(days=60)
    world.approve("sendgrid/4711")
    assert supplies(world) == [("sendgrid", "signup", "4711", "")]


def test_a_supplier_of_a_supplier_is_learned_with_it(world: World) -> None:
    content = mail(
        "News <news@shop.example>", "Boots.", "Boots", "X-Kmail-Account: abcdef", "X-Kmail-Message: 1",
        "List-Unsubscribe: <https://manage.kmail-lists.com/u>",
    )  # fmt: skip
    world.send(content, sender="bounces+370-ab-x=y@k1.ksd2.klaviyomail.com", ip="149.72.183.9", days=60)
    world.approve("klaviyo/abcdef")
    assert ("sendgrid", "signup", "", "klaviyo") in supplies(world)
    assert [row[0] for row in supplies(world)] == ["klaviyo", "sendgrid"]


def test_what_was_declared_is_left_as_it_is(world: World) -> None:
    since = world.clock() - timedelta(days=300)
    with world.store.writing() as session:
        known = vendors.add_supplier(session, "SendGrid", since)
        vendors.add_supply(session, SupplierLink("trendy-shoes", known.slug, None, since, account="4711"))
    world.news(days=60)
    [row] = world.rows(SupplierLinkRow)
    assert (world.verdicts(), row.origin, row.since, world.told()) == (["supplier"], "declared", since, [])


def test_a_refused_account_is_forgotten_as_a_supplier(world: World) -> None:
    world.news(days=60)
    world.news(days=20)
    world.approve("sendgrid/4711")
    assert supplies(world)
    world.deny("sendgrid/4711")
    assert (supplies(world), world.verdicts()) == ([], ["impersonation"] * 2)


# Mail after the end


def late(world: World) -> list[list[str]]:
    return [[reason.code.value for reason in reasons_of(hit.reasons)][1:] for hit in world.rows(HitRow)]


def end(world: World, **told: datetime | None) -> RejudgeOutcome:
    with world.store.writing() as session:
        return end_dates.set_endings(session, "trendy-shoes", told, "ada", world.clock())


def test_the_vendors_own_mail_after_an_erasure_request_is_a_finding_and_no_leak(world: World) -> None:
    end(world, erasure=world.clock())
    world.own(days=2)
    world.own(days=40)
    assert (world.verdicts(), late(world), world.rows(CaseRow)) == (["expected"] * 2, [[], ["after-erasure"]], [])


def test_it_is_once_in_the_vendors_timeline(world: World) -> None:
    end(world, erasure=world.clock())
    for _ in range(3):
        world.own(days=40)
    assert [event.kind for event in world.rows(VendorEventRow)] == ["endings", "after-erasure"]


def test_an_end_that_is_set_later_applies_to_mail_that_came_before(world: World) -> None:
    asked = world.clock()
    world.own(days=1)
    world.own(days=60)
    assert end(world, erasure=asked).changed == 1
    assert late(world) == [[], ["after-erasure"]]
    end(world, erasure=None)
    assert late(world) == [[], []]


def test_days_of_grace_are_the_owners_to_set(world: World) -> None:
    end(world, contract=world.clock())
    world.own(days=20)
    with world.store.writing() as session:
        end_dates.set_grace(session, "trendy-shoes", 5, "ada", world.clock())
    assert late(world) == [["after-contract"]]


def test_after_unsubscribing_only_bulk_mail_is_a_finding(world: World) -> None:
    end(world, unsubscribed=world.clock())
    world.own(30, "Your order")
    world.own(1, "News", "List-Unsubscribe: <https://shop.example/u>")
    assert late(world) == [[], ["after-unsubscribe"]]


# Declaring


def test_a_domain_declared_later_excuses_its_past_mail(world: World) -> None:
    world.offer(days=60)
    with world.store.writing() as session:
        answers.declare_domains(session, "trendy-shoes", ["deals.example"], "ada", world.clock())
    assert (world.verdicts(), world.rows(CaseRow)[0].state) == (["expected"], "explained")


def test_an_account_that_is_no_longer_declared_waits_for_a_decision(world: World) -> None:
    with world.store.writing() as session:
        vendors.add_supplier(session, "SendGrid", world.clock())
        vendors.add_supply(session, SupplierLink("trendy-shoes", "sendgrid", account="4711"))
    world.news(days=60)
    with world.store.writing() as session:
        answers.drop_supply(session, "trendy-shoes", "SendGrid", None, "ada", world.clock())
    assert (world.verdicts(), world.states()) == (["new-sender"], {"sendgrid/4711": "pending"})


def test_the_list_puts_questions_first_and_shows_the_first_mail(world: World) -> None:
    world.own()
    world.receipt(days=60)
    with world.store.reading() as session:
        found = profile.list_senders(session, "trendy-shoes")
        pending = profile.list_senders(session, None, [SenderState.PENDING])
        assert audit.audited(session) == []
    assert [(s.key, s.subject) for s in found] == [("tillroll.example", "Your receipt"), ("shop.example", "IssueOrder")]
    assert [s.key for s in pending] == ["tillroll.example"]
