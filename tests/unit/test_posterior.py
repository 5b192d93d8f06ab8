"""What the posterior must do whatever the numbers."""

import gc
from dataclasses import replace
from random import Random
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import NO_LEAK, CampaignHit, CanaryFacts, Posterior, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind
from tests.tiny_worlds import BEGIN, DAY, tiny_world

SEEDS = st.integers(0, 10_000)
NOW = BEGIN + 500 * DAY


def posterior_of(world: World, rates: Rates = RATES) -> Posterior:
    return compute_posterior(EvidenceModel(world, rates))


def planted(name: str, vendor: str | None, **more: object) -> CanaryFacts:
    return CanaryFacts(name, "example.net", vendor, BEGIN, **more)  # type: ignore[arg-type]


def hit(canary: str, campaign: str = "k", day: float = 300) -> CampaignHit:
    return CampaignHit(canary, BEGIN + day * DAY, campaign, "spam", 0.98)


def shared(hits: tuple[CampaignHit, ...], *more: CanaryFacts) -> World:
    """Four vendors, of whom three pass their addresses to one supplier."""
    vendors = tuple(
        VendorFacts(v, (SupplyFacts("post"),) if v != "far" else ()) for v in ("one", "two", "three", "far")
    )
    canaries = (*(planted(f"c-{v.id}", v.id) for v in vendors), *(planted(f"d{i}", None) for i in range(12)), *more)
    return World(NOW, vendors, canaries, hits)


POST, ONE, OWNER = Source(SuspectKind.SUPPLIER, "post"), Source(SuspectKind.VENDOR, "one"), Source(SuspectKind.OWNER)


def test_probabilities_are_just_that() -> None:
    posterior = posterior_of(shared((hit("c-one"), hit("c-two"))))
    assert sum(posterior.hypotheses.values()) == pytest.approx(1)
    assert all(0 <= p <= 1 + 1e-9 for p in posterior.marginals.values())


def test_a_world_that_was_weighed_leaves_nothing_behind() -> None:
    # Its arrays are large, and cycles are only looked for after so many objects, not after so many octets.
    gc.disable()
    try:
        model = EvidenceModel(shared((hit("c-one"), hit("c-two"))), RATES)
        compute_posterior(model)
        left = ref(model)
        del model
        assert left() is None
    finally:
        gc.enable()


def test_what_several_vendors_share_is_suspected_when_one_sending_hits_them_all() -> None:
    posterior = posterior_of(shared((hit("c-one"), hit("c-two"), hit("c-three"))))
    assert max(posterior.marginals, key=lambda s: posterior.marginals[s]) == POST


def test_two_suppliers_that_leak_both_are_named_though_each_may_be_behind_sendings_of_the_other() -> None:
    users = {"big": range(10), "small": range(8, 14), "third": range(0, 14, 3)}
    vendors = tuple(
        VendorFacts(f"v{i}", tuple(SupplyFacts(s) for s, theirs in users.items() if i in theirs)) for i in range(14)
    )
    met = {"big": ((1, 3, 8), (1, 5, 9), (3, 5, 8), (2, 8, 9)), "small": ((8, 10), (9, 10, 12), (8, 12), (11, 12))}
    hits = tuple(
        hit(f"c{i}", f"{supplier} {k}", 250 + 20 * k)
        for supplier, marks in met.items()
        for k, mark in enumerate(marks)
        for i in mark
    )
    canaries = (*(planted(f"c{i}", f"v{i}") for i in range(14)), *(planted(f"d{i}", None) for i in range(20)))
    world = World(NOW, vendors, canaries, hits)
    both = frozenset(Source(SuspectKind.SUPPLIER, name) for name in met)
    assert posterior_of(world).hypotheses[both] > 0.7


