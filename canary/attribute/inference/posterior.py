"""Who leaked: the probability of every set of at most two sources, from the evidence for each and what they share.

Two leaks explain no sending twice. Where both sources may be behind the same sendings, the sum over all ways to share
them out is exact for a few such sendings; for more, each goes to the one that is known to have held more of what it hit,
and those of which both held as much go to one of the two as a whole. Sources that nothing points to are silent: pairs
with one of them are products, and are summed up without being gone through.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import combinations
from math import exp, fsum, inf, log

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Posterior, Source, World

_SHARED = 3
_HOPELESS = 16.0
"""Pairs of sources that were pointed to are left out if they cannot come within so many nats of the best hypothesis."""

_COSTLY = 9.0
"""Pairs that share sendings take work, and are left out sooner."""

_WORK = 400
"""So many ways to share sendings out are weighed, the likeliest pairs first; then the stronger source gets them all."""

_LISTED = 1000
"""The most pairs with a silent source that are listed."""

_LEAST = 1e-9
"""Hypotheses below this are counted in the marginals and not listed."""

NOBODY: frozenset[Source] = frozenset()


def weigh(world: World, rates: Rates = RATES) -> Posterior:
    """Return the posterior over all sets of at most two sources."""
    return conclude(EvidenceModel(world, rates))


def conclude(inquiry: EvidenceModel, among: frozenset[str] | None = None) -> Posterior:
    """Return the posterior of an inquiry, over all its sendings or some; the others count as no leak's then."""
    weighing = _Weighing(inquiry, frozenset(s.id for s in inquiry.sendings) if among is None else among)
    singles = weighing.singles()
    loud = dict(weighing.pairs(singles)) if inquiry.rates.pair else {}
    logs = {NOBODY: 0.0} | {frozenset((s,)): w for s, w in singles.items()} | loud
    top = max(logs.values())
    weights = {sources: exp(w - top) for sources, w in logs.items()}
    silent = weighing.silent(singles, top)
    marginals = silent.marginals
    for sources, weight in weights.items():
        for source in sources:
            marginals[source] += weight
    total = fsum(weights.values()) + silent.total
    listed = {sources: w / total for sources, w in (weights | silent.listed).items() if w >= _LEAST * total}
    rest = fsum(listed.values())
    return Posterior(
        {sources: p / rest for sources, p in listed.items()},
        {source: weight / total for source, weight in marginals.items()},
        {source: exp(min(weighing.alone(source), 700.0)) for source in singles},
    )


def log_ratio_of_two(inquiry: EvidenceModel, one: Source, other: Source) -> float:
    """Return the logarithm of the evidence for two leaks that share all sendings of a world out among them."""
    return _Weighing(inquiry, frozenset(s.id for s in inquiry.sendings)).both(one, other)


@dataclass(frozen=True, slots=True)
class _Silent:
    """The pairs with a silent source: what they weigh for each source and in all, and the heaviest of them."""

    marginals: dict[Source, float]
    total: float
    listed: dict[frozenset[Source], float]


