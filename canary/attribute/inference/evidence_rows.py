"""The evidence for sources, one or many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from canary.attribute.inference.subset_sum import Array
from canary.attribute.world import Source
from canary.model.case import LeakManner

_LARGEST_EXPONENT = 700.0
"""Near the logarithm of the largest float."""

_LEAST_BEHIND = 1e-12
"""A smaller part of the evidence is beyond the precision of the sums."""


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """The likelihood ratio of a leak against none, as a logarithm, and its share of each cell of the time grid.

    `manners` are the probabilities of each way in which it may have happened.
    """

    log_ratio: float
    times: Array
    manners: Mapping[LeakManner, float]


@dataclass(frozen=True, slots=True)
class EvidenceRows:
    """The evidence for several sources, a row each."""

    row: Mapping[Source, int]
    log_ratios: Array
    times: Array
    manners: Mapping[LeakManner, Array]

    @classmethod
    def of(
        cls, sources: Sequence[Source], parts: Sequence[Array], manners: Sequence[LeakManner], logs: Array
    ) -> "EvidenceRows":
        """Sum up the ways, given as likelihood ratios by source and time, divided by the exponential of the logs."""
        if not sources:
            return cls({}, np.zeros(0), np.zeros((0, 0)), {})
        times = np.sum(parts, axis=0)
        total = times.sum(axis=1)
        shares_of_ways = {manner: np.zeros(len(sources)) for manner in LeakManner}
        for part, manner in zip(parts, manners, strict=True):
            shares_of_ways[manner] += part.sum(axis=1) / total
        rows = {source: i for i, source in enumerate(sources)}
        return cls(rows, np.log(total) + logs, times / total[:, None], shares_of_ways)

    def evidence(self, source: Source) -> SourceEvidence:
        """Return the evidence for one of the sources."""
        i = self.row[source]
        manners = {manner: float(share[i]) for manner, share in self.manners.items()}
        return SourceEvidence(float(self.log_ratios[i]), self.times[i], manners)


def manners_behind(found: SourceEvidence, idle: SourceEvidence) -> dict[LeakManner, float]:
    """Return how a source leaked, given that its leak is behind something; `idle` is its evidence behind nothing.

    Where it is behind nothing, both ways are open.
    """
    unseen = exp(min(0.0, idle.log_ratio - found.log_ratio))
    behind = {manner: max(0.0, share - unseen * idle.manners[manner]) for manner, share in found.manners.items()}
    total = sum(behind.values())
    return {manner: share / total if total > _LEAST_BEHIND else 1 / len(behind) for manner, share in behind.items()}


def bayes_factor(log_ratio: float) -> float:
    """Return the Bayes factor of a logarithm, the largest float for what is beyond."""
    return exp(min(log_ratio, _LARGEST_EXPONENT))
