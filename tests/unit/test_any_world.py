"""What holds of the answer to any world, whatever kinds of source it has."""

import re
from dataclasses import replace
from datetime import timedelta
from math import isfinite
from random import Random

import pytest

from canary.attribute.assess import SourceNames, assess
from canary.attribute.grouping import grouped
from canary.attribute.inference.clustering import find_cases
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.explain import explain
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES
from canary.attribute.summary import HOW_FROM, conclude
from canary.attribute.world import CampaignHit, CanaryFacts, Source, VendorFacts, World
from canary.attribute.world_json import answer_world
from canary.model.case import SuspectKind
from tests.tiny_worlds import BEGIN, DAY, tiny_world

WORLDS = range(40)
SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] if seed >= 12 else []) for seed in WORLDS]
NAMES = SourceNames({})
BELIEVED = {*SuspectKind} - {SuspectKind.NOBODY}


def _any_world(seed: int) -> World:
    """A tiny world in which vendors may show addresses, and events may be minutes apart."""
    random = Random(seed)
    world = tiny_world(random)
    shown = tuple(replace(c, published=c.vendor is not None and random.random() < 0.6) for c in world.canaries)
    last = max(c.issued for c in shown)
    close = [CampaignHit(c.id, last + random.random() * DAY / 96, f"m{c.id}", "spam", 0.95) for c in shown[:2]]
    now = last + DAY / 48 if seed % 4 == 0 else BEGIN + 500 * DAY
    return replace(world, now=now, canaries=shown, hits=tuple(h for h in (*world.hits, *close) if h.at <= now))


@pytest.mark.parametrize("seed", SEEDS)
def test_hypotheses_sum_to_one_and_every_suspect_is_explained(seed: int) -> None:
    world = _any_world(seed)
    for case in answer_world(world)["cases"]:
        assert sum(each["p"] for each in case["hypotheses"]) == pytest.approx(1.0, abs=1e-6)
        for suspect in case["suspects"]:
            ways = suspect.get("how", {}).values()
            assert not ways or sum(ways) == pytest.approx(suspect["p"], abs=1e-9)
            assert not ways or max(ways) >= (HOW_FROM - 1e-9) * suspect["p"]
    found = assess(world, NAMES, patient=True)
    assert conclude(found.suspects, found.findings).headline.endswith(".")
    assert all(text.text for why in found.findings.explanations for text in (*why.speaks_for, *why.speaks_against))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_source_is_explained_in_plain_sentences_also_when_what_is_left_out_takes_it_along(
    seed: int,
) -> None:
    random, world = Random(seed), _any_world(seed)
    copies = (replace(c, id=f"{c.id}-{i}") for c in world.canaries for i in range(random.randint(0, 3)))
    model = EvidenceModel(grouped(replace(world, canaries=(*world.canaries, *copies))), RATES)
    every = frozenset(s.id for s in model.sendings)
    posterior = compute_posterior(model, every)
    assert sum(posterior.hypotheses.values()) == pytest.approx(1.0, abs=1e-9)
    explained = explain(model, every, posterior.marginals, NAMES)
    assert len(explained) == len(posterior.marginals)
    for why in explained:
        for each in (*why.speaks_for, *why.speaks_against):
            assert isfinite(each.weight)
            assert re.fullmatch(r"(A sending of |[\d,]+ address(es)? that ).+[^ .,]\.", each.text)
            assert not re.search(r"None|[{}]|Own side|Harvested", each.text)


def test_the_random_worlds_have_every_kind_of_source() -> None:
    kinds = {source.kind for seed in WORLDS for source in EvidenceModel(_any_world(seed), RATES).holdings}
    assert kinds == BELIEVED


def test_who_shows_the_only_addresses_that_were_hit_is_explained() -> None:
    shown = CanaryFacts("c", "example.net", "shop", BEGIN, published=True)
    quiet = CanaryFacts("q", "example.net", "shop", BEGIN + DAY, published=True, count=3)
    hits = (CampaignHit("c", BEGIN + 30 * DAY, "k", "spam", 0.95),)
    model = EvidenceModel(World(BEGIN + 60 * DAY, (VendorFacts("shop"),), (shown, quiet), hits), RATES)
    published = Source(SuspectKind.PUBLISHED, "shop")
    (why,) = explain(model, frozenset({"k"}), {published: compute_posterior(model).marginals[published]}, NAMES)
    said = [each.text for each in (*why.speaks_for, *why.speaks_against)]
    assert "A sending of 31 Jan 2010 hit 1 address of Shop, shown by Shop." in said
    assert "3 addresses that Shop shows kept quiet." in said


@pytest.mark.parametrize("seed", SEEDS)
def test_the_likely_window_lies_within_its_bounds_and_never_passes_now(seed: int) -> None:
    world = _any_world(seed)
    for window in filter(None, (case.window for case in find_cases(world))):
        assert window.from_90 <= window.to_90 <= world.now
        assert window.latest <= world.now
        if not window.two_events:
            assert window.earliest <= window.from_90
            assert window.to_90 <= window.latest


@pytest.mark.parametrize(("issued", "gap"), [(0.3, 5), (0.99, 30), (12.5, 90), (40.0, 600), (3.0, 3000)])
def test_where_issue_and_hit_are_minutes_apart_the_window_is_of_minutes_between_them(issued: float, gap: int) -> None:
    at = BEGIN + issued * DAY
    told = frozenset({"phone"})
    first = CanaryFacts("old", "example.net", "shop", BEGIN)
    fresh = CanaryFacts("new", "example.net", "shop", at, fields=told)
    hits = tuple(CampaignHit("new", at + timedelta(minutes=gap + k), f"k{k}", "spam", 0.95, told) for k in range(3))
    decoys = tuple(CanaryFacts(f"d{i}", "example.net", None, BEGIN) for i in range(20))
    vendors = (VendorFacts("shop"),)
    (case,) = find_cases(World(at + timedelta(minutes=gap + 10), vendors, (first, fresh, *decoys), hits))
    window = case.window
    assert window is not None
    assert (window.earliest, window.latest) == (at, at + timedelta(minutes=gap))
    assert at <= window.from_90 < window.to_90 <= window.latest
    assert window.to_90 - window.from_90 >= 0.5 * timedelta(minutes=gap)
