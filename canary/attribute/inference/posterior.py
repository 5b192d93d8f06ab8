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
from itertools import combinations
from math import exp, expm1, fsum, inf, log

from canary.attribute.inference.evidence import EvidenceModel, SourceEvidence
from canary.attribute.world import NO_LEAK, Posterior, Source

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
    marginals = dict(silent.marginals)
    for sources, weight in weights.items():
        for source in sources:
            marginals[source] += weight
    total = fsum(weights.values()) + silent.total
    listed = {sources: w / total for sources, w in (weights | silent.listed).items() if w >= _LEAST * total}
    listed_share = fsum(listed.values())
    behind, leak = log_weights.behind(weights, silent.marginals, alone)
    return Posterior(
        {sources: p / listed_share for sources, p in listed.items()},
        {source: weight / total for source, weight in marginals.items()},
        {source: exp(min(evidence.log_ratio, _LARGEST_EXPONENT)) for source, evidence in alone.items()},
        {source: evidence.manners for source, evidence in alone.items()},
        {source: weight / total for source, weight in behind.items()},
        min(1.0, leak / total),
    )


def joint_log_ratio(model: EvidenceModel, one: Source, other: Source, among: frozenset[str]) -> float:
    """Return the logarithm of the evidence for two leaks at once, neither explaining what the other does."""
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
    total = sum(max(0.0, exactly[part]) * exp(others[part] - top + high) for part in parts)
    return top + log(total) if total > 0 else -inf


def _share_above(part: float, whole: float) -> float:
    """The share of a whole that a part of it leaves, both as logarithms."""
    return -expm1(min(0.0, part - whole))


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


@dataclass(frozen=True, slots=True)
class _PairEvidence:
    """The evidence for two sources at once, and for each of the two from what it may be behind if the other is not."""

    joint: float
    shares: Mapping[Source, float]


class _LogWeights:
    """The hypotheses about some sendings of a world, by the logarithms of their weights against no leak."""

    def __init__(self, model: EvidenceModel, among: frozenset[str]) -> None:
        self.model, self.among = model, among
        self._plausible: dict[Source, frozenset[str]] = {}
        self.pairs: dict[frozenset[Source], _PairEvidence] = {}
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

    def behind(
        self,
        weights: Mapping[frozenset[Source], float],
        beside_silent: Mapping[Source, float],
        alone: Mapping[Source, SourceEvidence],
    ) -> tuple[dict[Source, float], float]:
        """What the hypotheses weigh by which a source's leak, or any, is behind at least one of the sendings.

        Given are the weights of the single sources and of the pairs pointed to, and for each source what its pairs with
        silent ones weigh.
        """
        asked = [s for s in alone if self.model.possible_sendings(s) & self.among]
        quiet = {s: self.model.source_evidence(s, frozenset()).log_ratio for s in asked}
        behind = dict.fromkeys(alone, 0.0)
        for s in asked:
            behind[s] += weights.get(frozenset((s,)), 0.0) * _share_above(quiet[s], alone[s].log_ratio)
            behind[s] += beside_silent[s] * _share_above(quiet[s], self._log_ratio_listed(s))
        any_behind = fsum(behind.values())
        for pair, each in self.pairs.items():
            one, other = each.shares
            behind[one] += weights[pair] * _share_above(quiet[one] + each.shares[other], each.joint)
            behind[other] += weights[pair] * _share_above(quiet[other] + each.shares[one], each.joint)
            any_behind += weights[pair] * _share_above(quiet[one] + quiet[other], each.joint)
        return behind, any_behind

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
                    yield self._pair(weight, {s: self._log_ratio_listed(s) for s in (one, other)})
                elif weight >= least + _HOPELESS - _COSTLY:
                    contested.append((weight, one, other))
        yield from self._contested_pairs(contested, least + _HOPELESS - _COSTLY)

    def _contested_pairs(
        self, pairs: Sequence[tuple[float, Source, Source]], least: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs that share sendings: exactly, as long as it matters and is not too much work."""
        work_left = _WORK
        for weight, one, other in sorted(pairs, key=lambda pair: -pair[0]):
            most = {s: self._log_ratio_listed(s) for s in (one, other)}
            log_prior = weight - sum(most.values())
            left = {one: most[one], other: self._log_ratio_of_rest(other, one)}
            joint = sum(left.values())
            if work_left > 0 and weight + log(max(1e-300, _share_above(log_prior + joint, weight))) >= least:
                work_left -= self._ways(one, other)
                joint, left = joint_log_ratio(self.model, one, other, self.among), most
            if joint > -inf:
                yield self._pair(log_prior + joint, left, joint)

    def _pair(
        self, log_weight: float, shares: Mapping[Source, float], joint: float | None = None
    ) -> tuple[frozenset[Source], float]:
        """A pair with its weight; what it is made of is remembered."""
        pair = frozenset(shares)
        self.pairs[pair] = _PairEvidence(sum(shares.values()) if joint is None else joint, shares)
        return pair, self.log_pair_prior + log_weight

    def _log_ratio_of_rest(self, source: Source, other: Source) -> float:
        """The evidence for a source that leaves to another all that they share."""
        return self.model.source_evidence(source, self.plausible(source) - self.plausible(other)).log_ratio

    def _ways(self, one: Source, other: Source) -> int:
        shared = len(self.plausible(one) & self.plausible(other))
        return 2**shared if shared <= _SHARED else 4
