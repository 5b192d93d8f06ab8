"""How likely a choice of sendings is under a leak, whatever was in the dump: the nuisances are summed out here.

A leak at time t puts each held address into the dump with the probability q (coverage), and brings a Poisson number of
sendings with mean N, each at a delay of its own, each meeting every address of the dump with probability r (reach).
Given that there are m sendings in all by now, seen or unseen, addresses are independent of each other: a quiet one
contributes 1 - q + q (1 - r)^m, one that was met j times q r^j (1 - r)^(m - j). That factor of the quiet ones is the
negative evidence. What remains is a sum over m and quadratures over q, r, N and t. Keys are those of `tally`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canary.attribute.rates import Rates, Weighted
from canary.attribute.tally import Array, Tally

SENDINGS = 64
"""The most sendings one leak is thought to bring; beyond it the sum over m carries nothing."""

_CERTAIN: Weighted = ((1.0, 1.0),)
_TINY = 1e-300
_M = np.arange(SENDINGS + 1)
_LOG_FACTORIAL = np.concatenate(([0.0], np.cumsum(np.log(_M[1:]))))


@dataclass(frozen=True, slots=True)
class Alike:
    """Units that count alike: so many addresses in each, held with this chance, and how many units at each time."""

    size: int
    p: float
    number: Array


@dataclass(frozen=True, slots=True)
class Quiet:
    """What one source's addresses contribute by keeping quiet, for one share of accounts hit and chance of the unlisted.

    `factor` (by time, node and m) counts everything as quiet; `listed`, `unlisted` and `account` are what each such
    address and account changes in it by being met after all; `weight` is the prior of the two assumptions.
    """

    weight: float
    factor: Array
    listed: Array
    unlisted: Array
    account: Array


class Kernel:
    """The quadrature of one world: `seen` is the part of a leak's sendings that is over, for each time of the leak."""

    def __init__(self, rates: Rates, seen: Array) -> None:
        """Lay out the nodes of coverage and reach as one axis, the number of sendings in all as the other."""
        pairs = [(q, r, a * b) for q, a in rates.coverage for r, b in rates.reach]
        self._q, self._r, prior = (np.array(column)[:, None] for column in zip(*pairs, strict=True))
        self._prior = prior / prior.sum()
        self._missed = (1 - self._r) ** _M
        self._rates, self._seen = rates, seen
        self._weights: dict[int, Array] = {}

    def quiet(self, listed: Sequence[Alike], unlisted: Array, *, accounts: bool) -> list[Quiet]:
        """Return the quiet factors of what is listed as held, in accounts or not, and of what else may be held."""
        shares = self._rates.tenants if accounts else _CERTAIN
        chances = self._rates.unlisted if unlisted.any() else _CERTAIN
        return [
            self._quiet(listed, unlisted, (share, p), a * b)
            for share, a in _normal(shares)
            for p, b in _normal(chances)
        ]

    def _quiet(self, listed: Sequence[Alike], unlisted: Array, assumed: tuple[float, float], weight: float) -> Quiet:
        share, p = assumed
        hushed, unsure, held = self._hushed(1.0), self._hushed(p), np.maximum(self._q * self._missed, _TINY)
        logs = unlisted[:, None, None] * np.log(unsure)
        for alike in listed:
            logs = logs + alike.number[:, None, None] * np.log(1 - share + share * self._hushed(alike.p) ** alike.size)
        opened = share * hushed ** min((alike.size for alike in listed), default=1)
        account = np.maximum(opened / (1 - share + opened), _TINY)
        return Quiet(weight, np.exp(logs), held / hushed, np.maximum(p * held / unsure, _TINY), account)

    def weigh(self, quiet: Sequence[Quiet], sums: Tally) -> Array:
        """Return the likelihood ratio of a leak at each time against no leak, but for the scale of the sums."""
        ratio = np.zeros(sums.values.shape[1])
        with np.errstate(under="ignore"):
            for part in quiet:
                met = self._met(part, sums.keys)
                for chosen in np.unique(sums.keys[:, 3]):
                    rows = sums.keys[:, 3] == chosen
                    left = (part.factor * self._sendings(int(chosen))).reshape(len(ratio), -1)
                    ratio += part.weight * ((left @ met[rows].T) * sums.values[rows].T).sum(axis=1)
        return ratio

    def _hushed(self, p: float) -> Array:
        hushed: Array = 1 - p * self._q * (1 - self._missed)
        return hushed

    def _met(self, part: Quiet, keys: NDArray[np.int64]) -> Array:
        """What the addresses met change in the quiet factor, with the prior of each node: key x (node, m)."""
        odds = np.broadcast_to(self._r / (1 - self._r), part.listed.shape)
        logs = np.log(np.stack([part.listed, part.unlisted, part.account, odds])).reshape(4, -1)
        prior = np.broadcast_to(self._prior, part.listed.shape).reshape(-1)
        met: Array = np.exp(keys[:, (0, 1, 2, 4)] @ logs) * prior
        return met

    def _sendings(self, chosen: int) -> Array:
        """How likely m sendings are by now, so many of them the chosen ones, by time and m.

        Each chosen one brings a factor N (its delay is in the odds); the others lie anywhere in the past.
        """
        if chosen not in self._weights:
            others = _M[chosen:] - chosen
            weights = np.zeros((len(self._seen), 1, SENDINGS + 1))
            total = sum(weight for _, weight in self._rates.campaigns)
            for mean, weight in self._rates.campaigns:
                expected = mean * self._seen[:, None]
                logs = others * np.log(np.maximum(expected, 1e-300)) - expected - _LOG_FACTORIAL[others]
                weights[:, 0, chosen:] += weight / total * np.exp(logs + chosen * np.log(mean))
            self._weights[chosen] = weights
        return self._weights[chosen]


def _normal(weighted: Weighted) -> Weighted:
    total = sum(weight for _, weight in weighted)
    return tuple((value, weight / total) for value, weight in weighted)
