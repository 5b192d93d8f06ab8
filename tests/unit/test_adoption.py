"""Adoption: whose an address is by its tag and its first senders, how hard it is to guess, and which are left alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.judge.adoption import (
    AddressDraft,
    AdoptionProposal,
    KnownVendors,
    Left,
    adopted_bits,
    propose,
    propose_listed,
    settle,
)
from canary.judge.adoption_rules import MapRow, SenderSighting, Sighting
from canary.judge.tag import tag_of
from canary.model.canary import Style
from canary.model.party import Vendor

BEGIN = datetime(2014, 1, 1, tzinfo=UTC)
PLAY = Vendor("play-com", "Play.com", ("play.com",))


def sighting(address: str, *senders: str, every: int = 1) -> Sighting:
    """Mails so many days apart; `~shop.example` is claimed and not proven, `!` marks bulk, `+` a confirmation.

    What precedes an `=` is the name that the sender shows; without a domain nothing is known of where it comes from.
    """
    seen = []
    for number, sender in enumerate(senders):
        name, _, mark = sender.rpartition("=")
        domain = mark.strip("~!+")
        seen.append(
            SenderSighting(
                BEGIN + timedelta(days=every * number),
                "" if "~" in mark else domain,
                domain,
                "!" in mark,
                name,
                "+" in mark,
            )
        )
    return Sighting(address, BEGIN, len(seen), tuple(seen))


def proposed(found: Sighting, known: Sequence[Vendor] = (), told: MapRow | None = None) -> AdoptionProposal | Left:
    return propose(found, known, told).result


def adopted(address: str, *senders: str, known: Sequence[Vendor] = (PLAY,), every: int = 1) -> AdoptionProposal:
    found = proposed(sighting(address, *senders, every=every), known)
    assert isinstance(found, AdoptionProposal), found
    return found


@pytest.mark.parametrize(
    "address",
    ["amazon@in.example", "me+amazon@in.example", "amazon.2019.x7k@in.example", "amazon-de@in.example", "amazon2@in.example",
     "amazon.de@in.example", "shop_amazon@in.example"],
)  # fmt: skip
def test_a_tag_that_is_the_name_of_its_proven_sender_names_the_vendor(address: str) -> None:
    found = adopted(address, "amazon.de")
    assert (found.name, found.domains, found.basis) == ("Amazon", ("amazon.de",), "tag and proven sender")


def test_the_first_to_write_need_not_be_the_one_that_the_tag_names() -> None:
    assert adopted("amazon@in.example", "spam.example!", "amazon.de").domains == ("amazon.de",)


def test_more_domains_of_one_name_count_only_while_the_address_is_new() -> None:
    found = sighting("amazon@in.example", "amazon.de", "amazon.com")
    late = SenderSighting(BEGIN + timedelta(days=400), "amazon.bad", "amazon.bad")
    made = proposed(Sighting(found.address, found.first, 3, (*found.seen, late)))
    assert isinstance(made, AdoptionProposal)
    assert made.domains == ("amazon.de", "amazon.com")


def test_what_was_never_proven_is_said_to_be_so() -> None:
    assert adopted("amazon@in.example", "~amazon.de").basis == "tag and sender, unproven"
    assert adopted("me+bikes@in.example", "~bikesdepot.example").domains == ("bikesdepot.example",)


def test_a_known_vendor_is_matched_by_its_name_its_domain_or_its_first_mail() -> None:
    for address, sender in (
        ("play@in.example", "x.example"),
        ("play.com@in.example", "~y.example"),
        ("me+music@in.example", "play.com"),
    ):
        found = adopted(address, sender)
        assert (found.slug, found.domains) == ("play-com", ())


def test_who_alone_wrote_for_long_was_given_the_address() -> None:
    found = adopted("fiction@in.example", *["waterstones.com!"] * 4, every=50)
    assert (found.name, found.domains, found.basis) == ("Waterstones", ("waterstones.com",), "only sender")


def test_who_confirms_a_sign_up_at_a_plus_address_was_given_it() -> None:
    found = adopted("me+movement@in.example", "~soj51.example+", "other.example!")
    assert (found.domains, found.basis) == (("soj51.example",), "first sender confirmed a sign-up")


@pytest.mark.parametrize(
    ("address", "senders"),
    [
        ("info@in.example", ("spam.example!", "spam.example!")),
        ("john.smith@in.example", ("spam.example!", "spam.example!")),
        ("me@in.example", ("a.example", "b.example")),
        ("qwerty@in.example", ("spam.example!", "other.example!")),
        ("books@in.example", ("person.example", "person.example")),
        ("books@in.example", ("gmail.com!", "gmail.com!")),
        ("me+friends@in.example", ("gmail.com", "~gmail.com")),
        ("books@in.example", ("~a.example", "~a.example")),
        ("me+@in.example", ("a.example",)),
        ("me+x@in.example", ()),
        ("fiction@in.example", ("waterstones.com!", "waterstones.com!", "other.example")),
        ("fiction@in.example", ("waterstones.com!",) * 6),
        ("me+fiction@in.example", ("waterstones.com!", "waterstones.com!")),
        ("hr-mail@in.example", ("offers-mail.example!",) * 3),
        ("officeplus@in.example", ("office-supplies.example!",) * 3),
        ("a.reader@gmail.com", ("Google=google.com!", "Google=google.com!")),
        ("zalando@in.example", ("lounge.example",)),
        ("info@in.example", ("Info Desk=offers.example!",)),
        ("alex@in.example", ("Alex Miller=miller.example",)),
    ],
)
def test_an_address_that_names_nobody_is_left_alone(address: str, senders: tuple[str, ...]) -> None:
    assert isinstance(proposed(sighting(address, *senders), [PLAY]), Left)


def test_the_owners_word_counts_before_all_else() -> None:
    made = proposed(sighting("info@in.example", "spam.example"), [PLAY], MapRow("play.com", "newsletter"))
    assert isinstance(made, AdoptionProposal)
    assert (made.slug, made.channel, made.basis) == ("play-com", "newsletter", "vendor map")


def test_a_vendor_that_only_the_owner_names_gets_the_domain_with_its_name() -> None:
    made = proposed(sighting("x9@in.example", "spam.example", "bikeworld.example"), [], MapRow("Bike World"))
    assert isinstance(made, AdoptionProposal)
    assert (made.name, made.domains) == ("Bike World", ("bikeworld.example",))


def test_an_adopted_address_is_as_old_as_its_first_mail_and_has_its_style() -> None:
    assert (adopted("me+play@in.example").style, adopted("play@in.example").style) == (Style.PLUS, Style.TAGGED)
    assert adopted("play@in.example", "play.com").issued == BEGIN


@pytest.mark.parametrize(
    ("address", "least", "most"),
    [
        ("amazon@x.example", 5, 10),
        ("me+amazon@x.example", 5, 10),
        ("shop@x.example", 0, 5),
        ("amazon2019@x.example", 12, 16),
        ("amazon.2019@x.example", 12, 16),
        ("amazon.2019.x7k@x.example", 24, 29.9),
        ("amazon-x7kq9m2tw4abc@x.example", 38, 40),
    ],
)
def test_the_bits_of_an_adopted_address_are_those_of_what_was_drawn(address: str, least: float, most: float) -> None:
    assert least <= adopted_bits(address) <= most


def test_a_tag_is_what_follows_the_plus_or_all_of_it() -> None:
    assert (tag_of("Me+Shop.1@x").text, tag_of("shop@x").text) == ("shop.1", "shop")


@pytest.mark.parametrize(
    ("tag", "sender"),
    [
        ("zalando2024", "zalando.de"), ("newsletter-zalando", "zalando.de"), ("newsletterzalando", "zalando.de"),
        ("zalando.newsletter", "zalando-lounge.de"), ("zalandolounge", "zalando.de"), ("2024-zalando", "zalando.de"),
        ("amazon.de", "amazon.de"), ("amazon.co.uk", "amazon.co.uk"), ("mediamarkt", "media-markt.de"),
        ("zalndo", "zalando.de"), ("waterstoens", "waterstones.com"), ("amzn", "amazon.de"), ("pypl", "paypal.com"),
        ("telekom", "deutschetelekom.example"), ("bsanders", "berniesanders.example"), ("hm", "hm.com"),
        ("beto", "Team Beto=betoorourke.example"), ("acs", "American Cancer Society=cancer.example"),
        ("db", "Deutsche Bahn=bahn.example"), ("nytimes", "The New York Times=newyorktimes.example"),
        ("fw", "FreedomWorks=freedom-works.example"), ("ewarrenoffice", "Elizabeth Warren=warrenhq.example"),
        ("fotf", "Focus on the Family=focusonthefamily.example"), ("müller", "mueller.example"),
        ("jmullersmith", "Joan Muller-Smith=joanforcongress.example"), ("sum", "Sum Of Us=sumofus.example"),
    ],
)  # fmt: skip
def test_a_tag_meets_its_sender_in_any_spelling(tag: str, sender: str) -> None:
    domain = sender.rpartition("=")[2]
    for address in (f"me+{tag}@in.example", f"{tag}@in.example"):
        assert adopted(address, f"{sender}!").domains == (domain,)


@pytest.mark.parametrize(
    ("tag", "sender"),
    [
        ("gift", "Giant Offers=giant.example"), ("random99", "Best Offers=offers-mail.example"), ("hr-mail", "offers-mail.example"),
        ("news", "newsdesk.example"), ("shop-mail", "mailshop.example"), ("otto", "lotto.example"), ("stripe", "grape.example"),
        ("amazon", "Best Deals=amaz0n-deals.example"), ("dhl", "dahlia.example"), ("office", "officeworks.example"),
    ],
)  # fmt: skip
def test_a_tag_meets_no_sender_by_words_that_everybody_uses_or_by_chance(tag: str, sender: str) -> None:
    assert isinstance(proposed(sighting(f"{tag}@in.example", f"{sender}!", f"{sender}!")), Left)


def test_a_name_shown_beside_a_foreign_domain_gives_a_vendor_no_domain() -> None:
    found = adopted("amazon@in.example", "Amazon Prime=evil.example!", "Amazon=evil.example!")
    assert (found.name, found.domains, found.basis) == ("Amazon", (), "tag and name of a sender")


def test_a_public_body_is_the_domain_of_whom_it_shows() -> None:
    found = adopted("me+khill@in.example", "Representative Katie Hill=house.gov!")
    assert (found.name, found.domains) == ("Katie Hill", ("house.gov",))


def test_a_vendor_is_called_as_its_senders_spell_what_the_tag_means() -> None:
    assert (
        adopted("me+tpp@in.example", "Tea Party Patriots Action=teapartypatriots.example!").name == "Tea Party Patriots"
    )
    assert adopted("me+ohalleran@in.example", "Tom O'Halleran=tomohalleran.example!").name == "Tomohalleran"


def test_an_unproven_domain_that_only_begins_with_the_tag_counts_from_the_first_sender_alone() -> None:
    assert adopted("amazon@in.example", "~amazon-login.example", "~amazon.de").domains == ("amazon-login.example",)
    late = proposed(sighting("amazon@in.example", "other.example", "~amazon-login.example"))
    assert isinstance(late, Left)


def settled(
    *found: Sighting, mailboxes: Sequence[str] = (), told: MapRow | None = None
) -> dict[str, AdoptionProposal | Left]:
    drafts: list[AddressDraft] = [propose(each, [PLAY], told) for each in found]
    return {each.address.partition("@")[0]: each for each in settle(drafts, mailboxes, [PLAY])}


def test_what_one_sender_made_up_is_left_alone_whatever_it_looks_like() -> None:
    made = [
        sighting(f"{tag}@in.example", *["Best Offers=offers-mail.example!"] * 6, every=60)
        for tag in ("gift", "random99", "offers", "tea")
    ]
    made.append(sighting("offers-mail@in.example", "Best Offers=offers-mail.example!"))
    found = settled(*made, sighting("teashop@in.example", "Tea Shop=teashop.example!"))
    assert {name for name, each in found.items() if isinstance(each, AdoptionProposal)} == {"teashop", "offers-mail"}
    assert isinstance(left := found["gift"], Left)
    assert left.why.startswith("guessed: offers-mail.example wrote first to 3 addresses")


def test_two_addresses_of_one_vendor_are_no_guesses() -> None:
    made = [sighting(f"{tag}@in.example", *["waterstones.com!"] * 4, every=50) for tag in ("fiction", "poetry")]
    assert all(isinstance(each, AdoptionProposal) for each in settled(*made).values())


def test_the_mailbox_that_tagged_addresses_end_in_is_no_canary() -> None:
    made = [sighting("bob@in.example", "bob.example!"), sighting("bob+shop@in.example", "shop.example!")]
    found = settled(*made, mailboxes=["bob@in.example"])
    assert isinstance(found["bob"], Left)
    assert isinstance(found["bob+shop"], AdoptionProposal)


def test_who_carries_the_mail_of_several_vendors_is_none_of_them() -> None:
    def forwarded(name: str) -> AddressDraft:
        found = sighting(f"me+{name}@in.example", *[f"{name.title()} news=carrier.example!"] * 3)
        return propose(found, [], MapRow(name.title()))

    [alone] = settle([forwarded("alpha")], (), ())
    assert isinstance(alone, AdoptionProposal)
    assert alone.domains == ("carrier.example",)
    both = settle([forwarded("alpha"), forwarded("beta")], (), ())
    assert [each.domains for each in both if isinstance(each, AdoptionProposal)] == [(), ()]


def test_the_map_names_domains_and_they_are_all_that_counts() -> None:
    row = MapRow("Bike World", "signup", ("bikes.example", "bw-mail.example"))
    made = proposed(sighting("x9@in.example", "bikeworld.example"), [], row)
    assert isinstance(made, AdoptionProposal)
    assert made.domains == ("bikes.example", "bw-mail.example")


def test_a_declared_vendor_without_a_domain_gets_the_one_that_names_it() -> None:
    known = [Vendor("bike-world", "Bike World")]
    made = proposed(sighting("x9@in.example", "bikeworld.example"), known, MapRow("Bike World"))
    assert isinstance(made, AdoptionProposal)
    assert (made.slug, made.domains) == ("bike-world", ("bikeworld.example",))


@given(st.text(max_size=80), st.text(max_size=300), st.sampled_from(["shop.example", "xn--mller-kva.example", ""]))
def test_any_tag_meets_any_sender_without_a_fault(local: str, shown: str, domain: str) -> None:
    found = SenderSighting(BEGIN, domain, domain, bulk=True, name=shown)
    propose(Sighting(f"{local}@in.example", BEGIN, 1, (found,)), [PLAY])
    propose(Sighting(f"{local}@in.example", BEGIN, 1, (found,)), [PLAY], MapRow(shown))


def test_a_list_without_vendors_names_them_by_the_tags_that_are_words() -> None:
    def vendor(address: str, name: str = "") -> str:
        made = propose_listed(address, MapRow(name), KnownVendors([PLAY]), BEGIN)
        return made.name if isinstance(made, AdoptionProposal) else ""

    assert vendor("zalando.2019@in.example") == "Zalando"
    assert vendor("me+play@in.example") == "Play.com"
    assert vendor("x9k2m4q7t@in.example", "Bikes") == "Bikes"
    for nobody in (
        "info@in.example",
        "john.smith@in.example",
        "x9k2m4q7t@in.example",
        "me@gmail.com",
        "2019@in.example",
    ):
        assert vendor(nobody) == ""


def test_an_address_in_a_list_is_as_old_as_the_list_says_and_never_of_the_future() -> None:
    for issued, expected in (
        (None, BEGIN),
        (BEGIN - timedelta(days=9), BEGIN - timedelta(days=9)),
        (BEGIN + timedelta(days=9), BEGIN),
    ):
        made = propose_listed("zalando@in.example", MapRow("", issued=issued), KnownVendors([]), BEGIN)
        assert isinstance(made, AdoptionProposal)
        assert made.issued == expected
