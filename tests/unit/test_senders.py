"""Who a sender is kept as, who may speak for a vendor, and when the owner is asked."""

from datetime import UTC, datetime, timedelta

import pytest

from canary.judge.senders import (
    asks_owner,
    asks_to_confirm,
    known_as,
    may_speak_for,
    sender_key,
    sender_keys,
)
from canary.model.identity import Identity, Proof
from canary.model.mail import Mailbox, ParsedMail
from canary.model.party import SupplierLink, Vendor
from canary.model.sender import Sender, SenderState
from canary.model.verdict import Judgement, Reason, Verdict, state_reason

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = Vendor("trendy-shoes", "Trendy Shoes", ("trendyshoes.example",))
ORANGE = Vendor("orange", "Orange", ("orange.example",))
LONG_AGO = timedelta(days=200)


def who(domain: str, proof: Proof = Proof.DKIM_ALIGNED, **more: object) -> Identity:
    return Identity(claim=domain, domain=domain, proof=proof, domains=(domain,), **more)  # type: ignore[arg-type]


def said(name: str, text: str, subject: str = "Hello", links: tuple[str, ...] = ()) -> ParsedMail:
    return ParsedMail(senders=(Mailbox(name, "x@y.example"),), subject=subject, text=text, links=links)


# The key a sender is kept under


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        (who("news.till.example"), "till.example"),
        (Identity("shop.example", "sendgrid.net", proof=Proof.DKIM, esp="sendgrid", account="7", shared=True), "sendgrid/7"),
        (who("till.example", esp="sendgrid", account="7"), "till.example"),
        (who("shop.freshdesk.com", Proof.SPF_ALIGNED, shared=True), "shop.freshdesk.com"),
        (
            Identity("shop.freshdesk.com", "freshdesk.com", proof=Proof.DKIM, shared=True, domains=("freshdesk.com",)),
            "shop.freshdesk.com",
        ),
        (Identity("shop.example", "postling.example", proof=Proof.DKIM, shared=True), "shop.example via postling.example"),
        (Identity("shop.example", "agency.example", proof=Proof.DKIM, domains=("agency.example",)), "agency.example"),
        (Identity("shop.example", "forwarder.example", proof=Proof.SPF, domains=("forwarder.example",)), ""),
        (
            Identity("shop.example", "forwarder.example", proof=Proof.SPF, esp="sendgrid", domains=("sendgrid.net",)),
            "shop.example via sendgrid",
        ),
        (Identity("shop.example"), ""),
    ],
)  # fmt: skip
def test_a_sender_is_kept_under_what_distinguishes_it_from_others(identity: Identity, key: str) -> None:
    assert sender_key(identity) == key


def test_a_claim_of_a_tenants_name_counts_only_where_its_platform_signed() -> None:
    forged = Identity("shop.freshdesk.com", "bad.example", proof=Proof.DKIM, domains=("bad.example",))
    assert sender_key(forged) == "bad.example"


def test_a_mail_is_found_by_everything_it_proved() -> None:
    both = Identity(
        "till.example", "till.example", proof=Proof.DKIM_ALIGNED, esp="sendgrid", account="7",
        domains=("till.example", "b.agency.example"),
    )  # fmt: skip
    assert sender_keys(both) == ("till.example", "sendgrid/7", "agency.example")
    assert known_as(both, {"sendgrid/7"}) == "sendgrid/7"
    assert known_as(both, {"agency.example"}) == "agency.example"
    assert known_as(both, {"sendgrid/8", "example"}) == ""


def test_a_platform_of_many_tenants_makes_no_sender_known() -> None:
    tenant = Identity("bad.example", "postling.example", proof=Proof.DKIM, shared=True, domains=("postling.example",))
    assert known_as(tenant, {"postling.example"}) == ""


def test_who_proved_nothing_is_not_known() -> None:
    assert known_as(Identity("till.example"), {"till.example", "None/None"}) == ""


# Who may speak for a vendor


def test_a_sender_that_says_its_own_name_and_the_vendors_may_write_for_it() -> None:
    mail = said("Tillroll", "You paid 41.90 to Trendy Shoes.")
    assert may_speak_for(mail, who("tillroll.example"), SHOP, LONG_AGO)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Trendy Shoes", "You paid 41.90 to Trendy Shoes."),  # never says who it is
        ("Tillroll", "You paid 41.90."),  # never says for whom
        ("Pay", "Trendy Shoes: https://tillroll.example/x tillroll.example"),  # its name in addresses only
        ("Tillroll", "Trendy Shoes: your account has been suspended. Verify now: click."),  # fraud
    ],
)
def test_who_leaves_one_of_both_out_or_has_the_shape_of_fraud_may_not(name: str, text: str) -> None:
    assert not may_speak_for(said(name, text), who("tillroll.example"), SHOP, LONG_AGO)


