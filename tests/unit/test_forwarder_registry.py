"""The registry of forwarders: what is shipped is sound, what the owner adds replaces it, and faults are named at once."""

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from publicsuffixlist import PublicSuffixList

from canary.authenticate.forwarder_registry import Forwarder, ForwarderKind, ForwarderRegistry, Rewrite, read_forwarders
from canary.model.registry_rows import RegistryError, RegistryFile
from tests.conftest import ROOT

GOOD: dict[str, Any] = {
    "slug": "post", "name": "Post", "kind": "relay", "source": ["its manual"], "dkim": ["post.example"],
    "sender": ["X-Original-From"],
}  # fmt: skip


@cache
def shipped() -> Mapping[str, object]:
    return tomllib.loads((ROOT / "config/forwarders.toml").read_text())


def forwarders(*own: Mapping[str, object]) -> ForwarderRegistry:
    return read_forwarders(shipped(), (RegistryFile("own.toml", {"forwarder": list(own)}),) if own else ())


def named(slug: str, held: ForwarderRegistry) -> Forwarder | None:
    return next((each for each in held.forwarders if each.slug == slug), None)


def faults(entry: Mapping[str, object]) -> tuple[str, ...]:
    with pytest.raises(RegistryError) as refused:
        forwarders(entry)
    return refused.value.faults


@pytest.mark.parametrize(
    "slug",
    """
    simplelogin addy firefox-relay forward-email duckduckgo apple-hide-my-email icloud cloudflare improvmx gmail fastmail
    proton outlook migadu mailbox-org posteo srs mailman google-groups groups-io
    """.split(),
)
def test_the_forwarders_that_people_use_are_shipped(slug: str) -> None:
    assert named(slug, forwarders()) is not None


def test_every_shipped_forwarder_says_where_its_facts_come_from() -> None:
    assert [each.slug for each in forwarders().forwarders if not all(each.source)] == []


def test_no_shipped_proof_is_a_public_suffix() -> None:
    suffixes = PublicSuffixList()
    held = [d for each in forwarders().forwarders for d in (*each.dkim, *each.envelope, *each.hosts, *each.seals)]
    assert [domain for domain in held if suffixes.is_public(domain)] == []


def test_a_forwarder_that_hides_the_writer_says_so_and_how_the_writer_is_still_shown() -> None:
    masked = {each.slug: each for each in forwarders().forwarders if each.hides}
    assert {"simplelogin", "addy", "firefox-relay", "duckduckgo", "apple-hide-my-email"} <= masked.keys()
    assert [slug for slug, each in masked.items() if not (each.sender or each.rewrites)] == []


def test_a_forwarder_is_looked_up_by_what_proves_it_and_by_names_below() -> None:
    held = forwarders()
    looked_up = (held.signer("x.simplelogin.co"), held.sealer("google.com"), held.bouncer("bounces.duck.com"))
    assert [each and each.slug for each in looked_up] == ["simplelogin", "gmail", "duckduckgo"]
    assert held.machine("a1.mta.cloudflare-email.net") is named("cloudflare", held)


@pytest.mark.parametrize(
    "domain", ["slmail.me", "johndoe.anonaddy.com", "icloud.com", "GMAIL.com.", "googlegroups.com"]
)
def test_the_domain_of_an_address_that_a_forwarder_gives_is_held_by_it(domain: str) -> None:
    assert forwarders().holder_of(domain) is not None


@pytest.mark.parametrize("domain", ["", "com", "shop.example", "notsimplelogin.co", "duck.com.evil.example"])
def test_no_forwarder_holds_another_domain(domain: str) -> None:
    assert forwarders().holder_of(domain) is None


def test_marks_are_hints_by_the_names_of_headers() -> None:
    assert [each.slug for each in forwarders().marked({"x-simplelogin-type", "subject"})] == ["simplelogin"]


def test_headers_come_back_in_lower_case_and_words_as_members_of_their_lists() -> None:
    addy = named("addy", forwarders())
    assert addy is not None
    assert (addy.kind, addy.rewrites) == (ForwarderKind.ALIAS, (Rewrite.EQUALS,))
    assert addy.envelope_sender == ("x-anonaddy-original-envelope-from",)


def test_a_row_of_the_owners_adds_or_replaces() -> None:
    mine = forwarders(GOOD, {**GOOD, "slug": "addy", "name": "My addy", "dkim": ["addy.my.example"]})
    assert mine.signer("post.example") is named("post", mine)
    assert [each.name for each in mine.forwarders if each.slug == "addy"] == ["My addy"]
    assert mine.signer("anonaddy.com") is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "post"}, "forwarder post: kind = 'post': write one of alias, relay, mailbox, list, scheme"),
        ({"rewrites": ["rot13"]}, "write one of srs, equals, at, via, caf, prvs, verp"),
        ({"sender": ["X From"]}, '"X From" is not the name of a header'),
        ({"seals": ["*.post.example"]}, '"*.post.example" is not a domain'),
        ({"arc": "yes"}, "forwarder post: arc = 'yes': write true or false"),
        ({"dkim": ["anonaddy.com"]}, 'addy, post: dkim = "anonaddy.com": held by several'),
        ({"colour": "red"}, "forwarder post: colour: unknown key; the keys are slug, name"),
    ],
)
def test_a_bad_row_of_the_owners_is_one_clear_error_that_names_the_file(change: dict[str, object], fault: str) -> None:
    said = faults({**GOOD, **change})
    assert len(said) == 1
    assert said[0].startswith("own.toml: ")
    assert fault in said[0]


def test_a_forwarder_that_nothing_proves_is_refused_unless_it_is_a_scheme() -> None:
    bare = {key: value for key, value in GOOD.items() if key != "dkim"}
    assert "nothing would prove it; write one of dkim, envelope, hosts, seals" in faults(bare)[0]
    assert named("post", forwarders({**bare, "kind": "scheme"})) is not None
