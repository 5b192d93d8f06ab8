"""How likely a choice of sendings is under a leak, whatever was in the dump: the nuisances are summed out here.

A leak at time t puts each held address into the dump with the probability q (coverage), and brings a Poisson number of
sendings with mean N, each at a delay of its own, each meeting every address of the dump with probability r (reach).
Given that there are m sendings in all by now, seen or unseen, addresses are independent of each other: a quiet one
contributes 1 - q + q (1 - r)^m, one that was met j times q r^j (1 - r)^(m - j). That factor of the quiet ones is the
negative evidence. What remains is a sum over m and quadratures over q, r, N and t. Keys are those of `tally`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from canary.attribute.inference.subset_sum import Array, Ints, N, SubsetSums, U, V
from canary.attribute.priors import Rates, Weighted

SENDINGS = 64
"""The most sendings one leak is thought to bring; beyond it the sum over m carries nothing."""

Which = NDArray[np.bool_]

_CERTAIN: Weighted = ((1.0, 1.0),)
_TINY, _LEAST = 1e-300, -200.0
_M = np.arange(SENDINGS + 1)
_LOG_FACTORIAL = np.concatenate(([0.0], np.cumsum(np.log(_M[1:]))))
_NEGLIGIBLE = 30.0
"""What is so many nats below the rest is beyond the precision of the sum."""


@dataclass(frozen=True, slots=True)
class AddressGroup:
    """Units that count alike: so many addresses in each, held with this chance, and how many units at each time."""

    size: int
    p: float
    number: Array


@dataclass(frozen=True, slots=True)
class QuietFactor:
    """What one source's addresses contribute by keeping quiet, for one share of accounts hit and chance of the unlisted.

    `factor` (by time and node) counts everything as quiet, each node divided by its largest value; `logs` (by node) are
    the logarithms of those, with the prior, and of what each listed address, unlisted address, account, sending (none)
    and strike changes in the factor by being met after all. Nodes are those of coverage, reach and m. `weight` is the
    logarithm of the prior of the two assumptions.
    """

    weight: float
    factor: Array
    logs: tuple[Array, Array]


_Part = tuple[Array, Array, tuple[Array, ...]]
"""A factor, the logarithm of what it was divided by, and what being met changes in it."""


class LeakLikelihood:
    """The quadrature of one world: `seen` is the part of a leak's sendings that is over, for each time of the leak."""

    def __init__(self, rates: Rates, seen: Array) -> None:
        """Lay out the nodes of coverage, reach and the number of sendings in all as one axis."""
        # Nodes of equal reach lie together, by m, so that any span of m is one slice of each.
        (q, a), (self._reach, b) = (np.array(pairs).T for pairs in (_normal(rates.coverage), _normal(rates.reach)))
        self._size = len(q)
        self._q = np.tile(q, len(b) * len(_M))
        self._log_prior = np.log(np.outer(np.repeat(b, len(_M)), a).reshape(-1))
        self._missed = np.repeat((1 - self._reach[:, None]) ** _M, len(q))
        self._log_strike = np.repeat(np.log(self._reach / (1 - self._reach)), len(_M) * len(q))
        self._rates, self._seen = rates, seen
        self._weights: dict[int, Array] = {}
        # A further sending that met nobody is never likelier than this many nats above none.
        self._most = max(mean for mean, _ in rates.campaigns)

    def quiet(self, listed: Sequence[AddressGroup], unlisted: Array, *, accounts: bool) -> list[QuietFactor]:
        """Return the quiet factors of what is listed as held, in accounts or not, and of what else may be held."""
        shares = _normal(self._rates.tenants if accounts else _CERTAIN)
        chances = _normal(self._rates.unlisted if unlisted.any() else _CERTAIN)
        surely = [self._listed(listed, share) for share, _ in shares]
        perhaps = [self._unlisted(unlisted, p) for p, _ in chances]
        return [
            QuietFactor(float(np.log(a * b)), one[0] * other[0], self._logs(one, other))
            for (_, a), one in zip(shares, surely, strict=True)
            for (_, b), other in zip(chances, perhaps, strict=True)
            if a * b > 0
        ]

    def _logs(self, surely: "_Part", perhaps: "_Part") -> tuple[Array, Array]:
        changes = [surely[2][0], perhaps[2][0], surely[2][1], np.zeros_like(self._q), self._log_strike]
        return surely[1] + perhaps[1] + self._log_prior, np.stack(changes)

    def _listed(self, listed: Sequence[AddressGroup], share: float) -> "_Part":
        hushed = self._hushed(1.0)
        each = [1 - share + share * self._hushed(a.p) ** a.size for a in listed]
        opened = share * hushed ** min((alike.size for alike in listed), default=1)
        account = np.log(np.maximum(opened / np.maximum(1 - share + opened, _TINY), _TINY))
        met = np.log(np.maximum(self._q * self._missed, _TINY) / hushed)
        return *self._factor([a.number for a in listed], each), (met, account)

    def _unlisted(self, unlisted: Array, p: float) -> "_Part":
        unsure = self._hushed(p)
        met = np.log(np.maximum(p * self._q * self._missed / unsure, _TINY))
        return *self._factor([unlisted] if unlisted.any() else [], [unsure]), (met,)

    def _factor(self, numbers: Sequence[Array], each: Sequence[Array]) -> tuple[Array, Array]:
        """So many of each kept quiet, by time and node: divided by the most of each node, and the logarithm of that."""
        if not numbers:
            return np.ones((len(self._seen), len(self._q))), np.zeros(len(self._q))
        logs = np.stack(numbers, axis=1) @ np.log(np.maximum(np.stack(each), _TINY))
        top = logs.max(axis=0)
        return _exp(logs - top), top

    def weigh(self, quiet: Sequence[QuietFactor], sums: SubsetSums) -> tuple[Array, float]:
        """Return the likelihood ratio of a leak at each time against no leak, divided by a scale, and its logarithm."""
        found = [self._ratio(part, sums) for part in quiet]
        top = max(scale for _, scale in found)
        return np.sum([ratio * np.exp(scale - top) for ratio, scale in found], axis=0), top

    def _ratio(self, part: QuietFactor, sums: SubsetSums) -> tuple[Array, float]:
        groups = [(int(n), np.flatnonzero(sums.keys[:, N] == n)) for n in np.unique(sums.keys[:, N])]
        parts = [(n, rows, *self._met(part, sums, n, rows)) for n, rows in groups]
        top = max(float(best.max()) for *_, best in parts)
        ratio = np.zeros(sums.values.shape[1])
        for n, rows, blocks, best in parts:
            near = best > top - _NEGLIGIBLE
            if near.any():
                ratio += (self._sum(part, n, blocks, near, top) * sums.values[rows[near]].T).sum(axis=1)
        return ratio, top + part.weight

    def _sum(
        self, part: QuietFactor, chosen: int, blocks: "list[tuple[slice, Array]]", near: Which, top: float
    ) -> Array:
        """The sum over the nodes, by time and key."""
        sendings, period = self._sendings(chosen), len(_M) * self._size
        found = np.zeros((len(self._seen), int(near.sum())))
        for nodes, logs in blocks:
            begin = nodes.start % period
            left = part.factor[:, nodes] * sendings[:, begin : begin + nodes.stop - nodes.start]
            found += left @ _exp(logs[near] - top).T
        return found

    def _met(
        self, part: QuietFactor, sums: SubsetSums, chosen: int, rows: Ints
    ) -> "tuple[list[tuple[slice, Array]], Array]":
        """What the addresses met change in the quiet factor (key x node), for each reach, and the most for each key."""
        quiet, changes = part.logs
        keys, scales = sums.keys[rows], sums.logs[rows][:, None]
        # Every address that is met was missed by all sendings but its own: many more of those are out of the question.
        fewest = int((keys[:, U] + keys[:, V]).min())
        blocks = []
        for i, reach in enumerate(self._reach):
            last = min(SENDINGS, chosen + self._beyond(fewest, float(reach)))
            nodes = slice((i * len(_M) + chosen) * self._size, (i * len(_M) + last + 1) * self._size)
            blocks.append((nodes, keys @ changes[:, nodes] + (quiet[nodes] + scales)))
        return blocks, np.max([logs.max(axis=1) for _, logs in blocks], axis=0)

    def _beyond(self, fewest: int, reach: float) -> int:
        """How many sendings there may be that met none of so many addresses at least, which are in the dump."""
        by_missing = (_NEGLIGIBLE + self._most) / max(-fewest * log1p(-reach), _TINY)
        by_number = self._most + 7.5 * sqrt(self._most) + 8
        return int(min(by_missing, by_number)) + 1

    def _hushed(self, p: float) -> Array:
        hushed: Array = 1 - p * self._q * (1 - self._missed)
        return hushed

    def _sendings(self, chosen: int) -> Array:
        """How likely m sendings are by now, so many of them the chosen ones, by time and m.

        Each chosen one brings a factor N (its delay is in the odds); the others lie anywhere in the past.
        """
        if chosen not in self._weights:
            others = _M[chosen:] - chosen
            weights = np.zeros((len(self._seen), SENDINGS + 1))
            total = sum(weight for _, weight in self._rates.campaigns)
            for mean, weight in self._rates.campaigns:
                expected = mean * self._seen[:, None]
                logs = others * np.log(np.maximum(expected, _TINY)) - expected - _LOG_FACTORIAL[others]
                weights[:, chosen:] += weight / total * _exp(logs + chosen * np.log(mean))
            self._weights[chosen] = np.repeat(weights, self._size, axis=1)
        return self._weights[chosen]


def _exp(logs: Array) -> Array:
    """The exponential, never below what products of three can bear: numbers near zero take a processor ages."""
    found: Array = np.exp(np.maximum(logs, _LEAST))
    return found


def _normal(weighted: Weighted) -> Weighted:
    total = sum(weight for _, weight in weighted)
    return tuple((value, weight / total) for value, weight in weighted)
