"""Which domains belong together."""

import pytest

from hypothesis import given
from hypothesis import strategies as st

from canary.judge.organisation import (
    FREE_MAILBOXES,
    is_never_vendor,
    normal,
    organisation,
    same_organisation,
    stands_for,
)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("news.shop.example", "shop.example"),
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("Shop.Example.", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("mail.bücher.example", "xn--bcher-kva.example"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("a.myshopify.com", "a.myshopify.com"),
        ("x.project.firebaseapp.com", "project.firebaseapp.com"),
        ("firebaseapp.com", "firebaseapp.com"),
        ("acme.onmicrosoft.com", "acme.onmicrosoft.com"),
        ("onmicrosoft.com", "onmicrosoft.com"),
        ("u1.wl.sendgrid.net", "sendgrid.net"),
        ("", ""),
        ("a b.example", ""),
        ("x" * 254, ""),
        ("a..example", ""),
    ],
)
def test_the_organisational_domain_of(domain: str, expected: str) -> None:
    assert organisation(domain) == expected


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("news.shop.example", "SHOP.example", True),
        ("shop.example", "shop.example.", True),
        ("one.co.uk", "two.co.uk", False),
        ("one.zendesk.com", "two.zendesk.com", False),
        ("one.zendesk.com", "zendesk.com", False),
        ("one.firebaseapp.com", "two.firebaseapp.com", False),
        ("shop.example", "notshop.example", False),
        ("", "", False),
    ],
)
def test_two_domains_of_one_organisation(a: str, b: str, same: bool) -> None:
    assert same_organisation(a, b) is same


@pytest.mark.parametrize("domain", ["ä" * 300, "\ud800.example", "xn--\0", "a." * 200, "." * 50])
def test_what_is_no_domain_has_no_normal_form_and_raises_nothing(domain: str) -> None:
    assert len(normal(domain)) <= 253


def test_a_workspace_signs_for_a_domain_under_a_name_made_of_it() -> None:
    tenant = "my-shop-example.20230601.gappssmtp.com"
    assert stands_for(tenant, "my-shop.example")
    assert not stands_for(tenant, "shop.example")
    assert not stands_for("my-shop-example.bad.example", "my-shop.example")
    assert not stands_for("", "")


def carrier(domain: str) -> str | None:
    return "a forwarder" if f".{domain}".endswith((".forwarder.example", ".relay.phone.example")) else None


OWN = ("my.example", "box.family.example")
HELD = (
    *OWN,
    "forwarder.example",
    "relay.phone.example",
    *sorted(FREE_MAILBOXES),
    "yahoo.co.jp",
    "hotmail.fr",
    "gmx.at",
)
LABELS = st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), max_size=3)


@given(st.sampled_from(HELD), LABELS, st.booleans())
def test_a_domain_of_the_owner_a_forwarder_or_a_mailbox_provider_is_never_a_vendors(
    held: str, below: list[str], shouts: bool
) -> None:
    domain = ".".join([*below, held])
    assert is_never_vendor(domain.upper() if shouts else f"{domain}.", OWN, carrier)


@pytest.mark.parametrize("domain", ["shop.example", "phone.example", "mygmail.example", "gmail.shop.example", ""])
def test_any_other_domain_may_be_a_vendors(domain: str) -> None:
    assert not is_never_vendor(domain, OWN, carrier)
