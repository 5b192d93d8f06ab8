"""Adoption: whose an address is by its tag and its first senders, how hard it is to guess, and which are left alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary.importing.adoption import read_map
from canary.judge.adoption import AdoptionProposal, Left, SenderSighting, Sighting, adopted_bits, propose, tag_of
from canary.model.canary import Style
from canary.model.party import Vendor

BEGIN = datetime(2014, 1, 1, tzinfo=UTC)
PLAY = Vendor("play-com", "Play.com", ("play.com",))


def sighting(address: str, *senders: str) -> Sighting:
    """Mails a day apart; `~shop.example` is claimed and not proven, `!` marks bulk."""
    seen = []
    for day, sender in enumerate(senders):
        name = sender.strip("~!")
        seen.append(SenderSighting(BEGIN + timedelta(days=day), "" if "~" in sender else name, name, "!" in sender))
    return Sighting(address, BEGIN, len(seen), tuple(seen))


def adopted(address: str, *senders: str, known: Sequence[Vendor] = (PLAY,)) -> AdoptionProposal:
    found = propose(sighting(address, *senders), known)
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
    made = propose(Sighting(found.address, found.first, 3, (*found.seen, late)), [])
    assert isinstance(made, AdoptionProposal)
    assert made.domains == ("amazon.de", "amazon.com")


def test_what_was_never_proven_is_said_to_be_so() -> None:
    assert adopted("amazon@in.example", "~amazon.de").basis == "tag and sender, unproven"
    assert adopted("me+books@in.example", "~waterstones.com").basis == "first sender, unproven"


def test_a_known_vendor_is_matched_by_its_name_its_domain_or_its_first_mail() -> None:
    for address, sender in (
        ("play@in.example", "x.example"),
        ("play.com@in.example", "~y.example"),
        ("me+music@in.example", "play.com"),
    ):
        found = adopted(address, sender)
        assert (found.slug, found.domains) == ("play-com", ())


def test_the_sender_that_wrote_first_and_came_back_was_given_the_address() -> None:
    found = adopted("books@in.example", "waterstones.com!", "waterstones.com!", "other.example")
    assert (found.name, found.basis) == ("Waterstones", "first proven sender")


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
    ],
)
def test_an_address_that_names_nobody_is_left_alone(address: str, senders: tuple[str, ...]) -> None:
    assert isinstance(propose(sighting(address, *senders), [PLAY]), Left)


def test_the_owners_word_counts_before_all_else() -> None:
    made = propose(sighting("info@in.example", "spam.example"), [PLAY], ("play.com", "newsletter"))
    assert isinstance(made, AdoptionProposal)
    assert (made.slug, made.channel, made.basis) == ("play-com", "newsletter", "vendor map")


def test_a_vendor_that_only_the_owner_names_gets_the_domain_with_its_name() -> None:
    made = propose(sighting("x9@in.example", "spam.example", "bikeworld.example"), [], ("Bike World", "signup"))
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


def test_a_vendor_map_names_its_bad_rows_and_takes_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    rows = "address,vendor,channel\nShop@in.example,Shop,orders\n\nnonsense,X\na@b.example,\nb@in.example, Bikes\nc@d.example,X,y,z\n"
    file.write_text(rows, encoding="utf-8-sig")
    found = read_map(file)
    assert found.told == {"shop@in.example": ("Shop", "orders"), "b@in.example": ("Bikes", "signup")}
    assert [fault.partition(": ")[0] for fault in found.faults] == [f"{file}, line {line}" for line in (4, 5, 7)]


@pytest.mark.parametrize("octets", [b"", b"\0\xff" * 1000, b'"' * 5000, b"a@b.example,\xff\n", b"," * 100_000])
def test_a_vendor_map_of_anything_raises_nothing(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "map.csv").write_bytes(octets)
    assert len(read_map(tmp_path / "map.csv").told) <= 1
