"""All methods on the same simulated worlds, and what was promised of ours."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import ge, le
from zlib import crc32

import numpy as np

from canary.attribute.evaluation.baselines import BASELINES
from canary.attribute.evaluation.oracle import true_rates
from canary.attribute.evaluation.scenarios import MISSPECIFIED, MIXES
from canary.attribute.evaluation.scoring import Figures, Score, ScoredAnswer, score, wait, waited
from canary.attribute.evaluation.simulate import Truth, simulate
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.inference.window import leak_window
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Posterior, World

WAIT_EVERY = 8
"""Every so many worlds it is also measured when a method became sure, which takes it many more looks."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to say who leaked; only cheating ones look at the truth, and only timed ones are asked again and again."""

    weigh: Callable[[World, Truth], ScoredAnswer]
    timed: bool = False


@dataclass(frozen=True, slots=True)
class BenchmarkBatch:
    """Some worlds of one mix, by number, and the methods that are to try them."""

    mix: str
    seed: int
    worlds: range
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PromisedFigure:
    """A promise about one figure of ours on one mix; `share_of` means a share of the oracle's same figure."""

    figure: str
    holds: Callable[[float, float], bool]
    limit: float
    share_of: bool = False

    def kept(self, ours: Figures, oracle: Figures | None) -> bool | None:
        """Return whether the promise is kept; None where it cannot be told."""
        value: float | None = getattr(ours, self.figure)
        best: float | None = 1.0 if not self.share_of else getattr(oracle, self.figure, None)
        return None if value is None or best is None else self.holds(value, self.limit * best)

    def __str__(self) -> str:
        """Return the promise in signs."""
        sign = "≥" if self.holds is ge else "≤"
        return f"{sign} {self.limit:g}" + (" of the oracle's" if self.share_of else "")


OURS, ORACLE = "canary", "oracle"

_STANDARD = (
    PromisedFigure("top1_visible", ge, 0.79),
    PromisedFigure("top1_visible", ge, 0.97, share_of=True),
    PromisedFigure("ece_top", le, 0.03),
    PromisedFigure("ece_marginals", le, 0.03),
    PromisedFigure("log_loss", le, 1.45),
    PromisedFigure("wrong_sure", le, 0.001),
    PromisedFigure("accused_sure", le, 0.1),
)
_OFF = (
    PromisedFigure("ece_top", le, 0.08),
    PromisedFigure("ece_marginals", le, 0.08),
    PromisedFigure("wrong_sure", le, 0.003),
)

BOUNDS: Mapping[str, tuple[PromisedFigure, ...]] = {
    "standard": _STANDARD,
    "per-channel": (PromisedFigure("top1_visible", ge, 0.82),),
    "two-leaks": (PromisedFigure("precision_sure", ge, 0.99),),
    **dict.fromkeys(MISSPECIFIED, _OFF),
}


def draw_batches(mix: str, seed: int, number: int) -> tuple[World, Truth]:
    """Return a world of a mix with its truth; it depends on seed, mix and its number alone."""
    sequence = np.random.SeedSequence(seed, spawn_key=(crc32(mix.encode()), number))
    return simulate(MIXES[mix], np.random.default_rng(sequence))


def compete(heat: BenchmarkBatch) -> Iterator[tuple[str, Score]]:
    """Yield the score of each method on each world."""
    for number in heat.worlds:
        world, truth = draw_batches(heat.mix, heat.seed, number)
        for name in heat.methods:
            yield name, _try(METHODS[name], world, truth, timed=number % WAIT_EVERY == 0)


def _try(method: Method, world: World, truth: Truth, *, timed: bool) -> Score:
    one = score(method.weigh(world, truth), world, truth)
    if not (timed and method.timed):
        return one
    return waited(one, wait(lambda earlier: method.weigh(earlier, truth), world, truth))


def _blind(baseline: Callable[[World], Posterior], world: World, _: Truth) -> ScoredAnswer:
    return ScoredAnswer(baseline(world))


def _ours(world: World, _: Truth) -> ScoredAnswer:
    return _likelihood(world, RATES)


def _oracle(world: World, truth: Truth) -> ScoredAnswer:
    return _likelihood(world, true_rates(truth))


def _likelihood(world: World, rates: Rates) -> ScoredAnswer:
    model = EvidenceModel(world, rates)
    posterior = compute_posterior(model)
    singles = {next(iter(s)): p for s, p in posterior.hypotheses.items() if len(s) == 1}
    every = frozenset(sending.id for sending in model.sendings)
    when = leak_window(model, every, singles)
    return ScoredAnswer(posterior, (when.from_90, when.to_90) if when else None)


METHODS: Mapping[str, Method] = {
    **{name: Method(partial(_blind, baseline)) for name, baseline in BASELINES.items()},
    OURS: Method(_ours, timed=True),
    ORACLE: Method(_oracle, timed=True),
}
"""Every method by name, the simplest first."""
