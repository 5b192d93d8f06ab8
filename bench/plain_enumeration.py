"""The plain way that attribution is compared with: every choice of sendings listed, all nuisances on one grid, numpy.

Coverage has 6 values, reach 3 and the time of the leak 30; of the sendings within what a source holds the nine that
tell most are taken, which makes at most 512 choices. Two sources are given the product of the first one's evidence and
of the second one's from what the first cannot explain, whichever way round is more. Vendors, suppliers and the own side
are the only sources, all that is held is certain, and a leak brings a known mean number of sendings.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from canary.attribute.null_model import ObservedSending, observed_sendings
from canary.attribute.priors import RATES
from canary.attribute.sources import holdings
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

Array = NDArray[np.float64]

_TIMES, _MOST = 30, 9
_MEAN = 7.0
_KINDS = (SuspectKind.VENDOR, SuspectKind.SUPPLIER, SuspectKind.OWNER)
_Q, _A = np.array(RATES.coverage).T
_R, _B = np.array(RATES.reach).T


def weigh(world: World) -> dict[frozenset[Source], float]:
    """Return the probability of every set of at most two sources, each worked out as it stands."""
    return _weigh(_Plain(world, remembers=False))


def weigh_remembering(world: World) -> dict[frozenset[Source], float]:
    """Return the same, with the evidence of a source for the same sendings worked out but once."""
    return _weigh(_Plain(world, remembers=True))


def _weigh(plain: "_Plain") -> dict[frozenset[Source], float]:
    logs = {frozenset[Source](): 0.0}
    alone = {source: plain.log_ratio(source, plain.within[source]) for source in plain.held}
    for source, ratio in alone.items():
        logs[frozenset({source})] = plain.prior[source] + ratio
    for one, other in combinations(plain.held, 2):
        both = max(plain.in_turn(alone, one, other), plain.in_turn(alone, other, one))
        logs[frozenset({one, other})] = np.log(RATES.pair) + plain.prior[one] + plain.prior[other] + both
    top = max(logs.values())
    weights = {sources: np.exp(w - top) for sources, w in logs.items()}
    total = sum(weights.values())
    return {sources: float(w / total) for sources, w in weights.items()}


class _Plain:
    """One world, and what each source held of it."""

    def __init__(self, world: World, *, remembers: bool) -> None:
        self.remembers = remembers
        self.start = min(c.issued for c in world.canaries)
        self.span = (world.now - self.start).total_seconds() / 86400
        self.times = (np.arange(_TIMES) + 0.5) * self.span / _TIMES
        self.seen = _over(self.span - self.times)
        self.sendings = {s.id: s for s in observed_sendings(world, RATES)}
        self.odds = {name: self._odds(s) for name, s in self.sendings.items()}
        self.held: dict[Source, Array] = {}
        self.within: dict[Source, frozenset[str]] = {}
        self.prior: dict[Source, float] = {}
        self._known: dict[tuple[Source, frozenset[str]], float] = {}
        for holding in holdings(world, RATES):
            if holding.source.kind in _KINDS:
                since = {name: self._day(held.since) for name, held in holding.members.items()}
                self._take(holding.source, holding.hazard, since)

    def _take(self, source: Source, hazard: float, since: Mapping[str, float]) -> None:
        self.held[source] = np.sum([day <= self.times for day in since.values()], axis=0, initial=0.0)
        self.within[source] = frozenset(s.id for s in self.sendings.values() if s.mark <= since.keys())
        self.prior[source] = float(np.log(hazard * self.span / 365.25))

    def in_turn(self, alone: Mapping[Source, float], one: Source, other: Source) -> float:
        """The evidence for two, the second being left what the first cannot explain."""
        return alone[one] + self.log_ratio(other, self.within[other] - self.within[one])

    def log_ratio(self, source: Source, among: frozenset[str]) -> float:
        """The evidence for a leak of one source that is behind some of the sendings, or none."""
        if not self.remembers or (source, among) not in self._known:
            self._known[source, among] = self._ratio(source, among)
        return self._known[source, among]

    def _ratio(self, source: Source, among: frozenset[str]) -> float:
        chosen = sorted(among, key=lambda name: -float(self.odds[name].max()))[:_MOST]
        subsets = np.arange(2 ** len(chosen))[:, None] >> np.arange(len(chosen)) & 1
        parts = [self._nothing(self.held[source])]
        if len(chosen):
            parts.append(self._something(self.held[source], chosen, subsets[1:].astype(float)))
        every = np.concatenate([part.reshape(-1) for part in parts])
        top = every.max()
        return float(top + np.log(np.exp(every - top).sum()))

    def _nothing(self, held: Array) -> Array:
        """No sending is from the leak: the mean over what the dump may hold, by its size."""
        sizes = np.arange(int(held.max()) + 1)
        q, r = _Q[:, None, None, None], _R[:, None, None]
        choose = _log_choose(held[:, None], sizes)
        chance = choose + sizes * np.log(q) + np.maximum(held[:, None] - sizes, 0) * np.log1p(-q)
        unseen = -_MEAN * self.seen[:, None] * (1 - (1 - r) ** sizes)
        return np.asarray(np.log(np.exp(chance + unseen).sum(axis=-1)) + _log_weights() - np.log(_TIMES))

    def _something(self, held: Array, chosen: Sequence[str], subsets: Array) -> Array:
        """Some sendings are: one row for each choice of them."""
        names = sorted(frozenset[str]().union(*(self.sendings[c].mark for c in chosen)))
        marks = np.array([[name in self.sendings[c].mark for name in names] for c in chosen], dtype=float)
        number, hits = subsets.sum(axis=1), subsets @ marks.sum(axis=1)
        union = (subsets @ marks > 0).sum(axis=1)
        n, s, u = (x[:, None, None, None] for x in (number, hits, union))
        q, r = _Q[:, None, None], _R[:, None]
        quiet = np.maximum(held - u, 0)
        with np.errstate(divide="ignore"):
            odds = (subsets @ np.log(np.stack([self.odds[c] for c in chosen])).clip(-1e4))[:, None, None, :]
        met = u * np.log(q) + s * np.log(r) + (n * u - s) * np.log1p(-r)
        hushed = quiet * np.log(1 - q + q * (1 - r) ** n)
        unseen = -_MEAN * self.seen * (1 - (1 - r) ** (u + quiet * q))
        met = np.where(held >= u, met, -np.inf)
        return np.asarray(odds + met + hushed + unseen + _log_weights() - np.log(_TIMES))

    def _odds(self, sending: ObservedSending) -> Array:
        age = self._day(sending.at) - self.times
        density = sum(w / mean * np.exp(-np.maximum(age, 0) / mean) for mean, w in RATES.delays)
        there = _MEAN * np.where(age > 0, density, 0.0)
        return np.asarray(there * np.exp(np.log(sending.crime) - sending.log_rate))

    def _day(self, at: object) -> float:
        return (at - self.start).total_seconds() / 86400  # type: ignore[operator, no-any-return]


def _log_weights() -> Array:
    return np.asarray(np.log(_A / _A.sum())[:, None, None] + np.log(_B / _B.sum())[:, None])


def _over(age: Array) -> Array:
    return np.asarray(sum(w * -np.expm1(-age / mean) for mean, w in RATES.delays))


def _log_choose(n: Array, k: NDArray[np.int_]) -> Array:
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, int(n.max()) + 2)))))
    rest = n.astype(int) - k
    found = logs[n.astype(int)] - logs[k] - logs[np.maximum(rest, 0)]
    return np.where(rest >= 0, found, -np.inf)
