"""The simple methods: what each says about the same small world."""

from datetime import UTC, datetime, timedelta

import pytest

from canary.attribute.evaluation.baselines import (
    BASELINES,
    any_mail,
    guilt,
    hits_only,
    holdings,
    overlap_vote,
    spam_means_vendor,
)
from canary.attribute.world import CampaignHit, CanaryFacts, Posterior, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = NOW - timedelta(days=365)
ESP = Source(SuspectKind.SUPPLIER, "esp")
OWNER = Source(SuspectKind.OWNER)


def vendor(name: str) -> Source:
    return Source(SuspectKind.VENDOR, name)


def hit(canary: str, verdict: str = "spam", confidence: float = 0.9) -> CampaignHit:
    return CampaignHit(canary, NOW - timedelta(days=1), "k1", verdict, confidence)


def world(*hits: CampaignHit) -> World:
    """Six vendors, four of them with the supplier, and two decoys."""
    return World(
        NOW,
        tuple(VendorFacts(name, (SupplyFacts("esp"),) if name in "abcd" else ()) for name in "abcdef"),
        (
            *(CanaryFacts(name, "d", name, START) for name in "abcdef"),
            *(CanaryFacts(n, "d", None, START) for n in ("x", "y")),
        ),
        hits,
    )


def top(posterior: Posterior) -> frozenset[Source]:
    return max(posterior.hypotheses, key=lambda sources: posterior.hypotheses[sources])


def test_a_supplier_holds_what_its_vendors_pass_on_and_the_own_side_holds_all() -> None:
    held = holdings(world())
    assert (held[ESP], held[OWNER]) == (frozenset("abcd"), frozenset("abcdefxy"))


def test_a_supplier_holds_only_the_channels_and_times_that_were_passed_on() -> None:
    passings = (SupplyFacts("esp", frozenset({"newsletter"})), SupplyFacts("old", until=START))
    there = World(
        NOW,
        (VendorFacts("a", passings),),
        (CanaryFacts("1", "d", "a", START), CanaryFacts("2", "d", "a", START, "newsletter")),
    )
    held = holdings(there)
    assert (held[ESP], held[Source(SuspectKind.SUPPLIER, "old")]) == (frozenset({"2"}), frozenset())


@pytest.mark.parametrize("name", BASELINES)
def test_beliefs_sum_to_one_and_marginals_are_probabilities(name: str) -> None:
    found = BASELINES[name](world(hit("a"), hit("e"), hit("x")))
    assert sum(found.hypotheses.values()) == pytest.approx(1)
    assert all(0 <= p <= 1 for p in found.marginals.values())


@pytest.mark.parametrize("name", BASELINES)
def test_without_a_mail_nobody_leaked(name: str) -> None:
    assert top(BASELINES[name](world())) == frozenset()


def test_the_rules_accuse_each_vendor_that_was_hit() -> None:
    hits = world(hit("a"), hit("b", "third-party"), hit("c", confidence=0.2))
    assert top(any_mail(hits)) == {vendor("a"), vendor("b"), vendor("c")}
    assert top(spam_means_vendor(hits)) == {vendor("a")}


def test_votes_elect_the_supplier_that_all_hit_vendors_share() -> None:
    assert overlap_vote(world(hit("a"), hit("b"))).marginals[ESP] == pytest.approx(0.99)


def test_the_guilt_model_always_blames_who_holds_all() -> None:
    found = BASELINES["guilt"](world(hit("a"), hit("b"), hit("e")))
    assert max(found.marginals, key=lambda source: found.marginals[source]) == OWNER


def test_jaccard_takes_quiet_addresses_into_account() -> None:
    found = BASELINES["jaccard"](world(hit("a"), hit("b"), hit("c"), hit("d")))
    assert found.marginals[ESP] > found.marginals[OWNER] > found.marginals[vendor("a")]


def test_counting_hits_weighs_one_hit_as_chance_and_four_as_the_supplier() -> None:
    assert top(hits_only(world(hit("a")))) == frozenset()
    assert top(hits_only(world(*map(hit, "abcd")))) == {ESP}


def test_counting_hits_gives_the_beta_binomial_odds() -> None:
    found = hits_only(world(hit("a"), hit("b")))
    odds = found.hypotheses[frozenset({ESP})] / found.hypotheses[frozenset()]
    # Two of four at a flat rate: 2! 2! / 5! = 1/30, against chance .1 .1 .9 .9; the prior is .2 to .5.
    assert odds == pytest.approx(0.4 * (1 / 30) / (0.01 * 0.81))


OBJECTS = frozenset(range(16))
AGENTS = {"U1": OBJECTS, "U2": frozenset(range(8))}


@pytest.mark.parametrize(
    ("p", "first", "second"),
    [
        (0.0, 1.00000, 0.99609),
        (0.1, 1.00000, 0.99163),
        (0.2, 1.00000, 0.98320),
        (0.4, 0.99996, 0.94235),
        (0.5, 0.99961, 0.89989),
        (0.6, 0.99718, 0.83223),
        (0.8, 0.92778, 0.56953),
        (0.9, 0.71442, 0.33658),
    ],
)
def test_an_agent_with_all_objects_and_one_with_half_of_them(p: float, first: float, second: float) -> None:
    found = guilt(AGENTS, OBJECTS, p)
    assert (round(found["U1"], 5), round(found["U2"], 5)) == (first, second)


def test_two_agents_that_share_one_of_three_objects_are_equally_guilty() -> None:
    found = guilt({1: {"t1", "t2"}, 2: {"t1", "t3"}}, {"t1", "t2", "t3"}, 0.2)
    assert found == {1: pytest.approx(0.88), 2: pytest.approx(0.88)}


def test_who_holds_nothing_that_leaked_is_innocent() -> None:
    assert guilt({1: {"a"}, 2: {"b"}}, {"a"}, 0.1)[2] == 0
