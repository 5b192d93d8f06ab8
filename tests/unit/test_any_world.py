"""What holds of the answer to any world, whatever kinds of source it has."""

from dataclasses import replace
from random import Random

import pytest

from canary.attribute.assess import SourceNames, assess
from canary.attribute.inference.clustering import find_cases
from canary.attribute.summary import HOW_FROM, conclude
from canary.attribute.world import CampaignHit, World
from canary.attribute.world_json import answer_world
from tests.tiny_worlds import BEGIN, DAY, tiny_world

SEEDS = range(40)
NAMES = SourceNames({})


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
def test_the_likely_window_lies_within_its_bounds_and_never_passes_now(seed: int) -> None:
    world = _any_world(seed)
    for window in filter(None, (case.window for case in find_cases(world))):
        assert window.from_90 <= window.to_90 <= world.now
        if not window.two_events:
            assert window.earliest <= window.from_90
            assert window.to_90 <= window.latest