@pytest.mark.parametrize("proof", [Proof.DKIM, Proof.SPF, Proof.NONE])
def test_a_sender_without_a_proven_domain_may_not(proof: Proof) -> None:
    mail = said("Tillroll", "You paid 41.90 to Trendy Shoes.")
    assert not may_speak_for(mail, who("tillroll.example", proof), SHOP, LONG_AGO)


def test_a_name_like_the_vendors_may_only_in_the_first_weeks() -> None:
    mail, sender = said("Trendy Shoes Club", "Trendyshoesclub is here."), who("trendyshoesclub.example")
    assert may_speak_for(mail, sender, SHOP, timedelta(days=20))
    assert not may_speak_for(mail, sender, SHOP, LONG_AGO)


def test_a_link_to_a_site_that_looks_like_the_vendors_is_never_excused() -> None:
    mail = said("Tillroll", "Trendy Shoes: see", links=("https://trendyshoess.example/x",))
    assert not may_speak_for(mail, who("tillroll.example"), SHOP, timedelta(0))


@pytest.mark.parametrize(("text", "may"), [("Paid to Orange.", True), ("The orange boots are in.", False)])
def test_a_name_that_is_a_word_counts_only_as_it_is_written(text: str, *, may: bool) -> None:
    assert may_speak_for(said("Tillroll", text), who("tillroll.example"), ORANGE, LONG_AGO) is may


def test_a_help_desk_of_the_vendors_name_may() -> None:
    desk = who("trendyshoes.zendesk.com", Proof.SPF_ALIGNED, shared=True)
    assert may_speak_for(said("Help", "Your request was updated."), desk, SHOP, LONG_AGO)


def test_a_help_desk_of_somebody_else_may_not() -> None:
    desk = who("bargains.zendesk.com", Proof.SPF_ALIGNED, shared=True)
    assert not may_speak_for(said("Help", "Your request was updated."), desk, SHOP, LONG_AGO)


def test_another_account_at_a_known_supplier_may_if_it_names_the_vendor() -> None:
    vendor = Vendor(SHOP.slug, SHOP.name, SHOP.domains, supplies=(SupplierLink(SHOP.slug, "sendgrid"),))
    sender = Identity("x.example", "sendgrid.net", proof=Proof.DKIM, esp="sendgrid", account="9", shared=True)
    assert may_speak_for(said("X", "From Trendy Shoes with love."), sender, vendor, LONG_AGO)
    assert not may_speak_for(said("X", "With love."), sender, vendor, LONG_AGO)


def test_it_does_not_matter_how_many_wait_for_an_answer() -> None:
    vendor = Vendor(SHOP.slug, SHOP.name, SHOP.domains, pending=frozenset(map(str, range(1000))))
    mail = said("Tillroll", "You paid 41.90 to Trendy Shoes.")
    assert may_speak_for(mail, who("tillroll.example"), vendor, LONG_AGO)


# Double opt-in

CONFIRM = said("Trendy Shoes", "Please confirm: ", "Confirm your address", ("https://trendymail.example/c",))


@pytest.mark.parametrize(("hours", "asks"), [(1, True), (71, True), (73, False), (-1, False)])
def test_a_request_to_confirm_is_trusted_while_nobody_else_can_know_the_address(hours: int, *, asks: bool) -> None:
    assert asks_to_confirm(CONFIRM, who("trendymail.example"), SHOP, timedelta(hours=hours)) is asks


def test_a_request_to_confirm_from_a_look_alike_is_not_believed() -> None:
    assert not asks_to_confirm(CONFIRM, who("trendyshoess.example"), SHOP, timedelta(hours=1))


# When the owner is asked

PLATFORM = Judgement(
    Verdict.NEW_SENDER, 0.8, (state_reason(Reason.CLAIMS_VENDOR), state_reason(Reason.SHARED_PLATFORM))
)
CONFIRMED = Judgement(Verdict.NEW_SENDER, 0.8, (state_reason(Reason.ASKS_TO_CONFIRM),))
SPEAKS = Judgement(Verdict.NEW_SENDER, 0.8, (state_reason(Reason.SPEAKS_FOR_VENDOR),))


def asks(judgement: Judgement, *, before: int = 0, asked: bool = False) -> bool:
    seen = Sender("shop", "sendgrid/7", SenderState.PENDING, count=before, asked=NOW if asked else None)
    return asks_owner(seen, judgement)


def test_the_owner_is_asked_about_a_sender_at_once_and_never_twice() -> None:
    assert asks(PLATFORM)
    assert asks(SPEAKS, before=3)
    assert not asks(SPEAKS, before=3, asked=True)


def test_a_request_to_confirm_is_asked_about_only_if_its_sender_writes_again() -> None:
    assert not asks(CONFIRMED)
    assert asks(CONFIRMED, before=1)
