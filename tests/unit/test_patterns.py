"""Lost or passed on: what many lawful-looking senders at one address are worth."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from canary.attribute.inference.clustering import CaseResult, find_cases
from canary.attribute.world import CampaignHit, CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import LeakManner, SuspectKind

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHOP = Source(SuspectKind.VENDOR, "v0")


def _world(hits: Sequence[CampaignHit], vendors: int = 40) -> World:
    """Forty vendors with a random address each, five suppliers between them."""
    parties = tuple(VendorFacts(f"v{n}", (SupplyFacts(f"e{n % 5}"),)) for n in range(vendors))
    canaries = tuple(CanaryFacts(f"c{n}", "in.example", f"v{n}", NOW - 600 * DAY) for n in range(vendors))
    return World(NOW, parties, canaries, tuple(hits))


def _bulk(senders: int, mails: int = 1, seed: int = 1) -> list[CampaignHit]:
    """Proven bulk senders that have nothing to do with each other, over a year, at the address of the first vendor."""
    random = Random(seed)
    return [
        CampaignHit("c0", NOW - 365 * random.random() * DAY, f"k{n}-{mail}", "third-party", 0.9, sender=f"s{n}.example")
        for n in range(senders)
        for mail in range(mails)
    ]


def _only(hits: Sequence[CampaignHit]) -> CaseResult:
    (case,) = find_cases(_world(hits))
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


def test_what_one_sender_writes_often_counts_once() -> None:
    assert _only(_bulk(2, mails=40)).posterior.hypotheses[frozenset()] > 0.7


def test_two_hundred_mails_of_a_hundred_and_twelve_strangers_were_passed_on_by_the_vendor() -> None:
    case = _only(_bulk(112, mails=2))
    assert case.posterior.marginals[SHOP] >= 0.97
    assert _passed_on(case, SHOP) >= 0.8
    assert len(case.campaigns) == 224


def test_who_signs_an_address_up_at_hundreds_of_newsletters_does_not_convict_the_vendor_of_selling_it() -> None:
    random = Random(3)
    bomb = [
        CampaignHit("c0", NOW - (100 - random.random() / 12) * DAY, f"k{n}", "third-party", 0.9, sender=f"s{n}.example")
        for n in range(300)
    ]
    kept = [
        CampaignHit("c0", NOW - 90 * random.random() * DAY, f"w{n}-{m}", "third-party", 0.9, sender=f"s{n}.example")
        for n in range(12)
        for m in range(5)
    ]
    case = _only(bomb + kept)
    assert case.posterior.marginals[SHOP] < 0.5
    assert all(share < 0.8 for share in case.posterior.manners[SHOP].values())


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
