"""Who leaked: the probability of every set of at most two sources, from the evidence for each and what they share.

Two leaks explain no sending twice. Where both sources may be behind the same sendings, the sum over all ways to divide
them up is exact for a few such sendings; for more, each goes to the one that is known to have held more of what it hit,
and those of which both held as much go to one of the two as a whole. Sources that nothing points to are silent: pairs
with one of them are products, and are summed up without being gone through. The symbols are those of
docs/mathematics.md, section 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, permutations
from math import exp, expm1, fsum, inf, log
from typing import TypeVar

import numpy as np

from canary.attribute.inference.evidence import NOTHING, EvidenceModel
from canary.attribute.inference.evidence_rows import SourceEvidence, bayes_factor, manners_behind
from canary.attribute.inference.subset_sum import Array, Ints
from canary.attribute.world import NO_LEAK, Posterior, Source
from canary.model.case import LeakManner

_SHARED = 3
"""The most shared sendings that are divided in every way; error: docs/mathematics.md, section 6."""

_HOPELESS = 16.0
"""Pairs of sources that were pointed to are left out if they cannot come within so many nats of the best hypothesis: 1e-7 of it each."""

_COSTLY = 9.0
"""Pairs that share sendings take work, and are left out sooner: 1e-4 of the best hypothesis each."""

_WORK = 400
"""So many ways to share up to `_SHORT` sendings out are weighed, the likeliest pairs first, and of more sendings fewer as each
way costs more; then the stronger source gets them all."""

_SHORT = 12

_LISTED = 1000
"""The most pairs with a silent source that are listed."""

T = TypeVar("T")

_LEAST = 1e-9
"""Hypotheses below this are counted in the marginals and not listed."""


def compute_posterior(model: EvidenceModel, among: frozenset[str] | None = None) -> Posterior:
    """Return the posterior over all sets of at most two sources, from all sendings or some.

    The sendings left out count as no leak's.
    """
    log_weights = _LogWeights(model, frozenset(model.sending_by_id) if among is None else among)
    singles = log_weights.singles()
    pointed_pairs = dict(log_weights.pointed_pairs(max(0.0, float(singles.max())))) if model.rates.pair else {}
    top = max(0.0, float(singles.max()), *pointed_pairs.values())
    weights, pair_weights = np.exp(singles - top), {pair: exp(w - top) for pair, w in pointed_pairs.items()}
    silent = log_weights.silent_pairs(top)
    marginals = weights + silent.marginals
    for (one, other), weight in pair_weights.items():
        marginals[[model.index[one], model.index[other]]] += weight
    total = exp(-top) + float(weights.sum()) + fsum(pair_weights.values()) + silent.total
    behind, leak = log_weights.behind(weights, pair_weights, silent.marginals)
    few = {NO_LEAK: exp(-top)} | pair_weights
    own = log_weights.alone
    likely = max(few, key=few.__getitem__)
    pair = likely if few[likely] >= float(weights.max()) else NO_LEAK
    return Posterior(
        _Hypotheses(model.single_sets, weights, {s: w for s, w in few.items() if w >= _LEAST * total}, silent, total),
        _Marginals(model.index, marginals / total),
        _OwnOrSilent({s: bayes_factor(e.log_ratio) for s, e in own.items()}, model.silent_bayes_factors),
        _OwnOrSilent(
            {s: _manners_of(model, s, evidence) for s, evidence in own.items()}
            | _manners_in_pair(model, pair, log_weights),
            model.silent_manners,
        ),
        _OwnOrSilent({source: weight / total for source, weight in behind.items()}, model.behind_nothing),
        min(1.0, leak / total),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Marginals(Mapping[Source, float]):
    """A number for each source of a world, all in one array: there may be many sources, and many cases."""

    index: Mapping[Source, int]
    values_by_place: Array

    def __getitem__(self, source: Source) -> float:
        return float(self.values_by_place[self.index[source]])

    def __iter__(self) -> Iterator[Source]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class _OwnOrSilent(Mapping[Source, T]):
    """What is said of the few sources that may be behind some sending, and for all others what all worlds share."""

    own: Mapping[Source, T]
    silent: Mapping[Source, T]

    def __getitem__(self, source: Source) -> T:
        return self.own[source] if source in self.own else self.silent[source]

    def __iter__(self) -> Iterator[Source]:
        return iter(self.silent)

    def __len__(self) -> int:
        return len(self.silent)


class _Hypotheses(Mapping[frozenset[Source], float]):
    """The probabilities of the sets that weigh something; most are made only when somebody goes through them."""

    def __init__(
        self,
        single_sets: Sequence[frozenset[Source]],
        singles: Array,
        few: Mapping[frozenset[Source], float],
        silent: "_SilentPairs",
        total: float,
    ) -> None:
        """Take the weights: of single sources, of some other sets, of the pairs with a silent one, and of all."""
        self._single_sets, self._places = single_sets, np.flatnonzero(singles >= _LEAST * total)
        self._pairs, weights = silent.listed(_LEAST * total)
        listed = fsum(few.values()) + float(singles[self._places].sum()) + float(weights.sum())
        self._few = {sources: weight / listed for sources, weight in few.items()}
        self._singles, self._pair_weights = singles[self._places] / listed, weights / listed

    def __getitem__(self, sources: frozenset[Source]) -> float:
        return self._few[sources] if sources in self._few else self._every[sources]

    def __iter__(self) -> Iterator[frozenset[Source]]:
        return iter(self._every)

    def __len__(self) -> int:
        return len(self._few) + len(self._places) + len(self._pairs)

    @cached_property
    def _every(self) -> dict[frozenset[Source], float]:
        sets = self._single_sets
        singles = zip((sets[i] for i in self._places.tolist()), self._singles.tolist(), strict=True)
        pairs = zip((sets[i] | sets[j] for i, j in self._pairs.tolist()), self._pair_weights.tolist(), strict=True)
        return {**self._few, **dict(singles), **dict(pairs)}


def joint_log_ratio(model: EvidenceModel, one: Source, other: Source, among: frozenset[str]) -> float:
    """Return the logarithm of the evidence for two leaks at once, neither explaining what the other does."""
    top, divisions = _divisions(model, one, other, among)
    total = sum(divisions.values())
    return top + log(total) if total > 0 else -inf


def _manners_in_pair(
    model: EvidenceModel, pair: frozenset[Source], log_weights: "_LogWeights"
) -> dict[Source, Mapping[LeakManner, float]]:
    """How each of two leaked that most likely both did: by what falls to it."""
    manners: dict[Source, Mapping[LeakManner, float]] = {}
    for one, other in permutations(pair, 2):
        if log_weights.plausible(one) and log_weights.plausible(other):
            _, divisions = _divisions(model, one, other, log_weights.among)
            its = max(divisions, key=divisions.__getitem__)
            manners[one] = _manners_of(model, one, model.source_evidence(one, its))
    return manners


def _manners_of(model: EvidenceModel, source: Source, found: SourceEvidence) -> Mapping[LeakManner, float]:
    return manners_behind(found, model.source_evidence(source, NOTHING))


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


@lru_cache(1)
def _early_pairs(number: int) -> tuple[Ints, Ints]:
    """Places i and j in order, i at most j, of which the product is at most twice a number, counted from 1."""
    rows = [np.arange(min(2 * number, 2 * number // (i + 1))) for i in range(number)]
    return np.repeat(np.arange(number), [len(row) for row in rows]), np.concatenate(rows)


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
    """The pairs with a silent source: what they weigh for each source and in all, and the heaviest of them.

    Those are given by the places of their two sources.
    """

    marginals: Array
    total: float
    heaviest: Ints
    weights: Array

    def listed(self, least: float) -> tuple[Ints, Array]:
        """Return the heaviest pairs, if they weigh something, and what they weigh."""
        number = min(_LISTED, int((self.weights >= least).sum()))
        chosen = np.argpartition(self.weights, -number)[-number:] if number else np.zeros(0, dtype=np.int64)
        return self.heaviest[chosen], self.weights[chosen]


@dataclass(frozen=True, slots=True)
class _PairEvidence:
    """The evidence for two sources at once, and for each of the two from what it may be behind if the other is not."""

    joint: float
    shares: Mapping[Source, float]


class _LogWeights:
    """The hypotheses about some sendings of a world, by the logarithms of their weights against no leak."""

    def __init__(self, model: EvidenceModel, among: frozenset[str]) -> None:
        self.model, self.among = model, among
        self.pairs: dict[frozenset[Source], _PairEvidence] = {}
        self.log_pair_prior = log(model.rates.pair) if model.rates.pair else -inf
        self.pointed = sorted(model.sources_behind(among))
        possible = self.pointed + (sorted(model.with_others) if model.by_others & among else [])
        # The evidence for each source and no other, of those that may be behind any of the sendings.
        self.alone = {s: model.source_evidence(s, model.possible_sendings(s) & among) for s in possible}
        self.listed = {s: model.source_evidence(s, self.plausible(s)).log_ratio for s in self.pointed}

    def plausible(self, source: Source) -> frozenset[str]:
        """The sendings in question that a source may be behind."""
        return self.model.plausible_sendings(source) & self.among

    def singles(self) -> Array:
        """The weights of single sources, as logarithms."""
        return self._log_weights({s: evidence.log_ratio for s, evidence in self.alone.items()})

    def _log_weights(self, log_ratios: Mapping[Source, float]) -> Array:
        """The weights of single sources, as logarithms, from the evidence for some; the others are silent."""
        logs = self.model.silent_log_weights.copy()
        for source, log_ratio in log_ratios.items():
            logs[self.model.index[source]] = self.model.log_prior_odds(source) + log_ratio
        return logs

    def silent_pairs(self, top: float) -> _SilentPairs:
        """The pairs of which at least one source is behind none of the sendings for all that is known."""
        logs, pointed_at = self._log_weights(self.listed), [self.model.index[s] for s in self.pointed]
        if not self.model.rates.pair:
            return _SilentPairs(np.zeros(len(logs)), 0.0, np.zeros((0, 2), dtype=np.int64), np.zeros(0))
        # Among themselves the silent ones are small, beside others these are: so no product can overflow.
        pointed, silent = np.zeros(len(logs)), self.model.silent_weights.copy()
        silent[pointed_at], pointed[pointed_at] = 0.0, np.exp(logs[pointed_at] - top)
        pair, none, silent_sum = self.model.rates.pair, exp(-top), float(silent.sum())
        beside = pair * (pointed * silent_sum + silent * (float(pointed.sum()) + none * (silent_sum - silent)))
        both_silent = pair * none * float((silent * (silent_sum - silent)).sum()) / 2
        total = pair * silent_sum * float(pointed.sum()) + both_silent
        beside[silent == 0] = pair * pointed[silent == 0] * silent_sum
        return _SilentPairs(beside, total, *self._heaviest(silent, pointed, pair, none))

    def _heaviest(self, silent: Array, pointed: Array, pair: float, none: float) -> tuple[Ints, Array]:
        """The heaviest pairs with a silent source: the i-th and j-th have some i times j pairs above them."""
        order = self.model.silent_order
        ranked = order[silent[order] > 0][: 2 * _LISTED]
        partners = np.flatnonzero(pointed)
        partners = partners[np.argsort(-pointed[partners])][:_LISTED]
        i, j = _early_pairs(_LISTED)
        beside = (i < len(partners)) & (j < len(ranked))
        among = (i < j) & (j < len(ranked))
        both = np.concatenate((
            np.stack((partners[i[beside]], ranked[j[beside]]), axis=1),
            np.stack((ranked[i[among]], ranked[j[among]]), axis=1),
        ))  # fmt: skip
        weights = np.concatenate((pointed[both[: beside.sum(), 0]], none * silent[both[beside.sum() :, 0]]))
        return both, pair * weights * silent[both[:, 1]]

    def behind(
        self, weights: Array, pair_weights: Mapping[frozenset[Source], float], beside_silent: Array
    ) -> tuple[dict[Source, float], float]:
        """What the hypotheses weigh by which a source's leak, or any, is behind at least one of the sendings.

        Given are the weights of the single sources and of the pairs pointed to, and for each source what its pairs with
        silent ones weigh.
        """
        index, behind = self.model.index, dict.fromkeys(self.alone, 0.0)
        quiet = {s: self.model.source_evidence(s, frozenset()).log_ratio for s in behind}
        for s, evidence in self.alone.items():
            behind[s] += float(weights[index[s]]) * _share_above(quiet[s], evidence.log_ratio)
            behind[s] += float(beside_silent[index[s]]) * _share_above(quiet[s], self.listed.get(s, quiet[s]))
        any_behind = fsum(behind.values())
        for pair, each in self.pairs.items():
            one, other = each.shares
            behind[one] += pair_weights[pair] * _share_above(quiet[one] + each.shares[other], each.joint)
            behind[other] += pair_weights[pair] * _share_above(quiet[other] + each.shares[one], each.joint)
            any_behind += pair_weights[pair] * _share_above(quiet[one] + quiet[other], each.joint)
        return behind, any_behind

    def pointed_pairs(self, best: float) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs of sources that sendings point to; each is given only what it is known to have held."""
        logs = {s: self.model.log_prior_odds(s) + log_ratio for s, log_ratio in self.listed.items()}
        ranked = sorted(logs, key=lambda source: -logs[source])
        least = best - _HOPELESS - self.log_pair_prior
        contested = []
        for i, one in enumerate(ranked):
            for other in ranked[i + 1 :]:
                # The product is what they can have at most, as a shared sending counts for both of them in it.
                weight = logs[one] + logs[other]
                if weight < least:
                    break
                if not self.plausible(one) & self.plausible(other):
                    yield self._pair(weight, {s: self.listed[s] for s in (one, other)})
                elif weight >= least + _HOPELESS - _COSTLY:
                    contested.append((weight, one, other))
        yield from self._contested_pairs(contested, least + _HOPELESS - _COSTLY)

    def _contested_pairs(
        self, pairs: Sequence[tuple[float, Source, Source]], least: float
    ) -> Iterator[tuple[frozenset[Source], float]]:
        """Yield the pairs that share sendings: exactly, as long as it matters and is not too much work."""
        work_left = float(_WORK)
        for weight, one, other in sorted(pairs, key=lambda pair: -pair[0]):
            most = {s: self.listed[s] for s in (one, other)}
            log_prior = weight - sum(most.values())
            left = {one: most[one], other: self._log_ratio_of_rest(other, one)}
            joint = sum(left.values())
            if work_left > 0 and weight + log(max(1e-300, _share_above(log_prior + joint, weight))) >= least:
                work_left -= self._work(one, other)
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

    def _work(self, one: Source, other: Source) -> float:
        shared = len(self.plausible(one) & self.plausible(other))
        cost = max(1.0, (len(self.plausible(one) | self.plausible(other)) / _SHORT) ** 2)
        return cost * (2**shared if shared <= _SHARED else 4)
