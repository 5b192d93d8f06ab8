import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from itertools import count, pairwise
from random import Random

import dkim
import pytest

from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.lookup import ZoneLookup
from canary.authenticate.message import split
from canary.demo.campaign import LURE_HOST, MAILS
from canary.demo.signing import Signer, make_keys
from canary.demo.story import END, RECENT, Posting, PostingKind, Story, write
from canary.demo.world import LEAK, LEAKED_BY, LEAKED_FROM, DemoOrder, DemoWorld, plan
from canary.demo.zone import Zone, write_zone
from canary.mail.parse import parse
from canary.mail.text import words
from canary.model.address import Draw, make_address
from canary.model.canary import Canary, CanaryState, Style
from canary.model.proof import Result

SEED = 2011
RESERVED = ("example", "test")
HOST = re.compile(r"(?:@|://|[ =<])((?:[a-z0-9_-]+\.)+[a-z]{2,})(?![\w.-]*@)", re.IGNORECASE)
NOT_HOSTS = ("png", "pdf")

read = cache(parse)


@pytest.fixture(scope="module")
def world() -> DemoWorld:
    return plan(SEED)


@pytest.fixture(scope="module")
def keys(world: DemoWorld) -> dict[str, Signer]:
    return make_keys(world.stations.values())


@pytest.fixture(scope="module")
def issued(world: DemoWorld) -> dict[str, Canary]:
    draw, numbers = Random(7).randrange, count(1)
    return {order.key: _issue(order, next(numbers), world.domain, draw) for order in world.orders}


@pytest.fixture(scope="module")
def story(world: DemoWorld, issued: dict[str, Canary], keys: dict[str, Signer]) -> Story:
    return write(world, issued, keys, SEED)


@pytest.fixture(scope="module")
def zone(world: DemoWorld, keys: dict[str, Signer]) -> Zone:
    return write_zone(world, keys)


def _issue(order: DemoOrder, number: int, domain: str, draw: Draw) -> Canary:
    made = make_address(order.style, order.vendor, domain, draw)
    return Canary(
        number, made.address, order.vendor, order.channel, order.generation, order.style, made.bits,
        CanaryState.ACTIVE, order.issued, made.persona,
    )  # fmt: skip


def every(story: Story, *kinds: PostingKind) -> list[Posting]:
    return [posting for posting in (*story.history, *story.recent) if posting.kind in kinds]


def owners(postings: list[Posting], issued: Mapping[str, Canary]) -> list[Canary]:
    by_address = {canary.address: canary for canary in issued.values()}
    return [by_address[address] for posting in postings for address in posting.envelope.rcpt_to]


@pytest.mark.slow
def test_the_same_seed_addresses_and_keys_tell_the_same_story(
    world: DemoWorld, issued: dict[str, Canary], keys: dict[str, Signer], story: Story
) -> None:
    assert plan(SEED) == world
    assert write(world, issued, keys, SEED) == story


@pytest.mark.slow
def test_another_seed_tells_it_in_other_words(
    world: DemoWorld, issued: dict[str, Canary], keys: dict[str, Signer], story: Story
) -> None:
    assert write(world, issued, keys, SEED + 1).history[:20] != story.history[:20]


def test_an_order_without_an_address_is_named(world: DemoWorld, keys: dict[str, Signer]) -> None:
    with pytest.raises(ValueError, match="playbox/newsletter/1"):
        write(world, {}, keys, SEED)


def test_there_are_twelve_vendors_three_suppliers_and_two_years_of_mail(world: DemoWorld, story: Story) -> None:
    assert (len(world.vendors), len(world.suppliers)) == (12, 3)
    assert 750 <= len(story.history) <= 1500
    assert story.recent[-1].at - story.history[0].at > timedelta(days=730)


def test_five_vendors_share_the_leaking_supplier_and_some_use_none(world: DemoWorld) -> None:
    shared = {supply.vendor for supply in world.supplies if supply.supplier == LEAKED_BY}
    supplied = {supply.vendor for supply in world.supplies}
    assert len(shared) == 5
    assert set(LEAKED_FROM) < shared
    assert {vendor.slug for vendor in world.vendors} - supplied == {"mossgate", "tollmark"}


def test_two_vendors_use_more_than_one_supplier_at_least(world: DemoWorld) -> None:
    pairs = {(supply.vendor, supply.supplier) for supply in world.supplies}
    used = [vendor for vendor, _ in pairs]
    assert len({vendor for vendor in used if used.count(vendor) > 1}) >= 2


def test_the_vendors_words_fit_the_channels_they_were_given(world: DemoWorld) -> None:
    shops = {shop.slug: shop for shop in world.shops}
    assert all(shops[order.vendor].news for order in world.orders if order.channel == "newsletter")
    assert all("receipt" in shops[order.vendor].letters for order in world.orders if order.channel == "order")


