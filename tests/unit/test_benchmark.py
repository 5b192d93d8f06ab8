"""The contest of methods: same worlds for all, promises judged by their figures, an oracle told no more than rates."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from operator import ge, le

import numpy as np
import pytest

from canary.attribute.evaluation.baselines import BASELINES
from canary.attribute.evaluation.benchmark import (
    METHODS,
    TARGETS,
    AccuracyTarget,
    BenchmarkBatch,
    Method,
    score_batch,
)
from canary.attribute.evaluation.oracle import true_rates
from canary.attribute.evaluation.scenarios import MIXES
from canary.attribute.evaluation.scoring import Figures, ScoreSums
from canary.attribute.evaluation.simulate import Truth, simulate_world
from canary.attribute.world import Source

Compare = Callable[[float, float], bool]
NOTHING = ScoreSums().figures()
QUICK = tuple(BASELINES)


def figures(mix: str, *parts: range) -> list[Figures]:
    sums = {name: ScoreSums() for name in QUICK}
    for part in parts:
        for name, one in score_batch(BenchmarkBatch(mix, 1, part, QUICK)):
            sums[name].add(one)
    return [one.figures() for one in sums.values()]


def test_figures_do_not_depend_on_how_the_worlds_were_shared_out() -> None:
    assert figures("standard", range(12)) == figures("standard", range(5), range(5, 12))


def test_worlds_differ_by_number_and_by_mix() -> None:
    tops = {(mix, n): figures(mix, range(n, n + 1)) for mix in ("standard", "tenants") for n in range(2)}
    assert all(tops[a] != tops[b] for a in tops for b in tops if a != b)


@pytest.mark.slow
def test_only_a_method_that_looks_at_the_truth_is_called_an_oracle() -> None:
    world, truth = simulate_world(MIXES["standard"], np.random.default_rng(3))
    lie = replace(truth, coverage=(0.01,), mix=MIXES["wrong-priors"])

    def believed(method: Method, told: Truth) -> dict[Source, float]:
        return dict(method.answer(world, told).posterior.marginals)

    changed = [name for name, each in METHODS.items() if believed(each, truth) != believed(each, lie)]
    assert changed == ["oracle"]


@pytest.mark.parametrize(
    ("holds", "value", "kept"), [(ge, 0.8, True), (ge, 0.7, False), (le, 0.8, False), (ge, None, None)]
)
def test_a_promise_is_kept_broken_or_cannot_be_told(holds: Compare, value: float | None, kept: bool | None) -> None:
    bound = AccuracyTarget("top1", holds, 0.75)
    assert bound.is_met(replace(NOTHING, top1=value), None) is kept


def test_a_promise_can_be_a_share_of_the_oracle() -> None:
    bound = AccuracyTarget("top1", ge, 0.97, share_of=True)
    ours = replace(NOTHING, top1=0.78)
    assert bound.is_met(ours, replace(NOTHING, top1=0.8)) is True
    assert bound.is_met(ours, replace(NOTHING, top1=0.82)) is False
    assert bound.is_met(ours, None) is None


def test_every_promise_is_about_a_mix_and_a_figure_that_exist() -> None:
    assert TARGETS.keys() <= MIXES.keys()
    assert {bound.figure for bounds in TARGETS.values() for bound in bounds} <= set(Figures.__dataclass_fields__)


def test_the_oracle_has_the_priors_of_the_standard_mix() -> None:
    _, truth = simulate_world(MIXES["standard"], np.random.default_rng(1))
    rates = true_rates(truth)
    # Odds in two years: a quarter of all worlds among 50 vendors, against half of them without a leak.
    assert 2 * rates.vendor == pytest.approx(0.25 / 50 / 0.5)
    assert 2 * rates.supplier == pytest.approx(0.2 / 8 / 0.5)
    assert 2 * rates.owner == pytest.approx(0.05 / 0.5)
    assert (rates.account, rates.pair) == (0, 0)
    assert (rates.coverage, rates.delays) == (((truth.coverage[0], 1.0),), ((7.0, 0.3), (90.0, 0.7)))


def test_where_all_worlds_have_two_leaks_the_oracle_expects_pairs() -> None:
    _, truth = simulate_world(MIXES["two-leaks"], np.random.default_rng(1))
    rates = true_rates(truth)
    single = 2 * (50 * rates.vendor + 8 * rates.supplier + rates.owner)
    assert rates.pair * single**2 / 2 > 1000 * max(single, 1)
    assert isfinite(rates.pair)
