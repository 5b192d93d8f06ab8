"""Addresses in groups are weighed as each by itself."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from canary.attribute.grouping import WEEK, expanded, grouped
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, VendorFacts, World
from tests.tiny_worlds import BEGIN, DAY


def crowded(seed: int, *, whole_weeks: bool) -> World:
    """A few vendors that hold dozens of addresses, most of them quiet, issued on a few days or on any."""
    random = Random(seed)
    vendors = tuple(
        VendorFacts(f"v{i}", (SupplyFacts("post", frozenset({"news"})), SupplyFacts("shop"))[: random.randint(0, 2)])
        for i in range(4)
    )

    def issued() -> timedelta:
        return random.randint(0, 60) * WEEK if whole_weeks else random.uniform(0, 420) * DAY

    owners = [random.choice((*vendors, None)) for _ in range(200)]
    canaries = [
        CanaryFacts(
            f"c{i}", "example.net", vendor.id if vendor else None, BEGIN + issued(), random.choice(("news", "signup")),
            bits=random.choice((20.0, 60.0)), published=vendor is not None and random.random() < 0.1,
        )
        for i, vendor in enumerate(owners)
    ]  # fmt: skip
    hits = [
        CampaignHit(c.id, max(c.issued, BEGIN + 300 * DAY) + random.random() * 90 * DAY, f"k{k}", "spam", 0.9)
        for k in range(4)
        for c in random.sample([c for c in canaries if c.vendor], 2)
    ]
    return World(BEGIN + 540 * DAY, vendors, tuple(canaries), tuple(hits))


def largest_difference(one: World, other: World) -> float:
    first, second = (compute_posterior(EvidenceModel(world, RATES)) for world in (one, other))
    assert first.marginals.keys() == second.marginals.keys()
    differences = [abs(first.marginals[source] - second.marginals[source]) for source in first.marginals]
    return max(*differences, abs(first.leak - second.leak))


@pytest.mark.parametrize("seed", range(8))
def test_groups_of_addresses_issued_at_the_same_times_are_weighed_as_each_by_itself(seed: int) -> None:
    world = crowded(seed, whole_weeks=True)
    assert len(grouped(world).canaries) < len(world.canaries)
    assert largest_difference(world, grouped(world)) < 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_a_week_between_the_addresses_of_a_group_changes_hardly_anything(seed: int) -> None:
    world = crowded(seed, whole_weeks=False)
    assert largest_difference(world, grouped(world)) < 0.005


def test_what_was_hit_and_what_was_issued_first_stays_alone_and_every_address_counts_once() -> None:
    world = crowded(3, whole_weeks=False)
    found = grouped(world).canaries
    single = {each.id for each in found if each.count == 1}
    assert {hit.canary for hit in world.hits} <= single
    assert min(world.canaries, key=lambda c: c.issued).id in single
    assert sum(each.count for each in found) == len(world.canaries)
    assert len(list(expanded(found))) == len({each.id for each in expanded(found)}) == len(world.canaries)


def test_grouping_again_changes_nothing() -> None:
    once = grouped(crowded(4, whole_weeks=False))
    assert grouped(once) == once


def test_groups_differ_by_whatever_makes_addresses_behave_differently() -> None:
    one = CanaryFacts("one", "example.net", "v", BEGIN + DAY)
    others = (
        replace(one, id="vendor", vendor="w"), replace(one, id="decoy", vendor=None), replace(one, id="channel", channel="x"),
        replace(one, id="bits", bits=20.0), replace(one, id="shown", published=True), replace(one, id="domain", domain="y"),
        replace(one, id="fields", fields=frozenset({"phone"})), replace(one, id="later", issued=BEGIN + 8 * DAY),
    )  # fmt: skip
    first = CanaryFacts("first", "example.net", "v", BEGIN)
    assert len(grouped(World(BEGIN + 9 * DAY, (), (first, one, *others))).canaries) == 2 + len(others)