def test_orders_cover_all_styles_and_every_vendor_and_are_sorted(world: DemoWorld) -> None:
    assert {order.style for order in world.orders} == set(Style)
    assert {order.vendor for order in world.orders} == {vendor.slug for vendor in world.vendors}
    assert all(a.issued <= b.issued for a, b in pairwise(world.orders))


def test_a_rotation_follows_the_address_it_replaces(world: DemoWorld) -> None:
    by_key = {order.key: order for order in world.orders}
    later = [order for order in world.orders if order.replaces]
    assert later
    assert all(by_key[order.replaces or ""].issued < order.issued for order in later)


def test_mail_is_in_order_and_cut_where_the_last_weeks_begin(story: Story) -> None:
    times = [posting.at for posting in (*story.history, *story.recent)]
    assert times == sorted(times)
    assert story.history[-1].at < RECENT <= story.recent[0].at
    assert times[-1] < END + timedelta(days=1)


def test_the_campaign_hits_four_of_the_five_and_nobody_else(story: Story, issued: dict[str, Canary]) -> None:
    hit = owners(every(story, PostingKind.CAMPAIGN), issued)
    assert {canary.vendor for canary in hit} == set(LEAKED_FROM)
    assert {canary.channel for canary in hit} == {"newsletter"}
    assert len(hit) == MAILS


def test_the_campaign_hits_every_address_given_before_the_leak_and_none_given_after(
    story: Story, issued: dict[str, Canary]
) -> None:
    hit = {canary.id for canary in owners(every(story, PostingKind.CAMPAIGN), issued)}
    held = [c for c in issued.values() if c.vendor in LEAKED_FROM and c.channel == "newsletter"]
    assert hit == {canary.id for canary in held if canary.issued < LEAK}
    assert any(canary.issued > LEAK for canary in held)


def test_the_first_mail_of_the_campaign_comes_to_playbox_on_the_twentieth(
    story: Story, issued: dict[str, Canary]
) -> None:
    campaign = every(story, PostingKind.CAMPAIGN)
    assert owners(campaign[:1], issued)[0].vendor == "playbox"
    assert [posting.at.date().isoformat() for posting in campaign][::11] == ["2011-03-20", "2011-03-24"]


def test_a_quarter_of_the_campaign_says_the_name_that_only_the_vendor_knew(
    story: Story, issued: dict[str, Canary]
) -> None:
    campaign = every(story, PostingKind.CAMPAIGN)
    named = [
        canary.vendor
        for posting, canary in zip(campaign, owners(campaign, issued), strict=True)
        if canary.persona and canary.persona.given_name.casefold() in words(read(posting.content).text)
    ]
    assert len(named) == MAILS // 4
    assert "playbox" in named


def test_the_mails_of_the_campaign_differ_and_lead_to_one_host(story: Story) -> None:
    mails = [read(posting.content) for posting in every(story, PostingKind.CAMPAIGN)]
    assert len({mail.text for mail in mails}) == MAILS
    assert {mail.links[0].split("/")[2] for mail in mails} == {LURE_HOST}
    assert len({" ".join(words(mail.subject)) for mail in mails}) == 1


@pytest.mark.slow
def test_every_ordinary_mail_is_proven_to_be_its_vendors(
    story: Story, issued: dict[str, Canary], world: DemoWorld, zone: Zone
) -> None:
    lookup, domains = ZoneLookup(zone), {vendor.slug: vendor.domains for vendor in world.vendors}
    postings = every(story, PostingKind.ORDINARY)
    for posting, canary in zip(postings, owners(postings, issued), strict=True):
        found = asyncio.run(verify_dkim(split(posting.content), lookup, posting.at))
        assert all(result.result is Result.PASS for result in found), posting.content[:2000]
        assert {result.domain for result in found} & set(domains[canary.vendor or ""])


def test_another_verifier_agrees_on_signatures_that_it_knows(story: Story, zone: Zone) -> None:
    def txt(name: bytes, timeout: int = 5) -> bytes:
        return str(zone[name.decode().rstrip(".")]["TXT"][0]).encode()

    topped = [p for p in every(story, PostingKind.ORDINARY) if b"a=rsa-sha256" in p.content[:400]]
    assert len(topped) > 100
    assert all(dkim.verify(posting.content, dnsfunc=txt) for posting in topped[::10])


def test_a_signature_has_the_time_of_its_own_mail(story: Story) -> None:
    for posting in every(story, PostingKind.ORDINARY, PostingKind.STRAY):
        for signed in re.findall(rb"\tt=(\d+);", posting.content):
            assert 0 <= posting.at.timestamp() - int(signed) <= 60


