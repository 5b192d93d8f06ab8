"""How well calibrated anybody can be in two mixes at once who is not told which of them a world is of.

The ideal observer knows all true rates of the standard mix and of `low-coverage`, weighs each world by both, and believes
that so many of all worlds are of the second. Whatever share it believes in, its errors in the two mixes are a point on a
curve; attribution, which has to guess the rates as well, is shown beside it. Takes about six minutes on two processors;
`corridor:quick` takes 200 worlds instead of 2,000.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from canary.attribute.evaluation.benchmark import draw_world
from canary.attribute.evaluation.oracle import true_rates
from canary.attribute.evaluation.scenarios import MIXES, Range
from canary.attribute.evaluation.scoring import Score, ScoredAnswer, ScoreSums, score
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES, Weighted
from canary.attribute.world import NO_LEAK, Posterior, Source

STANDARD, LOW = "standard", "low-coverage"
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""What the ideal observer believes of the share of worlds of low coverage."""

SEED, WORLDS, QUICK, BATCH, NODES = 1, 2000, 200, 10, 6
OURS = "attribution"


def main(*options: str) -> None:
    """Prints the table."""
    worlds = QUICK if "quick" in options else WORLDS
    sums: dict[tuple[str, str], ScoreSums] = {}
    batches = [(mix, range(n, min(n + BATCH, worlds))) for mix in (STANDARD, LOW) for n in range(0, worlds, BATCH)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for (mix, _), scores in zip(batches, pool.map(_scores, batches), strict=True):
            for who, one in scores:
                sums.setdefault((who, mix), ScoreSums()).add(one)
    print(f"{worlds} worlds of each mix, seed {SEED}: ECE of top-1, and how many were wrong above .9")
    print(f"{'believes in low coverage':<26}" + "".join(f"{mix:>24}" for mix in (STANDARD, LOW)))
    for who in (*map(_named, SHARES), OURS):
        found = [sums[who, mix].figures() for mix in (STANDARD, LOW)]
        cells = [f"{f.ece_top or 0:.4f} {round((f.wrong_sure or 0) * worlds):6}" for f in found]
        print(f"{who:<26}" + "".join(f"{cell:>24}" for cell in cells))


def _scores(batch: tuple[str, range]) -> list[tuple[str, Score]]:
    return list(_compete(*batch))


def _compete(mix: str, numbers: range) -> Iterator[tuple[str, Score]]:
    """The scores of everybody in some worlds, which are those of `canary simulate`."""
    for number in numbers:
        world, truth = draw_world(mix, SEED, number)
        rates = true_rates(truth)
        usual, low = (
            compute_posterior(EvidenceModel(world, replace(rates, coverage=_even(MIXES[name].leaking.coverage))))
            for name in (STANDARD, LOW)
        )
        for share in SHARES:
            yield _named(share), score(ScoredAnswer(_blend(usual, low, share)), world, truth)
        yield OURS, score(ScoredAnswer(compute_posterior(EvidenceModel(world, RATES))), world, truth)


def _blend(usual: Posterior, low: Posterior, share: float) -> Posterior:
    """The posterior of who believes in both: no leak is as likely in either, so that all is measured by it."""
    weights: dict[frozenset[Source], float] = {}
    for posterior, part in ((usual, 1 - share), (low, share)):
        nobody = max(posterior.hypotheses.get(NO_LEAK, 0.0), 1e-9)
        for sources, p in posterior.hypotheses.items():
            weights[sources] = weights.get(sources, 0.0) + part * p / nobody
    total = sum(weights.values())
    marginals = dict.fromkeys(usual.marginals, 0.0)
    for sources, weight in weights.items():
        for source in sources:
            marginals[source] += weight / total
    return Posterior({sources: weight / total for sources, weight in weights.items()}, marginals)


def _even(span: Range) -> Weighted:
    low, high = span
    return tuple((low + (high - low) * (i + 0.5) / NODES, 1 / NODES) for i in range(NODES))


def _named(share: float) -> str:
    return f"{share:.0%}"


if __name__ == "__main__":
    main()
