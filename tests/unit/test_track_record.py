"""Proof that is tied to an address, and what judged mail adds to the track records of who signed it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from canary.judge.hit_context import HitContext
from canary.judge.rules import judge
from canary.judge.track_record import MAX_LINKED, is_bound, is_own_way, shown_by
from canary.model.canary import Canary, CanaryState, Style
from canary.model.identity import Identity, Proof
from canary.model.mail import Client, Envelope, Mailbox, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import DkimResult, Proofs, Result, SpfResult
from canary.model.track_record import ShownByMail, SignedMail, SignerUse
from canary.store.queries.track_records import MOST_VENDORS, Shown, TrackRecords

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = Vendor("shop", "Trendy Shoes", ("shop.example",))
ADDRESS = "shop-k7r2@in.example"
SIGNED = Proofs(dkim=(DkimResult(Result.PASS, "shop.example", "s1"),))
SPF = Proofs(spf=SpfResult(Result.PASS, "mail.shop.example"))


def mail(*to: str, covers: str = "from:to:subject", domain: str = "shop.example") -> ParsedMail:
    signature = ("DKIM-Signature", f"v=1; d={domain}; s=s1; h={covers}; b=x")
    return ParsedMail(headers=(signature, *(("To", each) for each in to)), senders=(Mailbox("Shop", "n@shop.example"),))


@pytest.mark.parametrize(
    ("found", "proofs", "bound"),
    [
        (mail(ADDRESS), SIGNED, True),
        (mail(f"Reader <{ADDRESS.upper()}>, other@in.example"), SIGNED, True),
        (mail("reader@elsewhere.example"), SIGNED, False),
        (mail(f"x{ADDRESS}"), SIGNED, False),
        (mail(ADDRESS, covers="from:subject"), SIGNED, False),
        (mail(ADDRESS, "reader@elsewhere.example"), SIGNED, False),  # put on top later: not covered
        (mail("reader@elsewhere.example", ADDRESS), SIGNED, True),
        (mail(ADDRESS, domain="else.example"), SIGNED, False),
        (mail(ADDRESS), Proofs(dkim=(replace(SIGNED.dkim[0], result=Result.FAIL),)), False),
        (mail("reader@elsewhere.example"), SPF, True),
        (mail(ADDRESS), Proofs(spf=replace(SPF.spf, domain="else.example")), False),
        (mail(ADDRESS), Proofs(), False),
    ],
)
def test_proof_is_tied_to_an_address_by_a_signature_over_it_or_by_the_machine_that_brought_it(
    found: ParsedMail, proofs: Proofs, *, bound: bool
) -> None:
    assert is_bound(found, proofs, SHOP.domains, ADDRESS) is bound


def hit(found: ParsedMail, proofs: Proofs, who: Identity, age: timedelta = timedelta(days=50)) -> HitContext:
    canary = Canary(1, ADDRESS, "shop", "signup", 1, Style.TAGGED, 60, CanaryState.ACTIVE, NOW - age)
    envelope = Envelope("b@letterdesk.example", (ADDRESS,), Client("192.0.2.1"), NOW)
    return HitContext(found, envelope, proofs, who, canary, SHOP)


OWN = Identity(
    "shop.example", "shop.example", proof=Proof.DKIM_ALIGNED, domains=("shop.example", "bounce.letterdesk.example")
)


def shown(context: HitContext) -> ShownByMail:
    judgement = judge(context)
    return shown_by(context, judgement, own_way=is_own_way(context, judgement))


def test_the_vendors_own_proof_shows_who_signed_beside_it_and_where_its_mail_leads() -> None:
    leading = replace(mail(ADDRESS), links=("https://www.shop.example/a", "https://club.example/b"))
    found = shown(hit(leading, SIGNED, OWN))
    assert found.linked == ("club.example",)
    assert found.signed == (SignedMail("letterdesk.example", "shop", "shop.example", SignerUse.PROVEN, NOW),)
    assert found.first_writer == ""


def test_proof_that_may_have_travelled_shows_nothing_of_who_sent_it_on() -> None:
    assert shown(hit(mail("reader@elsewhere.example"), SIGNED, OWN)).linked == ()
    assert [m.use for m in shown(hit(mail("reader@elsewhere.example"), SIGNED, OWN)).signed] == []


def test_a_mail_leads_to_a_few_domains_only() -> None:
    many = replace(mail(ADDRESS), links=tuple(f"https://d{n}.example/" for n in range(49)))
    assert len(shown(hit(many, SIGNED, OWN)).linked) == MAX_LINKED


def test_only_the_first_day_of_an_address_has_a_first_writer() -> None:
    ages = timedelta(hours=2), timedelta(hours=25), timedelta(hours=-1)
    assert [shown(hit(mail(ADDRESS), SIGNED, OWN, age)).first_writer for age in ages] == ["shop.example", "", ""]


def test_mail_that_is_charged_adds_nothing() -> None:
    thief = Identity("pier.example", "pier.example", proof=Proof.DKIM_ALIGNED, domains=("pier.example",))
    spam = ParsedMail(senders=(Mailbox("Pier", "n@pier.example"),), text="Off.", headers=(("List-Id", "x"),))
    assert shown(hit(spam, Proofs(), thief)) == ShownByMail()


def seen(vendor: str, days: int, use: SignerUse = SignerUse.PROVEN) -> Shown:
    at = NOW + timedelta(days=days)
    return Shown(days, 1, at, ShownByMail(signed=(SignedMail("desk.example", vendor, f"{vendor}.example", use, at),)))


def test_a_record_has_what_was_seen_by_then_at_other_vendors() -> None:
    records = TrackRecords()
    for day, vendor in enumerate(("bikes", "books", "shop", "bread")):
        records.add(seen(vendor, day))
    record = records.of(1, 1, "shop", ["desk.example", "else.example"], NOW + timedelta(days=2))
    assert {m.vendor for m in record.signed} == {"bikes", "books"}


def test_what_is_there_already_is_not_added_again_unless_it_is_dated_back() -> None:
    records = TrackRecords()
    assert records.add(seen("bikes", 5)) is not None
    assert records.add(seen("bikes", 6)) is None
    assert records.add(seen("bikes", 4)) is not None


def test_a_signing_domain_is_remembered_at_so_many_vendors_and_no_more() -> None:
    records = TrackRecords()
    added = [records.add(seen(f"v{n}", n)) for n in range(50)]
    assert sum(new is not None for new in added) == MOST_VENDORS


def test_the_first_writer_stays_whoever_writes_later() -> None:
    records = TrackRecords()
    for hours, key in ((5, "thief.example"), (3, "shop.example"), (9, "other.example")):
        records.add(Shown(7, 1, NOW + timedelta(hours=hours), ShownByMail(first_writer=key)))
    assert records.of(7, 1, "shop", [], NOW + timedelta(days=1)).first_writer == "shop.example"
    assert records.of(7, 1, "shop", [], NOW).first_writer == ""
