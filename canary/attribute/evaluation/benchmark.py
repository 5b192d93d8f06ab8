"""All methods on the same simulated worlds, and what was promised of ours."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import ge, le
from zlib import crc32

import numpy as np

from canary.attribute.evaluation.baselines import BASELINES
from canary.attribute.evaluation.oracle import true_rates
from canary.attribute.evaluation.scenarios import MISSPECIFIED, MIXES
from canary.attribute.evaluation.scoring import Figures, Score, ScoredAnswer, score, time_to_certainty
from canary.attribute.evaluation.simulate import Truth, simulate_world
from canary.attribute.evaluation.warning import early_warning
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.inference.window import leak_window
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Posterior, World

WAIT_EVERY = 8
"""Every so many worlds it is also measured when a method became sure, which takes it many more looks."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to say who leaked; only cheating ones look at the truth, and only timed ones are asked again and again.

    One that is for one `mix` only is left out of the others, unless it is asked for.
    """

    answer: Callable[[World, Truth], ScoredAnswer]
    timed: bool = False
    mix: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkBatch:
    """Some worlds of one mix, by number, and the methods that are to try them."""

    mix: str
    seed: int
    worlds: range
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccuracyTarget:
    """A promise about one figure of ours on one mix; `share_of` means a share of the oracle's same figure.

    `beside` names a method whose same figure is the limit, but for `limit`.
    """

    figure: str
    holds: Callable[[float, float], bool]
    limit: float
    share_of: bool = False
    beside: str = ""

    @property
    def rival(self) -> str:
        """The method that ours is compared with, empty for none."""
        return self.beside or (ORACLE if self.share_of else "")

    def is_met(self, ours: Figures, rival: Figures | None) -> bool | None:
        """Return whether the promise is kept; None where it cannot be told."""
        value: float | None = getattr(ours, self.figure)
        best: float | None = getattr(rival, self.figure, None) if self.rival else 1.0
        if value is None or best is None:
            return None
        return self.holds(value, best + self.limit if self.beside else self.limit * best)

    def __str__(self) -> str:
        """Return the promise in signs."""
        sign = "≥" if self.holds is ge else "≤"
        if self.beside:
            return f"{sign} that of {self.beside} {self.limit:+g}"
        return f"{sign} {self.limit:g}" + (" of the oracle's" if self.share_of else "")


OURS, ORACLE = "canary", "oracle"
ALL_GIVEN, NONE_TENTATIVE = "all-given", "none-tentative"
"""Ours in a world without the addresses that nobody was given, and ours as if they had been given away."""

_STANDARD = (
    AccuracyTarget("top1_visible", ge, 0.79),
    AccuracyTarget("top1_visible", ge, 0.97, share_of=True),
    AccuracyTarget("ece_top", le, 0.03),
    AccuracyTarget("ece_marginals", le, 0.03),
    AccuracyTarget("log_loss", le, 1.45),
    AccuracyTarget("wrong_sure", le, 0.001),
    AccuracyTarget("accused_sure", le, 0.1),
)
_OFF = (
    AccuracyTarget("ece_top", le, 0.08),
    AccuracyTarget("ece_marginals", le, 0.08),
    AccuracyTarget("wrong_sure", le, 0.003),
)

TARGETS: Mapping[str, tuple[AccuracyTarget, ...]] = {
    "standard": _STANDARD,
    "per-channel": (AccuracyTarget("top1_visible", ge, 0.82),),
    "two-leaks": (AccuracyTarget("precision_sure", ge, 0.99),),
    **dict.fromkeys(MISSPECIFIED, _OFF),
    "passed-on": (AccuracyTarget("ece_manners", le, 0.05), AccuracyTarget("ece_marginals", le, 0.03)),
    "passed-on-rates-x3": (AccuracyTarget("ece_manners", le, 0.1),),
    "two-ways": (AccuracyTarget("ece_manners", le, 0.05), AccuracyTarget("precision_sure", ge, 0.98)),
    "few-tenants": (AccuracyTarget("ece_marginals", le, 0.03), AccuracyTarget("wrong_sure", le, 0.003)),
    "agents": (AccuracyTarget("accused_sure", le, 0.1), AccuracyTarget("ece_marginals", le, 0.03)),
    "tentative": (
        AccuracyTarget("top1", ge, -0.01, beside=ALL_GIVEN),
        AccuracyTarget("top1_visible", ge, -0.01, beside=ALL_GIVEN),
        AccuracyTarget("log_loss", le, 0.0, beside=NONE_TENTATIVE),
    ),
    "published": (AccuracyTarget("accused_sure", le, 0.1), AccuracyTarget("ece_marginals", le, 0.03)),
}


def draw_world(mix: str, seed: int, number: int) -> tuple[World, Truth]:
    """Return a world of a mix with its truth; it depends on seed, mix and its number alone."""
    sequence = np.random.SeedSequence(seed, spawn_key=(crc32(mix.encode()), number))
    return simulate_world(MIXES[mix], np.random.default_rng(sequence))


def score_batch(batch: BenchmarkBatch) -> Iterator[tuple[str, Score]]:
    """Yield the score of each method on each world."""
    for number in batch.worlds:
        world, truth = draw_world(batch.mix, batch.seed, number)
        for name in batch.methods:
            yield name, _score_method(METHODS[name], world, truth, timed=number % WAIT_EVERY == 0)


def _score_method(method: Method, world: World, truth: Truth, *, timed: bool) -> Score:
    one = score(method.answer(world, truth), world, truth)
    if not method.timed:
        return one

    def weigh(earlier: World) -> ScoredAnswer:
        return method.answer(earlier, truth)

    warning = early_warning(weigh, world, truth) if truth.mix.leaking.validated else None
    waiting = time_to_certainty(weigh, world, truth) if timed else None
    return replace(one, waiting=waiting, warning=warning)


def _baseline_answer(baseline: Callable[[World], Posterior], world: World, _: Truth) -> ScoredAnswer:
    return ScoredAnswer(baseline(world))


def _canary_answer(world: World, _: Truth) -> ScoredAnswer:
    return _model_answer(world, RATES)


def _all_given_answer(world: World, truth: Truth) -> ScoredAnswer:
    return _model_answer(truth.given or world, RATES)


def _none_tentative_answer(world: World, truth: Truth) -> ScoredAnswer:
    return _model_answer(truth.made or world, RATES)


def _oracle_answer(world: World, truth: Truth) -> ScoredAnswer:
    return _model_answer(world, true_rates(truth))


def _model_answer(world: World, rates: Rates) -> ScoredAnswer:
    model = EvidenceModel(world, rates)
    posterior = compute_posterior(model)
    every = frozenset(sending.id for sending in model.sendings)
    window = leak_window(model, every, posterior.singles())
    return ScoredAnswer(posterior, (window.from_90, window.to_90) if window else None)


METHODS: Mapping[str, Method] = {
    **{name: Method(partial(_baseline_answer, baseline)) for name, baseline in BASELINES.items()},
    OURS: Method(_canary_answer, timed=True),
    ORACLE: Method(_oracle_answer, timed=True),
    ALL_GIVEN: Method(_all_given_answer, mix="tentative"),
    NONE_TENTATIVE: Method(_none_tentative_answer, mix="tentative"),
}
"""Every method by name, the simplest first."""


def methods_for(mix: str) -> tuple[str, ...]:
    """Return the methods that say something about a mix."""
    return tuple(name for name, method in METHODS.items() if method.mix in ("", mix))
