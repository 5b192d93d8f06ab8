"""Lost or passed on: what many lawful-looking senders at one address are worth."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from canary.attribute.inference.clustering import CaseResult, find_cases
from canary.attribute.world import CampaignHit, CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import LeakManner, SuspectKind

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHOP = Source(SuspectKind.VENDOR, "v0")


def _world(hits: Sequence[CampaignHit], vendors: int = 40, suppliers: int = 5, bits: float = 60.0) -> World:
    """Forty vendors with a random address each, five suppliers between them."""
    used = [(SupplyFacts(f"e{n % suppliers}"),) if suppliers else () for n in range(vendors)]
    parties = tuple(VendorFacts(f"v{n}", supplies) for n, supplies in enumerate(used))
    canaries = tuple(CanaryFacts(f"c{n}", "in.example", f"v{n}", NOW - 600 * DAY, bits=bits) for n in range(vendors))
    return World(NOW, parties, canaries, tuple(hits))


def _mail(sender: int, day: float, campaign: str, canary: str = "c0") -> CampaignHit:
    return CampaignHit(canary, NOW - day * DAY, campaign, "third-party", 0.9, sender=f"s{sender}.example")


def _bulk(senders: int, mails: int = 1, seed: int = 1, days: float = 365) -> list[CampaignHit]:
    """Proven bulk senders that have nothing to do with each other, over a year, at the address of the first vendor."""
    random = Random(seed)
    return [_mail(n, days * random.random(), f"k{n}-{m}") for n in range(senders) for m in range(mails)]


def _bomb(senders: int, hours: float, keep: int = 12, late: int = 0) -> list[CampaignHit]:
    """Newsletters at which one stranger signed an address up; some keep writing, some first write weeks later."""
    random = Random(3)
    first = [(100 - (random.random() * hours / 24 if n >= late else 1 + 20 * random.random())) for n in range(senders)]
    kept = [_mail(n, 70 * random.random(), f"w{n}-{m}") for n in range(min(keep, senders)) for m in range(5)]
    return [*(_mail(n, day, f"k{n}") for n, day in enumerate(first)), *kept]


def _only(hits: Sequence[CampaignHit], **world: Any) -> CaseResult:
    (case,) = find_cases(_world(hits, **world))
    return case


def _passed_on(case: CaseResult, source: Source) -> float:
    return case.posterior.manners[source][LeakManner.PASSED_ON]


@pytest.mark.parametrize("senders", [1, 2, 3])
def test_a_few_unrelated_senders_may_be_partners_nobody_told_us_of(senders: int) -> None:
    assert _only(_bulk(senders)).posterior.hypotheses[frozenset()] > 0.7


@pytest.mark.parametrize("senders", [12, 30])
def test_a_dozen_unrelated_senders_at_one_address_were_given_it_by_the_vendor(senders: int) -> None:
    case = _only(_bulk(senders))
    assert case.posterior.marginals[SHOP] >= 0.97
    assert _passed_on(case, SHOP) >= 0.9


@pytest.mark.parametrize(
    "world",
    [
        {"vendors": 1, "suppliers": 0},
        {"vendors": 3},
        {"vendors": 10},
        {"vendors": 200},
        {"suppliers": 0},
        {"suppliers": 40},
        {"bits": 12.0},
    ],
    ids=str,
)
def test_two_strangers_name_no_vendor_and_a_dozen_do_in_every_kind_of_installation(world: dict[str, Any]) -> None:
    two, dozen = (_only(_bulk(senders), **world).posterior for senders in (2, 12))
    assert two.marginals[SHOP] < 0.02
    assert dozen.hypotheses.get(frozenset(), 0.0) < 0.01
    assert max(dozen.marginals, key=lambda source: dozen.marginals[source]) == SHOP
    assert dozen.manners[SHOP][LeakManner.PASSED_ON] >= 0.8


def test_the_more_strangers_the_likelier_it_is_that_they_were_given_the_address() -> None:
    believed = [_only(_bulk(senders)).posterior.marginals[SHOP] for senders in (2, 5, 8, 12)]
    assert believed == sorted(believed)


def test_many_mails_that_prove_no_sender_may_be_one_partners() -> None:
    nameless = [replace(hit, sender="") for hit in _bulk(30)]
    assert _only(nameless[:12]).posterior.marginals[SHOP] < 0.05
    assert _only(nameless).posterior.marginals[SHOP] >= 0.97


def test_what_one_sender_writes_often_counts_once() -> None:
    assert _only(_bulk(2, mails=40)).posterior.hypotheses[frozenset()] > 0.7


def test_a_word_of_thanks_that_looks_like_no_bulk_makes_a_bulk_sender_no_thief() -> None:
    bulk = _bulk(7, days=12)
    thanks = [replace(_mail(n, 40 - n, f"w{n}"), verdict="spam", confidence=0.97) for n in range(3)]
    without, beside = (_only(hits, suppliers=8) for hits in (bulk, [*bulk, *thanks]))
    assert beside.posterior.marginals[SHOP] == pytest.approx(without.posterior.marginals[SHOP], abs=0.02)
    assert _passed_on(beside, SHOP) >= 0.9


LURE = replace(_mail(0, 20, "lure"), verdict="spam", confidence=0.99)


@pytest.mark.parametrize(
    "lure", [replace(LURE, proven=False), replace(LURE, verdict="impersonation"), replace(LURE, sender="s9.example")]
)
def test_what_proves_no_sender_or_names_the_vendor_is_not_excused_by_anybodys_bulk(lure: CampaignHit) -> None:
    assert _only([*_bulk(1, mails=3, days=40), lure]).posterior.hypotheses[frozenset()] < 0.5


def test_two_hundred_mails_of_a_hundred_and_twelve_strangers_were_passed_on_by_the_vendor() -> None:
    case = _only(_bulk(112, mails=2))
    assert case.posterior.marginals[SHOP] >= 0.97
    assert _passed_on(case, SHOP) >= 0.8
    assert len(case.campaigns) == 224


@pytest.mark.parametrize(
    ("senders", "hours", "late"),
    [(300, 2, 0), (300, 24, 0), (300, 96, 0), (300, 240, 0), (300, 2, 60), (40, 24, 15), (12, 72, 0), (5, 5, 0)],
)
def test_who_signs_an_address_up_at_many_newsletters_does_not_convict_the_vendor_of_selling_it(
    senders: int, hours: float, late: int
) -> None:
    case = _only(_bomb(senders, hours, late=late))
    assert case.posterior.marginals[SHOP] < 0.5
    assert all(share < 0.8 for share in case.posterior.manners[SHOP].values())


def test_a_list_that_is_sold_to_many_within_weeks_is_no_subscription_bomb() -> None:
    case = _only(_bulk(40, days=42))
    assert case.posterior.marginals[SHOP] > 0.9


def test_a_vendor_that_sells_is_named_though_somebody_signed_the_address_up_as_well() -> None:
    sold = [replace(hit, campaign=f"y{hit.campaign}", sender=f"y{hit.sender}") for hit in _bulk(20, seed=5)]
    case = _only([*_bomb(300, 2), *sold])
    assert case.posterior.marginals[SHOP] > 0.9
    assert _passed_on(case, SHOP) > 0.8


def test_one_new_sender_that_keeps_writing_to_a_vendor_took_it_over() -> None:
    assert _only([_mail(0, 7 * n, f"k{n}") for n in range(40)]).posterior.marginals[SHOP] < 0.02


def test_what_one_sender_writes_to_several_addresses_within_a_day_is_one_sending() -> None:
    parts = [_mail(0, 50 + vendor / 100, f"part {vendor}", f"c{vendor}") for vendor in (0, 5, 10)]
    (case,) = find_cases(_world(parts))
    assert len(case.canaries) == 3


@pytest.mark.parametrize("vendors", [(0, 6), (0, 5), (0, 5, 10), range(0, 40, 5)])
def test_one_proven_sender_at_several_vendors_is_an_agent_nobody_named(vendors: Sequence[int]) -> None:
    case = _only([_mail(0, 7 * n, f"k{n}", f"c{vendor}") for n in range(1, 20) for vendor in vendors])
    assert all(p < 0.05 for p in case.posterior.marginals.values())


def test_crime_at_an_address_that_many_bulk_senders_have_leaves_open_how_they_got_it() -> None:
    crime = [CampaignHit("c0", NOW - (300 - 30 * n) * DAY, f"x{n}", "spam", 0.98) for n in range(4)]
    case = _only([*crime, *_bulk(15, days=200)])
    assert case.posterior.marginals[SHOP] > 0.5
    assert _passed_on(case, SHOP) < 0.8


def test_phishing_is_not_what_a_list_that_was_passed_on_brings() -> None:
    hits = [CampaignHit("c0", NOW - n * 20 * DAY, f"k{n}", "spam", 0.98) for n in range(1, 5)]
    case = _only(hits)
    assert case.posterior.hypotheses.get(frozenset(), 0.0) < 0.01
    assert _passed_on(case, SHOP) < 0.05


def test_a_supplier_that_passes_on_hits_the_addresses_of_its_vendors() -> None:
    hits = [
        CampaignHit(f"c{vendor}", NOW - (300 - 20 * n) * DAY, f"k{n}", "third-party", 0.9, sender=f"s{n}.example")
        for n in range(8)
        for vendor in range(0, 40, 5)
    ]
    case = _only(hits)
    assert case.posterior.marginals[Source(SuspectKind.SUPPLIER, "e0")] > 0.9
