"""Who leaked: the probability of every set of at most two sources, from the evidence for each and what they share.

Two leaks explain no sending twice. Where both sources may be behind the same sendings, the sum over all ways to share
them out is exact for a few such sendings; for more, they go to one of the two as a whole.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import exp, inf, log

from canary.attribute.inquiry import Inquiry
from canary.attribute.rates import RATES, Rates
from canary.attribute.world import Posterior, Source, World

_SHARED = 3
_HOPELESS = 16.0
"""Pairs that cannot come within this many nats of the best hypothesis are left out."""

_COSTLY = 9.0
"""Pairs that share sendings take work, and are left out sooner."""

_LEAST = 1e-9
"""Hypotheses below this are counted in the marginals and not listed."""

NOBODY: frozenset[Source] = frozenset()


def weigh(world: World, rates: Rates = RATES) -> Posterior:
    """Return the posterior over all sets of at most two sources."""
    return conclude(Inquiry(world, rates))


def conclude(inquiry: Inquiry) -> Posterior:
    """Return the posterior of an inquiry under way."""
    factors = {source: inquiry.evidence(source, inquiry.within(source)).log_ratio for source in inquiry.holdings}
    singles = {source: log(max(inquiry.prior(source), 1e-300)) + factor for source, factor in factors.items()}
    pairs = dict(_pairs(inquiry, singles)) if inquiry.rates.pair else {}
    logs = {NOBODY: 0.0} | {frozenset((s,)): w for s, w in singles.items()} | pairs
    top = max(logs.values())
    weights = {sources: exp(w - top) for sources, w in logs.items()}
    total = sum(weights.values())
    marginals = dict.fromkeys(inquiry.holdings, 0.0)
    for sources, weight in weights.items():
        for source in sources:
            marginals[source] += weight / total
    listed = {sources: w / total for sources, w in weights.items() if w >= _LEAST * total}
    rest = sum(listed.values())
    return Posterior(
        {sources: p / rest for sources, p in listed.items()},
        marginals,
        {source: exp(min(factor, 700.0)) for source, factor in factors.items()},
    )


def _pairs(inquiry: Inquiry, singles: Mapping[Source, float]) -> Iterator[tuple[frozenset[Source], float]]:
    """Yield the pairs worth listing, each with the logarithm of its weight."""
    ranked = sorted(singles, key=lambda source: -singles[source])
    prior = log(inquiry.rates.pair)
    least = max(0.0, *singles.values()) - _HOPELESS - prior if singles else 0.0
    for i, one in enumerate(ranked):
        for other in ranked[i + 1 :]:
            weight = singles[one] + singles[other]
            if weight < least:
                break
            if inquiry.within(one) & inquiry.within(other):
                # The product is what they can have at most, as a sending counts for both of them in it.
                if weight < least + _HOPELESS - _COSTLY:
                    continue
                weight += log_ratio_of_two(inquiry, one, other) - _alone(inquiry, one) - _alone(inquiry, other)
            if weight > -inf:
                yield frozenset((one, other)), prior + weight


def _alone(inquiry: Inquiry, source: Source) -> float:
    return inquiry.evidence(source, inquiry.within(source)).log_ratio


def log_ratio_of_two(inquiry: Inquiry, one: Source, other: Source) -> float:
    """Return the logarithm of the evidence for two leaks that share sendings out among them."""
    first, second = inquiry.within(one), inquiry.within(other)
    shared = first & second
    if len(shared) > _SHARED:
        parts: list[frozenset[str]] = [frozenset(), shared]
    else:
        parts = [frozenset(c) for size in range(len(shared) + 1) for c in combinations(sorted(shared), size)]
    upto = {part: inquiry.evidence(one, (first - shared) | part).log_ratio for part in parts}
    rest = {part: inquiry.evidence(other, (second - shared) | (shared - part)).log_ratio for part in parts}
    top = max(upto.values()) + max(rest.values())
    high = max(upto.values())
    # Exactly these of the shared ones: what is possible up to them, less what is possible with fewer.
    exactly: dict[frozenset[str], float] = {}
    for part in parts:
        exactly[part] = exp(upto[part] - high) - sum(exactly[less] for less in exactly if less < part)
    total = sum(max(0.0, exactly[part]) * exp(rest[part] - top + high) for part in parts)
    return top + log(total) if total > 0 else -inf