class _Weighing:
    """The hypotheses about some sendings of an inquiry, by the logarithms of their weights against no leak."""

    def __init__(self, inquiry: EvidenceModel, among: frozenset[str]) -> None:
        self.inquiry, self.among = inquiry, among
        self._within: dict[Source, frozenset[str]] = {}
        self.prior = log(inquiry.rates.pair) if inquiry.rates.pair else -inf

    def within(self, source: Source) -> frozenset[str]:
        """The sendings in question that a source may be behind."""
        if source not in self._within:
            self._within[source] = self.inquiry.within(source) & self.among
        return self._within[source]

    def alone(self, source: Source) -> float:
        """The evidence for one source and no other."""
        return self.inquiry.evidence(source, self.inquiry.possible(source) & self.among).log_ratio

    def _apart(self, source: Source) -> float:
        """The evidence for one of two sources, from what it is known to have held."""
        return self.inquiry.evidence(source, self.within(source)).log_ratio

    def singles(self) -> dict[Source, float]:
        """The weight of each source alone."""
        return {s: self.inquiry.log_prior(s) + self.alone(s) for s in self.inquiry.holdings}

    def silent(self, singles: Mapping[Source, float], top: float) -> "_Silent":
        """The pairs of which at least one source is behind none of the sendings for all that is known."""
        known = {s: self._known(s) for s in singles}
        marginals = dict.fromkeys(singles, 0.0)
        if not (self.inquiry.rates.pair and known):
            return _Silent(marginals, 0.0, {})
        # Among themselves the silent ones are small, beside others these are: so no product can overflow.
        quiet = {s: exp(w) for s, w in known.items() if not self.within(s)}
        loud = {s: exp(w - top) for s, w in known.items() if self.within(s)}
        pair, every, others = exp(self.prior), fsum(quiet.values()), fsum(loud.values())
        alone = exp(-top)
        marginals |= {s: pair * w * every for s, w in loud.items()}
        marginals |= {s: pair * w * (others + alone * (every - w)) for s, w in quiet.items()}
        total = pair * every * others + pair * alone * fsum(w * (every - w) for w in quiet.values()) / 2
        listed = nlargest(_LISTED, self._best(quiet, loud, pair, alone), key=lambda found: found[1])
        return _Silent(marginals, total, dict(listed))

    @staticmethod
    def _best(
        quiet: Mapping[Source, float], loud: Mapping[Source, float], pair: float, alone: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the heaviest pairs with a silent source: the i-th and j-th have some i times j pairs above them."""
        ranked = nlargest(_LISTED, quiet, key=lambda source: quiet[source])
        others = nlargest(_LISTED, loud, key=lambda source: loud[source])
        for i, one in enumerate(others):
            yield from ((frozenset((one, s)), pair * loud[one] * quiet[s]) for s in ranked[: _LISTED // (i + 1)])
        for i, one in enumerate(ranked):
            after = ranked[i + 1 : max(i + 1, 2 * _LISTED // (i + 1))]
            yield from ((frozenset((one, s)), pair * alone * quiet[one] * quiet[s]) for s in after)

    def _known(self, source: Source) -> float:
        """The weight of a source by what it is known to have held."""
        return self.inquiry.log_prior(source) + self._apart(source)

    def pairs(self, singles: Mapping[Source, float]) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs of sources that sendings point to; each is given only what it is known to have held."""
        known = {s: self._known(s) for s in singles if self.within(s)}
        ranked = sorted(known, key=lambda source: -known[source])
        least = max(0.0, *singles.values()) - _HOPELESS - self.prior if singles else 0.0
        contested = []
        for i, one in enumerate(ranked):
            for other in ranked[i + 1 :]:
                # The product is what they can have at most, as a shared sending counts for both of them in it.
                weight = known[one] + known[other]
                if weight < least:
                    break
                if not self.within(one) & self.within(other):
                    yield frozenset((one, other)), self.prior + weight
                elif weight >= least + _HOPELESS - _COSTLY:
                    contested.append((weight, one, other))
        yield from self._contested(contested, least + _HOPELESS - _COSTLY)

    def _contested(
        self, pairs: Sequence[tuple[float, Source, Source]], least: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs that share sendings: exactly, as long as it matters and is not too much work."""
        left = _WORK
        for weight, one, other in sorted(pairs, key=lambda pair: -pair[0]):
            apart = weight - self._apart(one) - self._apart(other)
            found = apart + self._apart(one) + self._rest(other, one)
            if left > 0 and weight + log(max(1e-300, 1 - exp(min(0.0, found - weight)))) >= least:
                left -= self._ways(one, other)
                found = apart + self.both(one, other)
            if found > -inf:
                yield frozenset((one, other)), self.prior + found

    def _rest(self, source: Source, other: Source) -> float:
        """The evidence for a source that leaves to another all that they share."""
        return self.inquiry.evidence(source, self.within(source) - self.within(other)).log_ratio

    def _ways(self, one: Source, other: Source) -> int:
        shared = len(self.within(one) & self.within(other))
        return 2**shared if shared <= _SHARED else 4

    def _nested(self, one: Source, other: Source, shared: frozenset[str]) -> list[frozenset[str]]:
        """What may fall to one of two: nothing, what it held more of, what the other did not hold more of, everything."""
        lead = {s: self.inquiry.strange(other, s) - self.inquiry.strange(one, s) for s in shared}
        mine, fair = (frozenset(s for s in shared if lead[s] >= least) for least in (1, 0))
        return list(dict.fromkeys([frozenset[str](), mine, fair, shared]))

    def both(self, one: Source, other: Source) -> float:
        """The evidence for two leaks at once, neither explaining what the other does."""
        first, second = self.within(one), self.within(other)
        shared = first & second
        if len(shared) > _SHARED:
            parts = self._nested(one, other, shared)
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
