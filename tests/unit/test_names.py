"""The vendor's name as others write it, in texts and in domains."""

import pytest

from canary.judge.names import bears_name, forms_of, is_family, names_in, word_in
from canary.model.party import Vendor


def called(name: str, *domains: str) -> Vendor:
    return Vendor("v", name, domains)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Trendy Shoes", "You paid 41.90 to Trendy Shoes."),
        ("Trendy Shoes", "Zahlung an TRENDYSHOES"),
        ("Trendy Shoes GmbH & Co. KG", "Ihre Sendung von Trendy Shoes"),
        ("The Tea Chest Ltd", "an order at Tea Chest"),
        ("Alder & Finch", "paid to Alder and Finch"),
        ("Alder and Finch", "paid to Alder & Finch"),
        ("Müller Söhne", "Zahlung an Mueller Soehne"),
        ("Müller Söhne", "Zahlung an MULLER SOHNE"),
        ("Mueller Soehne", "Zahlung an Mueller Soehne AG"),
        ("Café Zoë", "welcome to Cafe Zoe"),
        ("O'Hara Prints", "from O\u2019Hara Prints"),
        ("Straße Eins", "an STRASSE EINS"),
        ("trendyshoes", "Ihre Sendung von Trendy Shoes kommt"),
        ("Orange", "Paid to Orange."),
        ("Orange", "Paid to ORANGE"),
        ("adidas", "new at adidas today"),
        ("Смарт Дом", "заказ в магазине смарт дом"),
    ],
)
def test_a_name_is_known_in_every_usual_spelling(name: str, text: str) -> None:
    assert names_in(text, forms_of(called(name)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Trendy Shoes", "Trendy Shoestrings are here"),
        ("Trendy Shoes", "shoes that are trendy"),
        ("Orange", "the orange boots are in"),
        ("Dot", "connect the dots. Dot by dot"),
        ("", "anything"),
    ],
)
def test_what_only_resembles_a_name_is_none(name: str, text: str) -> None:
    assert not names_in(text, forms_of(called(name)))


def test_a_short_name_counts_where_it_may() -> None:
    forms = forms_of(called("Dot"))
    assert names_in("Sold by Dot", forms, short=True)


@pytest.mark.parametrize(
    "domain",
    [
        "trendyshoes.test",
        "trendyshoes-mail.test",
        "mail.trendyshoes.test",
        "news-trendyshoes.test",
        "mytrendyshoes24.test",
    ],
)
def test_the_name_with_words_that_organisations_add_is_of_the_family(domain: str) -> None:
    assert is_family(domain, forms_of(called("Trendy Shoes", "shop.example")))


def test_the_initials_of_a_long_name_are_of_the_family() -> None:
    assert is_family("lcb.test", forms_of(called("Lake County Bicycles")))


@pytest.mark.parametrize("domain", ["trendyshoes-login.test", "shoes.test", "trendy.test", "lakeside-bakery.test"])
def test_other_words_beside_the_name_or_a_part_of_it_are_not(domain: str) -> None:
    assert not is_family(domain, forms_of(called("Trendy Shoes", "shop.example")))


def test_a_domain_may_bear_a_word_of_the_name() -> None:
    forms = forms_of(called("Corran Marr", "shop.example"))
    assert bears_name("friendsofcorran.test", forms)
    assert bears_name("corran.desk.test", forms)
    assert not bears_name("scorranton.test", forms)


def test_words_of_many_names_speak_for_none() -> None:
    forms = forms_of(called("National Travel Institute"))
    assert not word_in("National Tea Party", forms)
    assert not bears_name("travel.test", forms)


def test_a_name_that_is_a_domain_is_one_of_the_vendors() -> None:
    assert forms_of(called("Lantern.test")).domains == ("lantern.test",)
    assert word_in("Anna at lantern.test", forms_of(called("Lantern.test")))
