"""What a sender is to the vendor: what makes mail the vendor's own, what a question, and what it takes to accuse."""

from dataclasses import replace
from datetime import timedelta

import pytest

from canary.judge.relation import Relation, relation_of
from canary.judge.senders import writer_key
from canary.judge.signs import DECEIT, SIGNS, WRITABLE, Sign
from canary.model.identity import Identity, Proof
from canary.model.mail import Attachment, Mailbox, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import DmarcResult, Proofs, Result
from canary.model.track_record import NOTHING_SEEN, SignedMail, SignerUse, TrackRecord
from tests.conftest import START as SINCE

SHOP = Vendor("trendy-shoes", "Trendy Shoes", ("shop.example",))
NO_PROOFS = Proofs()
NEW, OLD = timedelta(days=3), timedelta(days=200)


def letter(name: str, address: str, text: str = "Boots are in.", *links: str) -> ParsedMail:
    return ParsedMail(senders=(Mailbox(name, address),), subject="Boots", text=text, links=links)


def aligned(domain: str) -> Identity:
    return Identity(domain, domain, proof=Proof.DKIM_ALIGNED, domains=(domain,))


def through(claim: str, signer: str, proof: Proof = Proof.DKIM) -> Identity:
    return Identity(claim, signer, proof=proof, domains=(signer,))


def weighed(
    mail: ParsedMail,
    who: Identity,
    age: timedelta = OLD,
    vendor: Vendor = SHOP,
    proofs: Proofs = NO_PROOFS,
    record: TrackRecord = NOTHING_SEEN,
) -> Relation:
    return relation_of(mail, proofs, who, vendor, age, record)


def signed(signer: str, use: SignerUse, *vendors: str) -> TrackRecord:
    """What a domain signed at the addresses of other vendors."""
    return TrackRecord(signed=tuple(SignedMail(signer, v, f"{v}.example", use, SINCE) for v in vendors))


def verdict(found: Relation) -> str:
    return "own" if found.is_own else "open" if found.is_open else "accused"


OWN_NAME = letter("Trendy Shoes", "news@shop.example", "Boots are in.", "https://www.shop.example/b")


def test_every_sign_has_a_weight_and_a_source() -> None:
    assert set(SIGNS) == set(Sign)
    assert all(len(weight.source) > 10 for weight in SIGNS.values())


def test_all_deceit_speaks_against_and_nothing_writable_does() -> None:
    assert all(SIGNS[sign].log_odds < 0 for sign in DECEIT)
    assert all(weight.log_odds > 0 for weight in SIGNS.values() if weight.writable)


def test_all_that_anybody_can_write_together_reaches_no_more_than_a_question() -> None:
    everything = Relation(tuple(sign for sign in Sign if SIGNS[sign].writable), proven=True)
    assert sum(SIGNS[sign].log_odds for sign in everything.signs) > WRITABLE
    assert verdict(everything) == "open"


OTHERS = "bikes", "books", "bread"
IN_ITS_NAME = [
    through("shop.example", "letterdesk.example"),
    through("shop.example", "letterdesk.example", Proof.SPF),
    replace(through("shop.example", "postling.example"), esp="postling", account="7", shared=True),
    aligned("trendyshoes.test"),
    aligned("trendyshoes-mail.test"),
]


def from_(who: Identity) -> ParsedMail:
    return letter("Trendy Shoes", f"news@{who.claim}", "Boots are in.", "https://www.shop.example/b")


@pytest.mark.parametrize("who", IN_ITS_NAME)
@pytest.mark.parametrize("age", [NEW, OLD])
def test_proof_that_anybody_can_make_for_himself_is_a_question_at_any_age(who: Identity, age: timedelta) -> None:
    assert verdict(weighed(from_(who), who, age)) == "open"


@pytest.mark.parametrize("who", IN_ITS_NAME)
def test_the_first_writer_on_the_first_day_is_the_vendor_and_stays_it_for_two_weeks(who: Identity) -> None:
    wrote = TrackRecord(first_writer=writer_key(who))
    assert verdict(weighed(from_(who), who, timedelta(hours=2))) == "own"
    assert [verdict(weighed(from_(who), who, age, record=wrote)) for age in (NEW, OLD)] == ["own", "open"]