def test_newsletters_through_a_supplier_have_two_signatures_and_its_marks(
    story: Story, issued: dict[str, Canary]
) -> None:
    carried = [p for p in every(story, PostingKind.ORDINARY) if p.content.count(b"DKIM-Signature:") == 2]
    silver = [p for p in carried if b"\r\nX-Silverline-Account: " in p.content]
    assert all(b"d=silverline.example;" in posting.content for posting in silver)
    assert {canary.vendor for canary in owners(silver, issued)} == {*LEAKED_FROM, "quillwick"}
    assert {canary.channel for canary in owners(silver, issued)} == {"newsletter"}


def test_mail_of_the_spammer_is_unsigned_or_signed_by_an_unrelated_domain(story: Story, zone: Zone) -> None:
    lookup = ZoneLookup(zone)
    found = [asyncio.run(verify_dkim(split(p.content), lookup, p.at)) for p in every(story, PostingKind.CAMPAIGN)]
    assert {result.domain for results in found for result in results} == {"offerpress.test"}
    assert sum(not results for results in found) > MAILS // 2


@pytest.mark.slow
def test_every_domain_is_under_a_reserved_name(story: Story, zone: Zone) -> None:
    mails = [read(posting.content) for posting in (*story.history, *story.recent)]
    told = [part for mail in mails for part in (mail.text, mail.html, *(value for _, value in mail.headers))]
    hosts = {host.lower() for text in (*told, *zone) for host in HOST.findall(text)}
    suffixes = {host.rpartition(".")[2] for host in hosts if not host.endswith(NOT_HOSTS)}
    assert suffixes == set(RESERVED)


def test_only_issued_addresses_receive_mail(story: Story, issued: dict[str, Canary]) -> None:
    known = {canary.address for canary in issued.values()}
    assert {to for p in (*story.history, *story.recent) for to in p.envelope.rcpt_to} <= known


def test_an_address_that_was_rotated_gets_no_more_of_its_vendors_mail(
    story: Story, issued: dict[str, Canary], world: DemoWorld
) -> None:
    ended = {issued[order.replaces].id: order.issued for order in world.orders if order.replaces}
    postings = every(story, PostingKind.ORDINARY)
    for posting, canary in zip(postings, owners(postings, issued), strict=True):
        assert posting.at < ended.get(canary.id, END) + timedelta(minutes=1)


def test_guesses_are_forty_addresses_of_the_domain_that_nobody_was_given(
    story: Story, issued: dict[str, Canary], world: DemoWorld
) -> None:
    assert 35 <= len(story.guesses) == len(set(story.guesses)) <= 50
    assert all(guess.endswith(f"@{world.domain}") for guess in story.guesses)
    assert not set(story.guesses) & {canary.address for canary in issued.values()}


def test_bounces_are_reports_from_the_null_sender(story: Story) -> None:
    bounces = every(story, PostingKind.BOUNCE)
    assert len(bounces) == 3
    assert {posting.envelope.mail_from for posting in bounces} == {""}
    assert {read(posting.content).type for posting in bounces} == {"multipart/report"}


@pytest.mark.slow
def test_layouts_vary(story: Story) -> None:
    mails = [read(posting.content) for posting in every(story, PostingKind.ORDINARY)]
    assert {mail.type for mail in mails} == {"text/plain", "multipart/alternative", "multipart/mixed"}
    assert {file.type for mail in mails for file in mail.attachments} == {"application/pdf"}


def test_every_mail_is_well_formed(story: Story) -> None:
    for posting in (*story.history, *story.recent):
        assert read(posting.content).oddities == ()
        assert b"{" not in posting.content.split(b"<style>")[0].split(b"\r\n\r\n", 1)[1]
        assert posting.content.count(b"\n") == posting.content.count(b"\r\n")


def test_no_two_vendors_write_alike(story: Story, issued: dict[str, Canary]) -> None:
    postings = every(story, PostingKind.ORDINARY)[::8]
    told = [(c.vendor, shingles(p.content)) for p, c in zip(postings, owners(postings, issued), strict=True)]
    for at, (vendor, mine) in enumerate(told):
        others = (theirs for other, theirs in told[:at] if other != vendor)
        assert max((len(mine & theirs) / len(mine | theirs) for theirs in others), default=0) < 0.2


def shingles(content: bytes) -> set[tuple[str, ...]]:
    said = words(read(content).text)
    return {tuple(said[at : at + 5]) for at in range(len(said) - 4)}


def test_the_zone_holds_a_key_spf_and_dmarc_for_every_vendor(world: DemoWorld, zone: Zone) -> None:
    for vendor in world.vendors:
        assert "v=DKIM1" in str(zone[f"post._domainkey.{vendor.domains[0]}"]["TXT"])
        assert "v=spf1 ip4:" in str(zone[vendor.domains[0]]["TXT"])
        assert "v=DMARC1" in str(zone[f"_dmarc.{vendor.domains[0]}"]["TXT"])
