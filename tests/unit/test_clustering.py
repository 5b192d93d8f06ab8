"""Which sendings make one case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from canary.attribute.inference.clustering import Cluster, case_result, cluster_sendings, find_cases
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.priors import RATES
from canary.attribute.world import CampaignHit, CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind
from tests.tiny_worlds import BEGIN, DAY

POST = Source(SuspectKind.SUPPLIER, "post")
NOW = BEGIN + 840 * DAY


def world(hits: tuple[CampaignHit, ...], supplied: int = 10, others: int = 20) -> World:
    vendors = tuple(
        VendorFacts(f"v{i}", (SupplyFacts("post"),) if i < supplied else ()) for i in range(supplied + others)
    )
    canaries = (*(canary(f"c{i}", v.id) for i, v in enumerate(vendors)), *(canary(f"d{i}", None) for i in range(30)))
    return World(NOW, vendors, canaries, hits)


def canary(name: str, vendor: str | None) -> CanaryFacts:
    return CanaryFacts(name, "example.net", vendor, BEGIN)


def hit(number: int, day: float, campaign: str = "") -> CampaignHit:
    return CampaignHit(f"c{number}", BEGIN + timedelta(days=day), campaign or f"k{number}", "spam", 0.95)


def rows(model: EvidenceModel) -> list[Cluster]:
    """Each sending by itself, as the hits of cases that were never joined."""
    return [frozenset({s.id}) for s in model.sendings]


@pytest.mark.parametrize("supplied", [10, 15, 30])
def test_ten_single_hits_at_one_suppliers_vendors_over_two_years_are_one_case_that_names_it(supplied: int) -> None:
    (case,) = find_cases(world(tuple(hit(i, 100 + 73 * i) for i in range(10)), supplied))
    assert len(case.canaries) == 10
    assert max(case.behind, key=lambda source: case.behind[source]) == POST
    assert case.behind[POST] > 0.4


def test_single_hits_at_vendors_that_share_nothing_are_a_case_each() -> None:
    cases = find_cases(world(tuple(hit(i, 60 * i - 500) for i in range(10, 20)), others=300))
    assert [len(case.canaries) for case in cases] == [1] * 10
    assert all(case.leak < 0.3 for case in cases)


def test_a_stray_hit_elsewhere_is_no_part_of_the_suppliers_case() -> None:
    cases = find_cases(world((*(hit(i, 300 + 3 * i) for i in range(5)), hit(15, 310))))
    assert [len(case.canaries) for case in cases] == [5, 1]


def test_clusters_begin_with_what_is_given_and_one_leak_joins_them() -> None:
    model = EvidenceModel(world(tuple(hit(i, 300 + 3 * i) for i in range(5))), RATES)
    assert cluster_sendings(model, rows(model)) == [frozenset(f"k{i}" for i in range(5))]
    assert cluster_sendings(model, []) == []


def test_clusters_that_share_a_sending_are_one() -> None:
    model = EvidenceModel(world((hit(12, 300), hit(12, 700, "later"), hit(13, 705, "later"))), RATES)
    first, second = frozenset({"k12", "later"}), frozenset({"later"})
    assert cluster_sendings(model, [first, second]) == [first]


def test_clusters_may_be_given_by_campaigns_of_which_several_are_one_sending() -> None:
    bulk = [
        replace(hit(12, 300 + 40 * k, f"news {k}"), verdict="third-party", sender="trade.example") for k in range(3)
    ]
    model = EvidenceModel(world((*bulk, hit(25, 310))), RATES)
    assert cluster_sendings(model, [frozenset({"news 1", "news 2"}), frozenset({"k25"}), frozenset({"gone"})]) == [
        frozenset({"news 0"}),
        frozenset({"k25"}),
    ]


def test_what_a_person_has_parted_is_not_joined_again() -> None:
    model = EvidenceModel(world(tuple(hit(i, 300 + 3 * i) for i in range(5))), RATES)
    parted = frozenset({"k2"})
    every = frozenset(s.id for s in model.sendings)
    found = cluster_sendings(model, rows(model), [(parted, every - parted)])
    assert sorted(found, key=len) == [parted, every - parted]
    overlapping = cluster_sendings(model, [every, parted], [(parted, every - parted)])
    assert overlapping == [every, parted]


def test_a_case_says_how_likely_a_leak_is_behind_its_own_hits_whatever_hit_others() -> None:
    model = EvidenceModel(world((*(hit(i, 300 + 3 * i) for i in range(5)), hit(15, 310))), RATES)
    stray, leaked = case_result(model, frozenset({"k15"})), case_result(model, frozenset({"k1", "k2", "k3"}))
    assert stray.leak < 0.4
    assert leaked.leak > 0.95