@pytest.mark.parametrize("verdict", ["third-party", "spam"])
def test_a_leak_behind_a_hit_is_no_likelier_where_many_vendors_make_some_leak_likely(verdict: str) -> None:
    def with_vendors(number: int) -> Posterior:
        vendors = tuple(VendorFacts(f"v{i}") for i in range(number))
        canaries = tuple(planted(f"c{i}", f"v{i}") for i in range(number))
        return posterior_of(World(NOW, vendors, canaries, (replace(hit("c0"), verdict=verdict, confidence=0.7),)))

    small, large = with_vendors(3), with_vendors(200)
    assert 1 - large.hypotheses[NO_LEAK] > 0.3
    assert large.leak < 1.1 * small.leak < 0.2
    assert large.behind[Source(SuspectKind.VENDOR, "v0")] == pytest.approx(large.leak, rel=0.1)


@pytest.mark.parametrize("after", [0.01, 0.3, 0.8, 1.5])
def test_a_hit_soon_after_the_address_was_issued_is_weighed_at_once_as_it_is_half_a_day_later(after: float) -> None:
    fresh = replace(planted("fresh", "one"), issued=BEGIN + 400 * DAY)
    world = shared((hit("fresh", day=400 + after),), fresh)
    early, late = (posterior_of(replace(world, now=BEGIN + (400 + after + days) * DAY)) for days in (0.001, 0.5))
    assert early.leak == pytest.approx(late.leak, rel=0.2)
    assert early.leak > 0.2


def test_without_sendings_no_leak_is_behind_any() -> None:
    posterior = posterior_of(shared(()))
    assert posterior.leak == 0
    assert not any(posterior.behind.values())


def test_a_random_decoy_that_is_hit_points_to_the_own_side() -> None:
    assert posterior_of(shared((hit("c-one"), hit("d1")))).marginals[OWNER] > 0.9


def test_a_guessable_decoy_that_is_hit_says_little() -> None:
    world = shared((hit("g"),), planted("g", None, bits=15.0))
    assert posterior_of(world).hypotheses[NO_LEAK] > 0.5


def test_a_world_without_addresses_gives_the_prior() -> None:
    world = World(NOW, (VendorFacts("one"),))
    odds = RATES.vendor + RATES.passing + RATES.owner
    posterior = posterior_of(world, replace(RATES, pair=0.0))
    assert posterior.hypotheses[NO_LEAK] == pytest.approx(1 / (1 + odds))
    assert posterior.bayes_factors[ONE] == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_another_quiet_address_never_speaks_for_a_source_that_holds_it(seed: int) -> None:
    world = tiny_world(Random(seed))
    begun = min(c.issued for c in world.canaries)
    quiet = replace(world, canaries=(*world.canaries, replace(planted("quiet", "v0"), issued=begun)))
    before, after = posterior_of(world).bayes_factors, posterior_of(quiet).bayes_factors
    holds = EvidenceModel(quiet, RATES).holdings
    assert all(after[s] <= before[s] * (1 + 1e-9) for s in before if "quiet" in holds[s].every())


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_names_mean_nothing(seed: int) -> None:
    world = tiny_world(Random(seed))
    named = replace(
        world,
        canaries=tuple(replace(c, id=f"z{c.id[::-1]}") for c in world.canaries),
        hits=tuple(replace(s, canary=f"z{s.canary[::-1]}", campaign=f"q{s.campaign}") for s in reversed(world.hits)),
    )
    before, after = posterior_of(world), posterior_of(named)
    assert after.marginals == pytest.approx(before.marginals, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_more_mails_of_one_sending_at_the_same_addresses_are_no_more_evidence(seed: int) -> None:
    world = tiny_world(Random(seed))
    again = replace(world, hits=(*world.hits, *(replace(s, at=s.at + DAY / 24) for s in world.hits)))
    assert posterior_of(again).marginals == pytest.approx(posterior_of(world).marginals, abs=1e-9)


def test_a_field_that_the_supplier_never_had_moves_the_odds_to_the_vendor() -> None:
    told = planted("c-one", "one", fields=frozenset({"phone"}))
    decoys = (planted(f"d{i}", None) for i in range(30))
    world = World(NOW, (VendorFacts("one", (SupplyFacts("post"),)),), (told, *decoys), (hit("c-one"),))
    said = replace(world, hits=(replace(world.hits[0], fields=frozenset({"phone"})),))
    assert posterior_of(world).marginals[ONE] < 0.5
    assert posterior_of(said).marginals[ONE] > 0.85
