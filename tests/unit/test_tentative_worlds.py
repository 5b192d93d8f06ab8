"""Simulated worlds in which programs made the addresses, and half of these were never given away."""

from dataclasses import replace
from functools import cache
from operator import ge

import numpy as np
import pytest

from canary.attribute.evaluation.benchmark import (
    ALL_GIVEN,
    NONE_TENTATIVE,
    OURS,
    AccuracyTarget,
    draw_world,
    methods_for,
)
from canary.attribute.evaluation.population import build_population, held_by
from canary.attribute.evaluation.scenarios import MIXES
from canary.attribute.evaluation.scoring import ScoreSums
from canary.attribute.evaluation.simulate import BEGIN, Truth
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

NOTHING = ScoreSums().figures()
MIX = MIXES["tentative"]


@cache
def world(number: int) -> tuple[World, Truth]:
    return draw_world("tentative", 1, number)


def ids(of: World | None) -> set[str]:
    assert of is not None
    return {canary.id for canary in of.canaries}


def test_half_of_all_addresses_were_never_given_away() -> None:
    made = [len(truth.made.canaries) - 30 for _, truth in map(world, range(20)) if truth.made]
    given = [len(truth.given.canaries) - 30 for _, truth in map(world, range(20)) if truth.given]
    assert given == [50] * 20
    assert 0.45 < sum(given) / sum(made) < 0.55


def test_what_is_tentative_is_not_in_the_world_that_is_judged_and_neither_is_its_mail() -> None:
    for number in range(10):
        judged, truth = world(number)
        assert ids(judged) <= ids(truth.given) < ids(truth.made)
        assert {hit.canary for hit in judged.hits} <= ids(judged)
        assert truth.made is not None
        assert [hit for hit in truth.made.hits if hit.canary in ids(judged)] == list(judged.hits)


def test_nobody_but_the_owner_holds_what_was_never_given_away() -> None:
    population = build_population(MIX.population, BEGIN, np.random.default_rng(5))
    spare = population.never_given
    assert spare.any()
    assert not any(
        (held_by(population, Source(SuspectKind.VENDOR, vendor)) & spare).any() for vendor in population.vendors
    )
    assert not any(
        (held_by(population, Source(SuspectKind.SUPPLIER, each)) & spare).any() for each in population.suppliers
    )
    assert held_by(population, Source(SuspectKind.OWNER, ""))[spare].all()


def test_a_world_without_such_addresses_has_no_others_to_show() -> None:
    judged, truth = draw_world("standard", 1, 0)
    assert (truth.given, truth.made, len(judged.canaries)) == (None, None, 80)


@pytest.mark.slow
def test_the_truth_is_believed_less_where_they_count_as_given_away() -> None:
    """Over the first leaks that are seen, of whatever source: each address at which nothing comes counts wrongly then."""
    state, none, checked = 0.0, 0.0, 0
    for judged, truth in map(world, range(28)):
        if truth.made and truth.visible:
            state += np.log(_believed(judged, truth))
            none += np.log(_believed(truth.made, truth))
            checked += 1
    assert checked >= 5
    assert state > none


def _believed(shown: World, truth: Truth) -> float:
    return max(compute_posterior(EvidenceModel(shown, RATES)).hypotheses.get(truth.sources, 0.0), 1e-9)


def test_methods_for_such_worlds_are_left_out_of_the_others() -> None:
    assert {OURS, ALL_GIVEN, NONE_TENTATIVE} <= set(methods_for("tentative"))
    assert not {ALL_GIVEN, NONE_TENTATIVE} & set(methods_for("standard"))


@pytest.mark.parametrize(("ours", "kept"), [(0.8, True), (0.792, True), (0.78, False)])
def test_a_promise_can_be_another_methods_figure(ours: float, kept: bool) -> None:
    promise = AccuracyTarget("top1", ge, -0.01, beside=ALL_GIVEN)
    assert promise.is_met(replace(NOTHING, top1=ours), replace(NOTHING, top1=0.8)) is kept
    assert promise.is_met(replace(NOTHING, top1=ours), None) is None
    assert str(promise) == "≥ that of all-given -0.01"
