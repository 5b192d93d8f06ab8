"""Who leaked: the probability of every set of at most two sources, from the evidence for each and what they share.

Two leaks explain no sending twice. Where both sources may be behind the same sendings, the sum over all ways to divide
them up is exact for a few such sendings; for more, each goes to the one that is known to have held more of what it hit,
and those of which both held as much go to one of the two as a whole. Sources that nothing points to are silent: pairs
with one of them are products, and are summed up without being gone through. The symbols are those of
docs/mathematics.md, section 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import combinations, permutations
from math import exp, fsum, inf, log

from canary.attribute.inference.evidence import EvidenceModel, SourceEvidence
from canary.attribute.world import NO_LEAK, Posterior, Source
from canary.model.case import LeakManner

_SHARED = 3
"""The most shared sendings that are divided in every way; error: docs/mathematics.md, section 6."""

_HOPELESS = 16.0
"""Pairs of sources that were pointed to are left out if they cannot come within so many nats of the best hypothesis: 1e-7 of it each."""

_COSTLY = 9.0
"""Pairs that share sendings take work, and are left out sooner: 1e-4 of the best hypothesis each."""

_WORK = 400
"""So many ways to share sendings out are weighed, the likeliest pairs first; then the stronger source gets them all."""

_LISTED = 1000
"""The most pairs with a silent source that are listed."""

_LEAST = 1e-9
"""Hypotheses below this are counted in the marginals and not listed."""

_LARGEST_EXPONENT = 700.0
"""Near the logarithm of the largest float."""


def compute_posterior(model: EvidenceModel, among: frozenset[str] | None = None) -> Posterior:
    """Return the posterior over all sets of at most two sources, from all sendings or some.

    The sendings left out count as no leak's.
    """
    log_weights = _LogWeights(model, frozenset(s.id for s in model.sendings) if among is None else among)
    alone = log_weights.evidence_alone()
    singles = {source: model.log_prior_odds(source) + evidence.log_ratio for source, evidence in alone.items()}
    pointed_pairs = dict(log_weights.pointed_pairs(singles)) if model.rates.pair else {}
    logs = {NO_LEAK: 0.0} | {frozenset((s,)): w for s, w in singles.items()} | pointed_pairs
    top = max(logs.values())
    weights = {sources: exp(w - top) for sources, w in logs.items()}
    silent = log_weights.silent_pairs(singles, top)
    marginals = silent.marginals
    for sources, weight in weights.items():
        for source in sources:
            marginals[source] += weight
    total = fsum(weights.values()) + silent.total
    listed = {sources: w / total for sources, w in (weights | silent.listed).items() if w >= _LEAST * total}
    listed_share = fsum(listed.values())
    return Posterior(
        {sources: p / listed_share for sources, p in listed.items()},
        {source: weight / total for source, weight in marginals.items()},
        {source: exp(min(evidence.log_ratio, _LARGEST_EXPONENT)) for source, evidence in alone.items()},
        {source: evidence.manners for source, evidence in alone.items()}
        | _manners_in_pairs(model, weights, log_weights),
    )


def joint_log_ratio(model: EvidenceModel, one: Source, other: Source, among: frozenset[str]) -> float:
    """Return the logarithm of the evidence for two leaks at once, neither explaining what the other does."""
    top, divisions = _divisions(model, one, other, among)
    total = sum(divisions.values())
    return top + log(total) if total > 0 else -inf


def _manners_in_pairs(
    model: EvidenceModel, weights: Mapping[frozenset[Source], float], log_weights: "_LogWeights"
) -> dict[Source, Mapping[LeakManner, float]]:
    """How those leaked that did so beside another one most likely: by what falls to each of the two."""
    manners: dict[Source, Mapping[LeakManner, float]] = {}
    likely = max(weights, key=lambda sources: weights[sources])
    for one, other in permutations(likely, 2):
        if log_weights.plausible(one) and log_weights.plausible(other):
            _, divisions = _divisions(model, one, other, log_weights.among)
            its = max(divisions, key=lambda sendings: divisions[sendings])
            manners[one] = model.source_evidence(one, its).manners
    return manners


def _divisions(
    model: EvidenceModel, one: Source, other: Source, among: frozenset[str]
) -> tuple[float, dict[frozenset[str], float]]:
    """What may fall to one of two, with the weight of that; the first is the logarithm of what these were divided by."""
    first, second = (model.plausible_sendings(source) & among for source in (one, other))
    shared = first & second
    if len(shared) > _SHARED:
        parts = _nested_parts(model, one, other, shared)
    else:
        parts = [frozenset(c) for size in range(len(shared) + 1) for c in combinations(sorted(shared), size)]
    ones = {part: model.source_evidence(one, (first - shared) | part).log_ratio for part in parts}
    others = {part: model.source_evidence(other, (second - shared) | (shared - part)).log_ratio for part in parts}
    high, top = max(ones.values()), max(ones.values()) + max(others.values())
    # Exactly these of the shared ones: what is possible up to them, less what is possible with fewer.
    exactly: dict[frozenset[str], float] = {}
    for part in parts:
        exactly[part] = exp(ones[part] - high) - sum(exactly[less] for less in exactly if less < part)
    terms = {part: max(0.0, exactly[part]) * exp(others[part] - top + high) for part in parts}
    return top, {(first - shared) | part: term for part, term in terms.items()}


def _nested_parts(model: EvidenceModel, one: Source, other: Source, shared: frozenset[str]) -> list[frozenset[str]]:
    """What may fall to one of two: nothing, what it held more of, what the other did not hold more of, everything."""
    lead = {s: model.unlisted_hits(other, s) - model.unlisted_hits(one, s) for s in shared}
    clearly, at_least_equally = (frozenset(s for s in shared if lead[s] >= least) for least in (1, 0))
    return list(dict.fromkeys([frozenset[str](), clearly, at_least_equally, shared]))


@dataclass(frozen=True, slots=True)
class _SilentPairs:
    """The pairs with a silent source: what they weigh for each source and in all, and the heaviest of them."""

    marginals: dict[Source, float]
    total: float
    listed: dict[frozenset[Source], float]


class _LogWeights:
    """The hypotheses about some sendings of a world, by the logarithms of their weights against no leak."""

    def __init__(self, model: EvidenceModel, among: frozenset[str]) -> None:
        self.model, self.among = model, among
        self._plausible: dict[Source, frozenset[str]] = {}
        self.log_pair_prior = log(model.rates.pair) if model.rates.pair else -inf

    def plausible(self, source: Source) -> frozenset[str]:
        """The sendings in question that a source may be behind."""
        if source not in self._plausible:
            self._plausible[source] = self.model.plausible_sendings(source) & self.among
        return self._plausible[source]

    def evidence_alone(self) -> dict[Source, SourceEvidence]:
        """The evidence for each source and no other."""
        model = self.model
        return {s: model.source_evidence(s, model.possible_sendings(s) & self.among) for s in model.holdings}

    def _log_ratio_listed(self, source: Source) -> float:
        """The evidence for one of two sources, from what it is known to have held."""
        return self.model.source_evidence(source, self.plausible(source)).log_ratio

    def _log_weight_listed(self, source: Source) -> float:
        """The weight of a source by what it is known to have held."""
        return self.model.log_prior_odds(source) + self._log_ratio_listed(source)

    def silent_pairs(self, singles: Mapping[Source, float], top: float) -> _SilentPairs:
        """The pairs of which at least one source is behind none of the sendings for all that is known."""
        logs = {s: self._log_weight_listed(s) for s in singles}
        marginals = dict.fromkeys(singles, 0.0)
        if not (self.model.rates.pair and logs):
            return _SilentPairs(marginals, 0.0, {})
        # Among themselves the silent ones are small, beside others these are: so no product can overflow.
        silent = {s: exp(w) for s, w in logs.items() if not self.plausible(s)}
        pointed = {s: exp(w - top) for s, w in logs.items() if self.plausible(s)}
        pair, silent_sum, pointed_sum = exp(self.log_pair_prior), fsum(silent.values()), fsum(pointed.values())
        none = exp(-top)
        marginals |= {s: pair * w * silent_sum for s, w in pointed.items()}
        marginals |= {s: pair * w * (pointed_sum + none * (silent_sum - w)) for s, w in silent.items()}
        both_silent = pair * none * fsum(w * (silent_sum - w) for w in silent.values()) / 2
        listed = nlargest(_LISTED, self._heaviest(silent, pointed, pair, none), key=lambda item: item[1])
        return _SilentPairs(marginals, pair * silent_sum * pointed_sum + both_silent, dict(listed))

    @staticmethod
    def _heaviest(
        silent: Mapping[Source, float], pointed: Mapping[Source, float], pair: float, none: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the heaviest pairs with a silent source: the i-th and j-th have some i times j pairs above them."""
        ranked = nlargest(_LISTED, silent, key=lambda source: silent[source])
        partners = nlargest(_LISTED, pointed, key=lambda source: pointed[source])
        for i, one in enumerate(partners):
            yield from ((frozenset((one, s)), pair * pointed[one] * silent[s]) for s in ranked[: _LISTED // (i + 1)])
        for i, one in enumerate(ranked):
            after = ranked[i + 1 : max(i + 1, 2 * _LISTED // (i + 1))]
            yield from ((frozenset((one, s)), pair * none * silent[one] * silent[s]) for s in after)

    def pointed_pairs(self, singles: Mapping[Source, float]) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs of sources that sendings point to; each is given only what it is known to have held."""
        logs = {s: self._log_weight_listed(s) for s in singles if self.plausible(s)}
        ranked = sorted(logs, key=lambda source: -logs[source])
        least = max(0.0, *singles.values()) - _HOPELESS - self.log_pair_prior if singles else 0.0
        contested = []
        for i, one in enumerate(ranked):
            for other in ranked[i + 1 :]:
                # The product is what they can have at most, as a shared sending counts for both of them in it.
                weight = logs[one] + logs[other]
                if weight < least:
                    break
                if not self.plausible(one) & self.plausible(other):
                    yield frozenset((one, other)), self.log_pair_prior + weight
                elif weight >= least + _HOPELESS - _COSTLY:
                    contested.append((weight, one, other))
        yield from self._contested_pairs(contested, least + _HOPELESS - _COSTLY)

    def _contested_pairs(
        self, pairs: Sequence[tuple[float, Source, Source]], least: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs that share sendings: exactly, as long as it matters and is not too much work."""
        work_left = _WORK
        for weight, one, other in sorted(pairs, key=lambda pair: -pair[0]):
            log_prior = weight - self._log_ratio_listed(one) - self._log_ratio_listed(other)
            log_weight = log_prior + self._log_ratio_listed(one) + self._log_ratio_of_rest(other, one)
            if work_left > 0 and weight + log(max(1e-300, 1 - exp(min(0.0, log_weight - weight)))) >= least:
                work_left -= self._ways(one, other)
                log_weight = log_prior + joint_log_ratio(self.model, one, other, self.among)
            if log_weight > -inf:
                yield frozenset((one, other)), self.log_pair_prior + log_weight

    def _log_ratio_of_rest(self, source: Source, other: Source) -> float:
        """The evidence for a source that leaves to another all that they share."""
        return self.model.source_evidence(source, self.plausible(source) - self.plausible(other)).log_ratio

    def _ways(self, one: Source, other: Source) -> int:
        shared = len(self.plausible(one) & self.plausible(other))
        return 2**shared if shared <= _SHARED else 4
