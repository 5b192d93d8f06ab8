"""Which domains imitate a vendor's, and which only resemble it by chance."""

import pytest

from canary.judge.lookalike import distance, lookalike, skeleton

ORIGINALS = ("trendyshoes.example", "paypal.example")


@pytest.mark.parametrize(
    ("domain", "how", "near"),
    [
        ("trendysh0es.test", "letters that look alike", True),
        ("tr\N{CYRILLIC SMALL LETTER IE}ndyshoes.example", "letters that look alike", True),
        ("xn--pypal-4ve.example", "letters that look alike", True),
        ("p\N{LATIN SMALL LETTER A WITH DIAERESIS}ypal.example", "letters that look alike", True),
        ("paypaI.test", "letters that look alike", True),
        ("trenclyshoes.test", "letters that look alike", True),
        ("trendyshoess.test", "1 letter off", True),
        ("trendyshose.test", "1 letter off", True),
        ("paypal.example.login.test", "the whole domain as a part of another", True),
        ("paypal-example.test", "the whole domain as a part of another", True),
        ("trendy-shoes.test", "the same name but for a hyphen", False),
        ("trendyshoes.co.uk", "the same name under another ending", False),
        ("paypal.desk.test", 'the name "paypal" in a foreign domain', False),
        ("secure-paypal.test", 'the name "paypal" in a foreign domain', False),
        ("paypa1-login.test", 'the name "paypal" in a foreign domain', False),
    ],
)
def test_a_domain_imitates_the_vendor(domain: str, how: str, near: bool) -> None:
    found = lookalike(domain, ORIGINALS, "Trendy Shoes")
    assert found is not None
    assert (found.how, found.near) == (how, near)


@pytest.mark.parametrize(
    "domain",
    ["trendyshoes.example", "news.trendyshoes.example", "shoes.example", "other.test", "pay.test", "paypalaceinn.test", "", "..",
     "trendy.test", "192.0.2.1", "xn--zzzzzzzz.example", "x" * 300],
)  # fmt: skip
def test_a_domain_of_the_vendor_or_of_nobody_like_it_does_not(domain: str) -> None:
    assert lookalike(domain, ORIGINALS, "Trendy Shoes") is None


def test_what_a_platform_calls_its_tenant_is_no_sign_of_bad_faith() -> None:
    for tenant in ("paypal-example.20230601.gappssmtp.com", "trendyshoes.zendesk.com", "trendyshoes.onmicrosoft.com"):
        found = lookalike(tenant, ORIGINALS, "Trendy Shoes")
        assert found is None or not found.near


def test_short_names_have_honest_neighbours() -> None:
    assert lookalike("bit.test", ("bat.example",), "Bat") is None


def test_without_any_domain_of_the_vendor_nothing_is_imitated() -> None:
    assert lookalike("trendyshoes.test", (), "Trendy Shoes") is None


@pytest.mark.parametrize(
    ("a", "b", "slips"), [("", "", 0), ("ab", "ba", 1), ("abc", "abd", 1), ("abc", "", 3), ("kitten", "sitting", 3)]
)
def test_slips_are_counted_with_neighbours_swapped_as_one(a: str, b: str, slips: int) -> None:
    assert distance(a, b) == distance(b, a) == slips


def test_what_looks_alike_has_one_skeleton() -> None:
    assert skeleton("rnodern") == skeleton("modem") == skeleton("m0dem")