@pytest.mark.parametrize("who", IN_ITS_NAME)
def test_who_writes_after_another_on_the_first_day_is_a_question(who: Identity) -> None:
    wrote = TrackRecord(first_writer="shop.example")
    assert verdict(weighed(from_(who), who, timedelta(hours=2), record=wrote)) == "open"
    confirming = replace(from_(who), subject="Confirm your subscription")
    assert verdict(weighed(confirming, who, timedelta(hours=2), record=wrote)) == "own"


ACCOUNT = IN_ITS_NAME[2]
"""At a provider where anybody can open one."""


@pytest.mark.parametrize("who", [who for who in IN_ITS_NAME if who != ACCOUNT])
def test_a_domain_that_the_vendors_own_mail_leads_to_is_its_own_at_a_new_address(who: Identity) -> None:
    leads = TrackRecord(linked=frozenset(who.domains))
    assert [verdict(weighed(from_(who), who, age, record=leads)) for age in (NEW, OLD)] == ["own", "open"]


def test_a_provider_where_anybody_can_open_an_account_vouches_for_none_whatever_it_carried_and_is_linked_to() -> None:
    carried = signed("postling.example", SignerUse.PROVEN, *OTHERS)
    record = replace(carried, linked=frozenset(ACCOUNT.domains))
    assert verdict(weighed(from_(ACCOUNT), ACCOUNT, NEW, record=record)) == "open"
    refused = Proofs(dmarc=DmarcResult(Result.FAIL, "shop.example", policy="reject"))
    assert verdict(weighed(from_(ACCOUNT), ACCOUNT, NEW, proofs=refused, record=record)) == "accused"


def test_a_new_domain_with_the_vendors_name_is_not_vouched_for_by_whose_machine_it_sends_through() -> None:
    who = replace(aligned("trendyshoes-mail.test"), domains=("trendyshoes-mail.test", "letterdesk.example"))
    record = replace(signed("letterdesk.example", SignerUse.PROVEN, *OTHERS), linked=frozenset({"letterdesk.example"}))
    assert verdict(weighed(from_(who), who, NEW, record=record)) == "open"


def test_a_sender_at_a_provider_that_shows_no_account_is_not_recognised_as_the_first_writer() -> None:
    who = replace(ACCOUNT, account=None)
    wrote = TrackRecord(first_writer=writer_key(who))
    assert [verdict(weighed(from_(who), who, age, record=wrote)) for age in (timedelta(hours=2), NEW)] == ["open"] * 2
    assert verdict(weighed(from_(who), who, timedelta(hours=2))) == "own"


DESK = through("shop.example", "letterdesk.example")


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        (signed("letterdesk.example", SignerUse.PROVEN, *OTHERS), "own"),
        (signed("letterdesk.example", SignerUse.PROVEN, *OTHERS[:1]), "open"),
        (signed("letterdesk.example", SignerUse.FRESH, *OTHERS), "open"),
        (signed("letterdesk.example", SignerUse.ASKED, *OTHERS), "open"),
        (signed("else.example", SignerUse.ASKED, *OTHERS), "open"),
    ],
)
def test_only_who_signs_beside_other_vendors_own_proof_is_believed_at_a_new_address(
    uses: TrackRecord, expected: str
) -> None:
    assert verdict(weighed(from_(DESK), DESK, NEW, record=uses)) == expected


def test_one_house_under_several_names_makes_no_platform() -> None:
    house = tuple(SignedMail("letterdesk.example", v, "house.example", SignerUse.PROVEN, SINCE) for v in OTHERS)
    assert Sign.LEARNED_PLATFORM not in weighed(from_(DESK), DESK, NEW, record=TrackRecord(signed=house)).signs


def test_a_platform_of_three_unrelated_vendors_makes_a_question_of_what_the_vendors_policy_refuses() -> None:
    refused = Proofs(dmarc=DmarcResult(Result.FAIL, "shop.example", policy="reject"))
    found = [
        verdict(weighed(from_(DESK), DESK, OLD, proofs=refused, record=signed("letterdesk.example", SignerUse.PROVEN, *vendors)))
        for vendors in (OTHERS[:2], OTHERS)
    ]  # fmt: skip
    assert found == ["accused", "open"]


