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


def conclude(inquiry: Inquiry, among: frozenset[str] | None = None) -> Posterior:
    """Return the posterior of an inquiry, over all its sendings or some; the others count as no leak's then."""
    weighing = _Weighing(inquiry, frozenset(s.id for s in inquiry.sendings) if among is None else among)
    singles = weighing.singles()
    pairs = dict(weighing.pairs(singles)) if inquiry.rates.pair else {}
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
        {source: exp(min(weighing.alone(source), 700.0)) for source in singles},
    )


def log_ratio_of_two(inquiry: Inquiry, one: Source, other: Source) -> float:
    """Return the logarithm of the evidence for two leaks that share all sendings of a world out among them."""
    return _Weighing(inquiry, frozenset(s.id for s in inquiry.sendings)).both(one, other)


class _Weighing:
    """The hypotheses about some sendings of an inquiry, by the logarithms of their weights against no leak."""

    def __init__(self, inquiry: Inquiry, among: frozenset[str]) -> None:
        self.inquiry, self.among = inquiry, among
        self.prior = log(inquiry.rates.pair) if inquiry.rates.pair else -inf

    def within(self, source: Source) -> frozenset[str]:
        """The sendings in question that a source may be behind."""
        return self.inquiry.within(source) & self.among

    def alone(self, source: Source) -> float:
        """The evidence for one source and no other."""
        return self.inquiry.evidence(source, self.inquiry.possible(source) & self.among).log_ratio

    def _apart(self, source: Source) -> float:
        """The evidence for one of two sources, from what it is known to have held."""
        return self.inquiry.evidence(source, self.within(source)).log_ratio

    def singles(self) -> dict[Source, float]:
        """The weight of each source alone."""
        return {s: self.inquiry.log_prior(s) + self.alone(s) for s in self.inquiry.holdings}

    def pairs(self, singles: Mapping[Source, float]) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs worth listing with their weights; each is given only what it is known to have held."""
        known = {s: self.inquiry.log_prior(s) + self._apart(s) for s in singles}
        ranked = sorted(known, key=lambda source: -known[source])
        least = max(0.0, *singles.values()) - _HOPELESS - self.prior if singles else 0.0
        for i, one in enumerate(ranked):
            for other in ranked[i + 1 :]:
                # The product is what they can have at most, as a shared sending counts for both of them in it.
                weight = known[one] + known[other]
                if weight < least:
                    break
                if self.within(one) & self.within(other):
                    if weight < least + _HOPELESS - _COSTLY:
                        continue
                    weight += self.both(one, other) - self._apart(one) - self._apart(other)
                if weight > -inf:
                    yield frozenset((one, other)), self.prior + weight

    def both(self, one: Source, other: Source) -> float:
        """The evidence for two leaks at once, neither explaining what the other does."""
        first, second = self.within(one), self.within(other)
        shared = first & second
        if len(shared) > _SHARED:
            parts: list[frozenset[str]] = [frozenset(), shared]
        else:
            parts = [frozenset(c) for size in range(len(shared) + 1) for c in combinations(sorted(shared), size)]
        upto = {part: self.inquiry.evidence(one, (first - shared) | part).log_ratio for part in parts}
        rest = {part: self.inquiry.evidence(other, (second - shared) | (shared - part)).log_ratio for part in parts}
        high, top = max(upto.values()), max(upto.values()) + max(rest.values())
        # Exactly these of the shared ones: what is possible up to them, less what is possible with fewer.
        exactly: dict[frozenset[str], float] = {}
        for part in parts:
            exactly[part] = exp(upto[part] - high) - sum(exactly[less] for less in exactly if less < part)
        total = sum(max(0.0, exactly[part]) * exp(rest[part] - top + high) for part in parts)
        return top + log(total) if total > 0 else -inf
