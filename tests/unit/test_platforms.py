"""Platforms: each names its merchant where the registry says, and only where it proved that it wrote there."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from canary.judge.platforms import PlatformRegistry, names_vendor, read_platforms, statement_of
from canary.mail.parse import parse
from canary.model.mail import Client, Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import DkimResult, Proofs, Result, SpfResult
from canary.model.registry_rows import RegistryError, RegistryFile
from tests.conftest import ROOT, START
from tests.effort import cpu_seconds

SHOP = "Bike Parts"
GOOD: dict[str, Any] = {
    "slug": "kiosk", "name": "Kiosk", "kind": "shop", "domains": ["kiosk.example"], "source": ["its manual"],
    "merchant": [{"in": "from-name", "shape": "(.++)"}],
}  # fmt: skip

# slug, From, subject, Reply-To or a line of text, what the platform vouches for, what its users write as they like
FORMS = (
    ("shopify", f"{SHOP} <store+4711@t.shopifyemail.com>", "Order #1001 confirmed", "", "", SHOP),
    ("shopify", "Kiosk <store+4711@m.shopifyemail.com>", "Hi", "https://bike-parts.myshopify.com/orders/1", "", "bike-parts"),
    ("wordpress-com", f"{SHOP} <donotreply@wordpress.com>", "Your Bike Parts order has been received!", "", "", SHOP),
    ("etsy", "Etsy <transaction@etsy.com>", "Your Etsy order from BikeParts has shipped", "", "BikeParts", ""),
    ("etsy", "Etsy <transaction@etsy.com>", "Receipt for your Etsy order from BikeParts", "", "BikeParts", ""),
    ("ebay", "eBay <ebay@ebay.com>", "Order confirmed", "Sold by: bike_parts", "", "bike_parts"),
    ("ebay", "eBay - bike_parts <a1@members.ebay.de>", "About item 1", "", "", "bike_parts"),
    ("amazon-marketplace", f'"{SHOP} - Amazon Marketplace" <a1b2@marketplace.amazon.de>', "Your order", "", SHOP, ""),
    ("allegro", "Allegro <powiadomienia@allegromail.pl>", "Zakup", "Sprzedawca: BikeParts", "", "BikeParts"),
    ("bigcommerce", f"{SHOP} <orders@mybigcommerce.com>", "Your order", "", "", SHOP),
    ("squarespace", f"{SHOP} <no-reply@squarespace.info>", "Order confirmed", "", "", SHOP),
    ("wix", f"{SHOP} <no-reply@wixemails.com>", "News", "Reply-To: hi@bikeparts.example", "", "bikeparts.example"),
    ("shopware", f"{SHOP} <noreply@bike-parts.shopware.store>", "Bestellung", "", "", SHOP),
    ("ecwid", f"{SHOP} <no-reply@ecwid.com>", "Order", "", "", SHOP),
    ("gumroad", f"{SHOP} <noreply@customers.gumroad.com>", "You bought it", "", "", SHOP),
    ("lemon-squeezy", "Lemon Squeezy <hello@lemonsqueezy.com>", "Your Bike Parts receipt", "", "", SHOP),
    ("big-cartel", f"{SHOP} <no-reply@bigcartel.com>", "Order", "", "", SHOP),
    ("dhl", "DHL Paket <noreply@dhl.de>", "Ihr DHL Paket von Bike Parts kommt heute", "", SHOP, ""),
    ("dhl", "DHL Paket <noreply@dhl.de>", "Ihre Bike Parts Sendung liegt im Briefkasten", "", SHOP, ""),
    ("dhl", "DHL Paket <noreply@dhl.de>", "Versand", "Gute Nachrichten: Ihre Sendung 00340434 von Bike Parts wird morgen zugestellt.", SHOP, ""),
    ("dhl", "DHL Parcel <noreply@dhl.nl>", "Onderweg", "Je pakket van Bike Parts komt vandaag tussen 15:00 en 17:00.", SHOP, ""),
    ("dpd", "DPD <no-reply@dpd.co.uk>", "Your parcel from Bike Parts is on its way", "", SHOP, ""),
    ("dpd", "DPD <noreply@service.dpd.de>", "Bald ist ihr DPD Paket da", "Ihr Paket von Bike Parts kommt morgen.", SHOP, ""),
    ("ups", "UPS <mcinfo@ups.com>", "UPS Update: Package Scheduled for Delivery Today", "From: Bike Parts", SHOP, "UPS"),
    ("ups", f"{SHOP} <pkginfo@ups.com>", "UPS Ship Notification", "", "", SHOP),
    ("fedex", "FedEx <TrackingUpdates@fedex.com>", "Your shipment is on the way", "Shipper: Bike Parts", SHOP, ""),
    ("gls", "GLS <no-reply@gls-pakete.de>", "Ihr Paket von Bike Parts kommt heute", "", SHOP, ""),
    ("hermes", "Hermes <noreply@paketankuendigung.myhermes.de>", "Deine Sendung von Bike Parts kommt heute", "", SHOP, ""),
    ("evri", "Evri <do-not-reply@evri.com>", "Your Bike Parts parcel is now with your local Evri courier for delivery", "", SHOP, ""),
    ("evri", "Evri <do-not-reply@evri.com>", "We have successfully delivered your Bike Parts parcel", "", SHOP, ""),
    ("royal-mail", "Royal Mail <no-reply@royalmail.com>", "Your parcel from Bike Parts is on its way", "", SHOP, ""),
    ("parcelforce", "Parcelforce <no-reply@parcelforce.net>", "Your parcel from Bike Parts is on its way", "", SHOP, ""),
    ("postnl", "PostNL <noreply@notificatie.postnl.nl>", "Onderweg met je pakket van Bike Parts", "", SHOP, ""),
    ("bpost", "bpost <noreply@bpost.be>", "Info", "Votre colis de Bike Parts est en route.", SHOP, ""),
    ("la-poste", "Colissimo <noreply@notif.laposte.fr>", "Info", "Votre colis 6A12345678901 expédié par Bike Parts est en cours.", SHOP, ""),
    ("inpost", "InPost <powiadomienia@inpost.pl>", "InPost", "Twoja paczka od nadawcy Bike Parts została doręczona.", SHOP, ""),
    ("poczta-polska", "Poczta <informacja@poczta-polska.pl>", "eINFO", "Nadawca: Bike Parts", SHOP, ""),
    ("austrian-post", "Post <noreply@post.at>", "Info", "Ihre Sendung von Bike Parts wird heute zugestellt.", SHOP, ""),
    ("swiss-post", "Die Post <noreply@notifications.post.ch>", "Info", "Absender: Bike Parts", SHOP, ""),
    ("postnord", "PostNord <noreply@postnord.se>", "Avisering", "Ditt paket från Bike Parts är på väg.", SHOP, ""),
    ("auspost", "AusPost <noreply@notifications.auspost.com.au>", "Your delivery from Bike Parts is on its way", "", SHOP, ""),
    ("paypal", "PayPal <service@paypal.com>", "Receipt for Your Payment to Bike Parts", "", SHOP, ""),
    ("paypal", "PayPal <service@paypal.de>", "Beleg für Ihre Zahlung an Bike Parts GmbH", "", "Bike Parts GmbH", ""),
    ("paypal", "PayPal <service@paypal.com>", "Invoice from Bike Parts (0042)", "", "", SHOP),
    ("paypal", "PayPal <service@paypal.com>", "Bike Parts sent you a money request", "", "", SHOP),
    ("paypal", "PayPal <service@paypal.com>", "Hello", "You sent a payment of $9.03 CAD to Bike Parts.", "", SHOP),
    ("stripe", f"{SHOP} <receipts+acct_1@stripe.com>", "Your receipt from Bike Parts #2604-8129", "", SHOP, SHOP),
    ("stripe", "Kiosk <invoice+statements+acct_1@stripe.com>", "New invoice from Bike Parts #7", "", "", SHOP),
    ("klarna", "Klarna <noreply@klarna.com>", "Your purchase at Bike Parts is confirmed", "", SHOP, ""),
    ("klarna", "Klarna <noreply@klarna.de>", "Dein Einkauf bei Bike Parts", "", SHOP, ""),
    ("adyen", "Adyen <noreply@adyen.com>", "Payment request from Bike Parts", "", SHOP, ""),
    ("mollie", "Mollie <noreply@mollie.com>", "Your payment to Bike Parts", "", SHOP, ""),
    ("square", f"{SHOP} <messenger@messaging.squareup.com>", "Receipt from Bike Parts #LrRn", "", "", SHOP),
    ("sumup", "SumUp <noreply@sumup.com>", "Your receipt from Bike Parts", "", "", SHOP),
    ("zettle", "Zettle <noreply@zettle.com>", "Receipt from Bike Parts", "", "", SHOP),
    ("paddle", "Paddle <help@paddle.com>", "Your Bike Parts receipt", "", SHOP, ""),
    ("gocardless", f"{SHOP} via GoCardless <help@gocardless.com>", "Payment", "", "", SHOP),
    ("ratepay", "Ratepay <noreply@ratepay.com>", "Ihr Einkauf bei Bike Parts", "", SHOP, ""),
    ("riverty", "Riverty <noreply@riverty.com>", "Je aankoop bij Bike Parts", "", SHOP, ""),
    ("trustpilot", "Kiosk <noreply.invitations@trustpilotmail.com>", "How was it?", "Reply-To: Care <care@bikeparts.example>", "bikeparts.example", "Kiosk"),
    ("trustpilot", f"{SHOP} <noreply.invitations@trustpilotmail.com>", "How was it?", "https://uk.trustpilot.com/evaluate/www.bikeparts.example?a=1", "", "bikeparts.example"),
    ("trusted-shops", f"{SHOP} via Trusted Shops <noreply@trustedshops.com>", "Review", "", "", SHOP),
    ("feefo", f"{SHOP} via Feefo <noreply@feefo.com>", "Review", "", "", SHOP),
    ("yotpo", f"{SHOP} <no-reply@yotpo.com>", "Review", "", "", SHOP),
    ("judge-me", f"{SHOP} <support@judge.me>", "Review", "", "", SHOP),
    ("reviews-io", f"{SHOP} <noreply@reviews.io>", "Review", "", "", SHOP),
    ("bazaarvoice", f"{SHOP} <noreply@bazaarvoice.com>", "Review", "", "", SHOP),
    ("qualtrics", "Kiosk <noreply@qemailserver.com>", "Survey", "https://bikeparts.eu.qualtrics.com/jfe/form/1", "", "bikeparts"),
    ("surveymonkey", f"{SHOP} via SurveyMonkey <member@surveymonkeyuser.com>", "Survey", "", "", SHOP),
    ("typeform", f"{SHOP} <notifications@followups.typeform.com>", "Thanks", "", "", SHOP),
    ("medallia", f"{SHOP} <survey@express.medallia.com>", "Survey", "", "", SHOP),
    ("jotform", f"{SHOP} <noreply@jotform.com>", "Form", "", "", SHOP),
    ("zendesk", f"{SHOP} Support <support@bikeparts.zendesk.com>", "Ticket", "", "", SHOP),
    ("freshdesk", f"{SHOP} Support <support@bikeparts.freshdesk.com>", "Ticket", "", "", SHOP),
    ("intercom", f"Anna from {SHOP} <anna@bike.intercom-mail.com>", "Hi", "", "", SHOP),
    ("hubspot-conversations", f"{SHOP} <1@hs-inbox.com>", "Hi", "", "", SHOP),
    ("gorgias", f"{SHOP} <support@bikeparts.gorgias.io>", "Hi", "", "", SHOP),
    ("help-scout", f"{SHOP} Support <1@helpscoutapp.com>", "Hi", "", "", SHOP),
    ("front", f"{SHOP} <1@in.frontapp.com>", "Hi", "", "", SHOP),
    ("eventbrite", "Eventbrite <noreply@order.eventbrite.com>", "Your tickets", "Organized by Bike Parts", "", SHOP),
    ("eventim", "Eventim <noreply@eventim.de>", "Tickets", "Veranstalter: Bike Parts", SHOP, ""),
    ("tito", "Tito <support@tito.io>", "Your order", "https://ti.to/bikeparts/fair-2026", "", "bikeparts"),
    ("pretix", f"{SHOP} <noreply@pretix.eu>", "Your order", "", "", SHOP),
    ("calendly", f"{SHOP} via Calendly <notifications@calendly.com>", "Invitation", "", "", SHOP),
    ("opentable", "OpenTable <noreply@opentable.com>", "Your reservation at Bike Parts is confirmed", "", SHOP, ""),
    ("docusign", f"{SHOP} via Docusign <dse@docusign.net>", "Please sign", "", "", SHOP),
    ("substack", "Anna from Bikes <bikeparts@substack.com>", "News", "", "", "bikeparts"),
    ("beehiiv", "Bikes <bikeparts@mail.beehiiv.com>", "News", "", "", "bikeparts"),
    ("mailchimp-rewritten", "Kiosk <news=bikeparts.example@mail99.suw101.mcsv.net>", "News", "", "", "bikeparts.example"),
    ("patreon", "Patreon <bingo@patreon.com>", 'Bike Parts just shared: "New tyres"', "", "", SHOP),
    ("ghost", f"{SHOP} <noreply@bikeparts.ghost.io>", "News", "", "", SHOP),
    ("buttondown", "Bikes <bikeparts@buttondown.email>", "News", "", "", "bikeparts"),
    ("medium", f"{SHOP} via Medium <noreply@medium.com>", "News", "", "", SHOP),
)  # fmt: skip


@cache
def shipped() -> PlatformRegistry:
    return read_platforms(tomllib.loads((ROOT / "config/platforms.toml").read_text()))


def mail(sender: str, subject: str, line: str = "", signature: str = "") -> ParsedMail:
    reply, text = (f"{line}\n", "") if line.startswith("Reply-To:") else ("", line)
    head = f"{signature}From: {sender}\nTo: canary@inbox.example\nSubject: {subject}\n{reply}MIME-Version: 1.0\n"
    return parse(f"{head}Content-Type: text/plain; charset=utf-8\n\nHello Anna,\n\n{text}\n\nGoodbye\n".encode())


def straight(found: ParsedMail) -> Proofs:
    return Proofs(SpfResult(Result.PASS, found.sender.domain))


def envelope(mail_from: str = "") -> Envelope:
    return Envelope(mail_from, ("canary@inbox.example",), Client("192.0.2.9"), START)


@pytest.mark.parametrize(("slug", "sender", "subject", "line", "stated", "free"), FORMS, ids=[row[0] for row in FORMS])
def test_a_platform_names_its_merchant_where_the_registry_says(
    slug: str, sender: str, subject: str, line: str, stated: str, free: str
) -> None:
    found = mail(sender, subject, line)
    said = statement_of(found, straight(found), envelope(), shipped())
    assert said.platform == next(each.name for each in shipped().platforms if each.slug == slug)
    assert said.merchants == ((stated,) if stated else ())
    assert (free in said.named) if free else not said.named


def test_every_place_of_the_registry_has_a_form_here() -> None:
    assert {each.slug for each in shipped().platforms if each.merchant} == {row[0] for row in FORMS}


def test_at_least_twenty_five_platforms_vouch_for_their_merchant() -> None:
    assert len([each for each in shipped().platforms if any(not rule.free for rule in each.merchant)]) >= 25


def test_every_shipped_platform_says_where_its_facts_come_from() -> None:
    assert [each.slug for each in shipped().platforms if not all(each.source)] == []


@pytest.mark.parametrize(
    "kind", ["shop", "courier", "payment", "review", "survey", "helpdesk", "ticketing", "newsletter"]
)
def test_each_kind_of_service_is_shipped(kind: str) -> None:
    assert len([each for each in shipped().platforms if each.kind == kind]) >= 4


RECEIPT = ("PayPal <service@paypal.com>", "Receipt for Your Payment to Bike Parts")


@pytest.mark.parametrize(
    "proofs",
    [
        Proofs(),
        Proofs(SpfResult(Result.FAIL, "paypal.com")),
        Proofs(SpfResult(Result.PASS, "thief.example"), (DkimResult(Result.PASS, "thief.example"),)),
        Proofs(dkim=(DkimResult(Result.FAIL, "paypal.com"),)),
    ],
)
def test_a_platform_that_proved_nothing_states_nothing(proofs: Proofs) -> None:
    said = statement_of(mail(*RECEIPT), proofs, envelope(), shipped())
    assert (said.platform, said.merchants, said.named) == ("", (), ())


def test_the_same_words_from_another_domain_state_nothing() -> None:
    found = mail("PayPal <service@paypal.com.thief.example>", RECEIPT[1])
    assert statement_of(found, straight(found), envelope(), shipped()).platform == ""


SIGNED = Proofs(dkim=(DkimResult(Result.PASS, "paypal.com", "s1"),))


def signature(*headers: str) -> str:
    return f"DKIM-Signature: v=1; a=rsa-sha256; d=paypal.com; s=s1; h={':'.join(headers)}; bh=x; b=y\n"


def test_a_signature_vouches_for_the_headers_that_it_covers_and_no_others() -> None:
    covered = mail(*RECEIPT, signature=signature("From", "Subject"))
    assert statement_of(covered, SIGNED, envelope(), shipped()).merchants == ("Bike Parts",)
    bare = mail(*RECEIPT, signature=signature("From", "Date"))
    assert statement_of(bare, SIGNED, envelope(), shipped()).merchants == ()


def test_a_subject_that_was_added_on_the_way_states_nothing() -> None:
    sent_on = f"Subject: {RECEIPT[1]}\n{signature('From', 'Subject')}"
    found = mail("PayPal <service@paypal.com>", "Receipt for Your Payment to Kiosk", signature=sent_on)
    assert statement_of(found, SIGNED, envelope(), shipped()).merchants == ()


@pytest.mark.parametrize("name", ["Bike Parts", "BIKEPARTS", "bike-parts", "Bike Parts GmbH", "bikeparts.example"])
def test_the_vendors_name_is_met_in_any_spelling(name: str) -> None:
    assert names_vendor((name,), Vendor("bike", "Bike Parts", ("bikeparts.example",)))


@pytest.mark.parametrize(
    "name", ["", "Bike", "Bike Parts Refund Desk", "My Bike Parts", "bikeparts.example.thief.example", "Spike Parts"]
)
def test_more_or_less_than_the_vendors_name_is_another_name(name: str) -> None:
    assert not names_vendor((name,), Vendor("bike", "Bike Parts", ("bikeparts.example",)))


def test_a_name_of_two_letters_is_met_as_a_whole_only() -> None:
    assert names_vendor(("DM",), Vendor("dm", "dm", ("dm.example",)))
    assert not names_vendor(("dm drogerie",), Vendor("dm", "dm", ("dm.example",)))


@pytest.mark.parametrize("value", ["a" * 5000, "Your " * 1000, "Ihre Sendung von " * 300, ". " * 2500, "=" * 5000])
def test_hostile_values_are_read_in_a_moment(value: str) -> None:
    def work() -> None:
        for each in shipped().platforms:
            found = replace(mail(f"{value[:200]} <a@{each.domains[0]}>", "x"), subject=value, text=f"{value}\n" * 4)
            statement_of(found, straight(found), envelope(value), shipped())

    assert cpu_seconds(work, runs=3) < 1


def read(change: Mapping[str, object]) -> PlatformRegistry:
    return read_platforms({}, (RegistryFile("own.toml", {"platform": [{**GOOD, **change}]}),))


def test_a_platform_of_the_owners_replaces_the_shipped_one_of_its_slug() -> None:
    own = RegistryFile("own.toml", {"platform": [GOOD, {**GOOD, "slug": "dhl", "domains": ["dhl.example"]}]})
    held = read_platforms(tomllib.loads((ROOT / "config/platforms.toml").read_text()), (own,))
    assert held.of_domain("mail.kiosk.example")
    assert held.of_domain("dhl.example")
    assert held.of_domain("dhl.de") is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "bank"}, "platform kiosk: kind = 'bank': write one of shop, courier, payment"),
        ({"domains": ["Kiosk.example"]}, '"Kiosk.example" is not a domain'),
        ({"merchant": {"in": "subject"}}, "write a list of rules like"),
        ({"merchant": [{"in": "subject"}]}, 'a rule has "in"'),
        ({"merchant": [{"in": "subject", "shape": "a", "colour": 1}]}, 'a rule has "in"'),
        ({"merchant": [{"in": "the subject", "shape": "(a)"}]}, '"the subject" is neither a place nor'),
        ({"merchant": [{"in": "subject", "shape": "from .++"}]}, '"from .++" has no group'),
        ({"merchant": [{"in": "subject", "shape": "(.+)"}]}, 'write it possessively: "++"'),
        ({"merchant": [{"in": "subject", "shape": "(.++)", "until": [" x"], "before": [" y"]}]}, "leave out one"),
        ({"merchant": [{"in": "subject", "shape": "(.++)", "free": "yes"}]}, "write true or false"),
        ({"colour": "red"}, "platform kiosk: colour: unknown key; the keys are slug, name"),
    ],
)
def test_a_bad_row_of_the_owners_is_one_clear_error_that_names_the_file(change: dict[str, object], fault: str) -> None:
    with pytest.raises(RegistryError) as refused:
        read(change)
    assert len(refused.value.faults) == 1
    assert refused.value.faults[0].startswith("own.toml: platform kiosk")
    assert fault in refused.value.faults[0]