def test_a_learned_platform_may_write_in_the_vendors_name_and_its_customers_may_not() -> None:
    platform = signed("letterdesk.example", SignerUse.PROVEN, *OTHERS)
    own = letter("Trendy Shoes", "post@letterdesk.example", "Trendy Shoes: boots.", "https://letterdesk.example/b")
    other = letter("Trendy Shoes", "post@pier.example", "Trendy Shoes: boots.", "https://pier.example/b")
    by_other = through("pier.example", "letterdesk.example")
    assert verdict(weighed(own, aligned("letterdesk.example"), OLD)) == "accused"
    assert verdict(weighed(own, aligned("letterdesk.example"), OLD, record=platform)) == "open"
    assert verdict(weighed(other, by_other, OLD, record=platform)) == "accused"


def test_a_learned_platform_frees_no_fraud() -> None:
    platform = signed("letterdesk.example", SignerUse.PROVEN, *OTHERS)
    mail = letter("Trendy Shoes", "news@shop.example", FRAUD)
    assert verdict(weighed(mail, DESK, OLD, record=platform)) == "accused"


def test_who_comes_to_many_vendors_and_is_proven_theirs_nowhere_is_likelier_an_outsider() -> None:
    seen = signed("letterdesk.example", SignerUse.ASKED, *OTHERS)
    assert weighed(from_(DESK), DESK, record=seen).log_odds < weighed(from_(DESK), DESK).log_odds


@pytest.mark.parametrize("age", [NEW, OLD])
def test_lack_of_proof_is_a_question_where_there_is_a_tie(age: timedelta) -> None:
    assert verdict(weighed(OWN_NAME, Identity("shop.example"), age)) == "open"


@pytest.mark.parametrize("policy", ["quarantine", "reject"])
def test_what_the_vendors_policy_refuses_is_deceit(policy: str) -> None:
    proofs = Proofs(dmarc=DmarcResult(Result.FAIL, "shop.example", policy=policy))
    who = through("shop.example", "letterdesk.example")
    assert verdict(weighed(OWN_NAME, who, NEW, proofs=proofs)) == "accused"
    assert (
        verdict(weighed(OWN_NAME, who, OLD, proofs=replace(proofs, dmarc=DmarcResult(Result.FAIL, policy="none"))))
        == "open"
    )


@pytest.mark.parametrize("age", [timedelta(0), NEW, OLD])
def test_no_tie_is_an_accusation_at_any_age(age: timedelta) -> None:
    mail = letter("Pier Deals", "deals@pier.example", "Forty percent off.", "https://pier.example/a")
    assert verdict(weighed(mail, aligned("pier.example"), age)) == "accused"


@pytest.mark.parametrize("age", [NEW, OLD])
def test_the_vendors_name_as_a_display_name_alone_excuses_nobody(age: timedelta) -> None:
    mail = letter("Trendy Shoes", "deals@pier.example", "Forty percent off.", "https://pier.example/a")
    found = weighed(mail, aligned("pier.example"), age)
    assert (verdict(found), Sign.BORROWED in found.deceit) == ("accused", True)


def test_a_link_to_the_vendors_site_beside_ones_own_does_not_help_a_thief() -> None:
    links = "https://pier.example/a", "https://www.shop.example/b"
    mail = letter("Trendy Shoes", "deals@pier.example", "Forty percent off.", *links)
    assert verdict(weighed(mail, aligned("pier.example"), OLD)) == "accused"
    assert (
        verdict(weighed(letter("Pier Deals", "deals@pier.example", "Off.", *links), aligned("pier.example"), OLD))
        == "accused"
    )


def test_neither_name_nor_link_makes_an_outsiders_domain_the_vendors_at_a_new_address() -> None:
    links = "https://pier.example/a", "https://www.shop.example/b"
    mail = letter("Trendy Shoes", "deals@pier.example", "Trendy Shoes: forty percent off.", *links)
    assert verdict(weighed(mail, aligned("pier.example"), NEW)) != "own"


def test_mail_that_says_who_signed_it_is_no_mail_of_the_vendors_own() -> None:
    mail = letter(
        "Trendy Shoes", "news@shop.example", "All of us at Pierdeals greet you.", "https://pierdeals.example/a"
    )
    assert verdict(weighed(mail, through("shop.example", "pierdeals.example"), NEW)) == "open"


