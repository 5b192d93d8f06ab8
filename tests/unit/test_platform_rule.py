"""A platform that names the vendor as its merchant writes for it, unless something speaks against that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from canary.judge.hit_context import HitContext
from canary.judge.identity import identify
from canary.judge.rules import judge
from canary.judge.signs import Sign
from canary.mail.parse import parse
from canary.model.canary import Canary, CanaryState, Style
from canary.model.mail import Client, Envelope
from canary.model.party import Vendor
from canary.model.proof import DkimResult, Proofs, Result, SpfResult
from canary.model.verdict import Judgement, Reason, Verdict
from canary.processes.judging import supplier_book
from tests.conftest import START

ADDRESS = "canary@inbox.example"
VENDOR = Vendor("bike", "Bike Parts", ("bikeparts.example",))
STRAIGHT = Proofs(SpfResult(Result.PASS, "paypal.com"))
SIGNED = Proofs(dkim=(DkimResult(Result.PASS, "paypal.com", "s1"),))
RECEIPT = "Receipt for Your Payment to Bike Parts"
LINK = "https://www.paypal.com/receipt/1"


def hit(
    subject: str = RECEIPT, text: str = f"You paid 9.00 EUR. {LINK}", *, proofs: Proofs = STRAIGHT, to: str = ADDRESS,
    days: int = 400, vendor: Vendor = VENDOR, sender: str = "PayPal <service@paypal.com>",
) -> HitContext:  # fmt: skip
    signature = "DKIM-Signature: v=1; a=rsa-sha256; d=paypal.com; s=s1; h=from:to:subject; bh=x; b=y\n"
    mail = parse(f"{signature}From: {sender}\nTo: {to}\nSubject: {subject}\n\n{text}\n".encode())
    envelope = Envelope("bounce@paypal.com", (ADDRESS,), Client("192.0.2.9"), START)
    canary = Canary(1, ADDRESS, "bike", "order", 1, Style.TAGGED, 65, CanaryState.ACTIVE, START - timedelta(days=days))
    return HitContext(mail, envelope, proofs, identify(mail, proofs, envelope, supplier_book()), canary, vendor)


def verdict(found: Judgement) -> str:
    return found.verdict.value


def test_a_receipt_for_the_vendor_is_a_suppliers_and_says_whose() -> None:
    found = judge(hit())
    assert found.verdict is Verdict.SUPPLIER
    assert [reason.code for reason in found.reasons] == [Reason.PLATFORM_MERCHANT]
    assert found.reasons[0].text == "PayPal wrote it, proven by SPF, and names Bike Parts as its merchant."


@pytest.mark.parametrize("name", ["BIKEPARTS", "Bike-Parts Ltd", "bikeparts.example"])
def test_the_merchant_may_be_spelt_otherwise(name: str) -> None:
    assert verdict(judge(hit(f"Receipt for Your Payment to {name}"))) == "supplier"


def test_a_signature_that_covers_this_address_will_do() -> None:
    assert verdict(judge(hit(proofs=SIGNED))) == "supplier"


def test_a_signed_receipt_of_somebody_else_that_was_sent_on_is_a_question_at_most() -> None:
    assert verdict(judge(hit(proofs=SIGNED, to="thief@elsewhere.example"))) == "new-sender"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Invoice from Bike Parts (1)", LINK),
        ("Bike Parts sent you a money request", LINK),
        ("Money request from Joe", f"Note: this is Bike Parts. {LINK} PayPal"),
        ("Receipt for Your Payment to Bike Parts Refund Desk", LINK),
    ],
)
def test_what_anybody_can_write_there_is_a_question_at_most(subject: str, text: str) -> None:
    assert verdict(judge(hit(subject, text))) == "new-sender"


@pytest.mark.parametrize(
    "text",
    [
        "Your subscription has been renewed and you will be charged. To cancel call us: toll free helpline.",
        "See http://192.0.2.80/receipt",
        "Sign in to confirm your identity: https://paypal-bikeparts.thief.example/login",
    ],
    ids=["fraud", "link trap", "credential bait"],
)
def test_no_statement_excuses_what_speaks_for_deceit(text: str) -> None:
    assert verdict(judge(hit(text=text))) != "supplier"


def test_a_log_in_at_the_platform_itself_speaks_against_nothing() -> None:
    assert verdict(judge(hit(text=f"Log in to see the details: {LINK}"))) == "supplier"


def test_who_the_owner_refused_is_no_supplier() -> None:
    assert verdict(judge(hit(vendor=replace(VENDOR, denied=frozenset({"paypal.com"}))))) != "supplier"


def test_another_merchant_at_an_old_address_stays_an_outsider() -> None:
    found = judge(hit("Receipt for Your Payment to Kiosk", f"{LINK} unsubscribe"))
    assert verdict(found) == "third-party"


def test_a_service_that_names_nobody_is_a_question_at_a_new_address_and_an_outsider_at_an_old_one() -> None:
    young = hit("Your payment is on its way", f"{LINK} unsubscribe", days=5)
    assert Sign.SERVICE in young.relation.signs
    assert verdict(judge(young)) == "new-sender"
    assert verdict(judge(hit("Your payment is on its way", f"{LINK} unsubscribe"))) == "third-party"


def test_a_shop_platforms_number_is_an_account_that_is_asked_about() -> None:
    proofs = Proofs(SpfResult(Result.PASS, "shopifyemail.com"))
    found = hit("Order #1", "Thanks", proofs=proofs, sender="Bike Parts <store+4711@t.shopifyemail.com>")
    assert (found.identity.esp, found.identity.account) == ("shopify", "4711")
    assert [reason.code for reason in judge(found).reasons] == [Reason.SHARED_PLATFORM]


def test_a_service_that_shows_somebody_elses_domain_is_no_tie_at_a_new_address() -> None:
    proofs = Proofs(SpfResult(Result.PASS, "wordpress.com"))
    shown = "kiosk.example <donotreply@wordpress.com>"
    found = hit("A new post", "Read it. unsubscribe", proofs=proofs, sender=shown, days=5)
    assert Sign.SERVICE not in found.relation.signs
    assert judge(found).leak