FRAUD = "Your account has been suspended. Verify now at https://pier.example within 24 hours, click."


@pytest.mark.parametrize("age", [NEW, OLD])
def test_fraud_in_the_vendors_name_is_accused_without_its_proof(age: timedelta) -> None:
    mail = letter("Trendy Shoes", "news@shop.example", FRAUD)
    assert verdict(weighed(mail, through("shop.example", "pier.example"), age)) == "accused"


def test_words_of_fraud_in_a_long_letter_to_subscribers_are_a_question() -> None:
    mail = replace(
        OWN_NAME, text=f"{FRAUD} {'Long letters are written here. ' * 60}", headers=(("List-Unsubscribe", "<x>"),)
    )
    assert verdict(weighed(mail, through("shop.example", "letterdesk.example"), OLD)) == "open"


def test_files_that_run_are_charged_whoever_sends_them() -> None:
    mail = replace(OWN_NAME, attachments=(Attachment("invoice.exe", "application/x-dosexec", 9, ""),))
    known = replace(SHOP, senders=frozenset({"postling/7"}))
    who = replace(through("shop.example", "postling.example"), esp="postling", account="7", shared=True)
    assert verdict(weighed(mail, who, NEW, known)) == "accused"


@pytest.mark.parametrize("text", [FRAUD, "See http://192.0.2.7/x", "See https://shop.example@pier.example/x"])
def test_a_question_that_waits_excuses_neither_fraud_nor_a_trap(text: str) -> None:
    mail = replace(letter("Tillroll", "r@tillroll.example", text), links=tuple(w for w in text.split() if "://" in w))
    waiting = replace(SHOP, pending=frozenset({"tillroll.example"}))
    assert verdict(weighed(mail, aligned("tillroll.example"), OLD, waiting)) == "accused"


def test_how_many_questions_wait_changes_nothing() -> None:
    mail, who = (
        letter("Tillroll", "r@tillroll.example", "Tillroll: you paid Trendy Shoes."),
        aligned("tillroll.example"),
    )
    crowded = replace(SHOP, pending=frozenset(f"junk{n}.example" for n in range(500)))
    assert weighed(mail, who, OLD) == weighed(mail, who, OLD, crowded)
    assert verdict(weighed(mail, who, OLD)) == "open"


def test_another_account_at_the_vendors_provider_is_not_its_own() -> None:
    held = replace(SHOP, senders=frozenset({"postling/7"}))
    who = replace(through("shop.example", "postling.example"), esp="postling", account="8", shared=True)
    assert verdict(weighed(OWN_NAME, who, NEW, held)) == "open"


@pytest.mark.parametrize("text", ["Send us your PIN.", "Log in to keep it.", "Renew your membership."])
def test_a_free_tenant_of_the_vendors_name_that_asks_for_a_key_is_accused(text: str) -> None:
    mail, who = letter("Trendy Shoes", "x@trendyshoes.onmicrosoft.com", text), aligned("trendyshoes.onmicrosoft.com")
    assert verdict(weighed(mail, who, OLD)) == "accused"
    assert verdict(weighed(replace(mail, text="Boots are in."), who, OLD)) == "open"


def test_a_public_body_in_the_vendors_name_is_its_own_at_a_new_address() -> None:
    mail = letter("Office of Corran Marr", "box12@mail.council.gov.uk", "Greetings.", "https://desk.example/x")
    vendor = Vendor("marr", "Corran Marr", ("corranmarr.example",))
    assert verdict(weighed(mail, aligned("mail.council.gov.uk"), NEW, vendor)) == "own"
    assert verdict(weighed(mail, aligned("mail.council.example"), NEW, vendor)) != "own"


def test_the_domain_that_the_vendor_is_called_by_is_its_own_without_being_declared() -> None:
    vendor = Vendor("lantern", "Lantern.example", ())
    mail = letter("Lantern.example", "hi@e.lantern.example")
    assert verdict(weighed(mail, aligned("e.lantern.example"), NEW, vendor)) == "own"
    assert verdict(weighed(mail, Identity("e.lantern.example"), NEW, vendor)) == "open"
