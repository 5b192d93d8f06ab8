"""How likely a choice of sendings is under a leak, whatever was in the dump: the nuisances are summed out here.

A leak at time t puts each held address into the dump with the probability q (coverage), and brings a Poisson number of
sendings with mean N, each at a delay of its own, each meeting every address of the dump with probability r (reach).
Given that there are m sendings in all by now, seen or unseen, addresses are independent of each other: a quiet one
contributes 1 - q + q (1 - r)^m, one that was hit j times q r^j (1 - r)^(m - j). That factor of the quiet ones is the
negative evidence. What remains is a sum over m and quadratures over q, r, N and t. The symbols are those of
docs/mathematics.md, section 3.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p, sqrt

import numpy as np

from canary.attribute.inference.subset_sum import COLUMN, Array, ChoiceKey, Ints, SubsetSums
from canary.attribute.priors import Rates, Weighted

MAX_SENDINGS = 64
"""The most sendings one leak is thought to bring; beyond it the sum over m carries nothing."""

_CERTAIN: Weighted = ((1.0, 1.0),)
_SMALLEST, _LOG_FLOOR = 1e-300, -200.0
_M = np.arange(MAX_SENDINGS + 1)
_LOG_FACTORIAL = np.concatenate(([0.0], np.cumsum(np.log(_M[1:]))))
_NEGLIGIBLE = 30.0
"""What is so many nats below the rest is beyond the precision of the sum: 5,000 such keys are 5e-10 of it."""

_REMEMBERED = 2000
"""The keys remembered for one source's addresses; each takes half a kilobyte."""

_AT_A_TIME = 500
"""The numbers of addresses worked out together; each takes ten kilobytes meanwhile."""


_MISSED = 3.0
"""An unlisted address is held with the chances assumed where it is one of at most so many for each that is listed."""


@dataclass(frozen=True, slots=True)
class AddressGroup:
    """Units that count alike: so many addresses in each, held with this chance, and how many units at each time."""

    size: int
    p: float
    number: Array


@dataclass(frozen=True, slots=True)
class QuietFactor:
    """What one source's addresses contribute by staying quiet, for one share of accounts hit and chance of the unlisted.

    `factor` (by time and node) counts everything as quiet, each node divided by its largest value; `node_logs` are the
    logarithms of those, with the prior; `changes` (by part of the key and node) are what each listed address, unlisted
    address, account, sending (none) and hit changes in it by not being quiet after all. Nodes are those of coverage,
    reach and m. `log_prior` is that of the two assumptions.
    """

    log_prior: float
    factor: Array
    node_logs: Array
    changes: Array


@dataclass(frozen=True, slots=True)
class _QuietPart:
    """The quiet factor of the listed addresses or of the others, by time and node.

    `logs` are the logarithms of what each node was divided by; `changes` are, by part of the key, what is added to the
    logarithm of the factor for each thing of that kind that was hit after all.
    """

    factor: Array
    logs: Array
    changes: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class _Block:
    """The nodes of one reach, as a slice, and the logarithm of each key's weight at each of them."""

    nodes: slice
    logs: Array


class LeakLikelihood:
    """The quadrature of one world: `share_sent` is the part of a leak's sendings that is over, for each time of it."""

    def __init__(self, rates: Rates, share_sent: Array) -> None:
        """Lay out the nodes of coverage, reach and the number of sendings in all as one axis."""
        # Nodes of equal reach lie together, by m, so that any span of m is one slice of each.
        (q, a), (reach, b) = (np.array(pairs).T for pairs in (_normalised(rates.coverage), _normalised(rates.reach)))
        self._reach, self._coverages = reach, len(q)
        self._q = np.tile(q, len(b) * len(_M))
        self._log_prior = np.log(np.outer(np.repeat(b, len(_M)), a).reshape(-1))
        self._miss_chance = np.repeat((1 - reach[:, None]) ** _M, len(q))
        self._log_hit_odds = np.repeat(np.log(reach / (1 - reach)), len(_M) * len(q))
        self._rates, self._share_sent = rates, share_sent
        self._count_weights: dict[int, Array] = {}
        # A further sending that met nobody is never likelier than this many nats above none.
        self._largest_mean = max(mean for mean, _ in rates.campaigns)

    def quiet_factors(self, listed: Sequence[AddressGroup], unlisted: Array, *, accounts: bool) -> list[QuietFactor]:
        """Return the quiet factors of what is listed as held, in accounts or not, and of what else may be held."""
        shares = _normalised(self._rates.tenants if accounts else _CERTAIN)
        chances = _normalised(_unlisted_chances(self._rates, listed, unlisted) if unlisted.any() else _CERTAIN)
        listed_parts = [self._listed_part(listed, share) for share, _ in shares]
        unlisted_parts = [self._unlisted_part(unlisted, p) for p, _ in chances]
        return [
            self._quiet_factor(float(np.log(a * b)), one, other)
            for (_, a), one in zip(shares, listed_parts, strict=True)
            for (_, b), other in zip(chances, unlisted_parts, strict=True)
            if a * b > 0
        ]

    def likelihood_ratio(self, weights: "KeyWeights", sums: SubsetSums) -> tuple[Array, float]:
        """Return the likelihood ratio of a leak at each time against no leak, divided by a scale, and its logarithm."""
        keys = [tuple(key) for key in sums.keys.tolist()]
        bounds = weights.bounds(keys, sums.keys) + sums.logs
        top = float(bounds.max())
        relevant = np.flatnonzero(bounds > top - _NEGLIGIBLE)
        values = weights.values([keys[i] for i in relevant], sums.keys[relevant])
        return np.exp(bounds[relevant] - top) @ (values * sums.values[relevant]), top

    def nothing_chosen(self, numbers: Array) -> tuple[Array, Array]:
        """Return the same for no sending at all, by source and time, and the logarithm of what each is divided by.

        `numbers` are how many addresses each source surely holds at each time. They are few: each is worked out once.
        """
        distinct, where = np.unique(numbers, return_inverse=True)
        weights, quiet = self._weights_of_counts(0), np.log(np.maximum(self._quiet_chance(1.0), _SMALLEST))
        values, logs = np.empty((len(distinct), len(self._share_sent))), np.empty(len(distinct))
        for first in range(0, len(distinct), _AT_A_TIME):
            part = slice(first, first + _AT_A_TIME)
            nodes = distinct[part, None] * quiet + self._log_prior
            logs[part] = nodes.max(axis=1)
            values[part] = _exp(nodes - logs[part, None]) @ np.tile(weights, len(self._reach)).T
        where = where.reshape(numbers.shape)
        each = logs[where]
        top = each.max(axis=1)
        return values[where, np.arange(numbers.shape[1])] * _exp(each - top[:, None]), top

    def _quiet_factor(self, log_prior: float, listed: _QuietPart, unlisted: _QuietPart) -> QuietFactor:
        changes = ChoiceKey(
            **listed.changes, **unlisted.changes, sendings=np.zeros_like(self._q), hits=self._log_hit_odds
        )
        logs = listed.logs + unlisted.logs + self._log_prior
        return QuietFactor(log_prior, listed.factor * unlisted.factor, logs, np.stack(changes))

    def _listed_part(self, listed: Sequence[AddressGroup], share: float) -> _QuietPart:
        each = [1 - share + share * self._quiet_chance(group.p) ** group.size for group in listed]
        factor, logs = self._quiet_product([group.number for group in listed], each)
        quiet = self._quiet_chance(1.0)
        account = share * quiet ** min((group.size for group in listed), default=1)
        changes = {
            "listed": np.log(np.maximum(self._q * self._miss_chance, _SMALLEST) / quiet),
            "accounts": np.log(np.maximum(account / np.maximum(1 - share + account, _SMALLEST), _SMALLEST)),
        }
        return _QuietPart(factor, logs, changes)

    def _unlisted_part(self, unlisted: Array, p: float) -> _QuietPart:
        quiet = self._quiet_chance(p)
        factor, logs = self._quiet_product([unlisted] if unlisted.any() else [], [quiet])
        hit = np.log(np.maximum(p * self._q * self._miss_chance / quiet, _SMALLEST))
        return _QuietPart(factor, logs, {"unlisted": hit})

    def _quiet_product(self, numbers: Sequence[Array], each: Sequence[Array]) -> tuple[Array, Array]:
        """So many of each stay quiet, by time and node: divided by the most of each node, and the logarithm of that."""
        if not numbers:
            return np.ones((len(self._share_sent), len(self._q))), np.zeros(len(self._q))
        logs = np.stack(numbers, axis=1) @ np.log(np.maximum(np.stack(each), _SMALLEST))
        top = logs.max(axis=0)
        return _exp(logs - top), top

    def _quiet_chance(self, p: float) -> Array:
        """How likely an address stays quiet that is held with the chance p, by node."""
        chance: Array = 1 - p * self._q * (1 - self._miss_chance)
        return chance

    def key_bounds(self, quiet: Sequence[QuietFactor], keys: Ints) -> Array:
        """Return the most that each key weighs at any node, as a logarithm; all keys are of as many sendings."""
        blocks = [(each, block) for each in quiet for block in self._blocks(each, keys)]
        most: Array = np.max([block.logs.max(axis=1) + each.log_prior for each, block in blocks], axis=0)
        return most

    def key_values(self, quiet: Sequence[QuietFactor], keys: Ints, bounds: Array) -> Array:
        """Return what each key weighs by time, divided by the exponential of its bound."""
        weights, period = self._weights_of_counts(int(keys[0, COLUMN.sendings])), len(_M) * self._coverages
        total = np.zeros((len(self._share_sent), len(keys)))
        for each in quiet:
            for block in self._blocks(each, keys):
                nodes, begin = block.nodes, block.nodes.start % period
                left = each.factor[:, nodes] * weights[:, begin : begin + nodes.stop - nodes.start]
                total += left @ _exp(block.logs + (each.log_prior - bounds)[:, None]).T
        return np.ascontiguousarray(total.T)

    def _blocks(self, quiet: QuietFactor, keys: Ints) -> Iterator[_Block]:
        """Yield the logarithm of each key's weight at each node, reach by reach."""
        # Every address that is hit was missed by all sendings but its own: many more of those are out of the question.
        chosen = int(keys[0, COLUMN.sendings])
        fewest = int((keys[:, COLUMN.listed] + keys[:, COLUMN.unlisted]).min())
        for i, reach in enumerate(self._reach):
            last = min(MAX_SENDINGS, chosen + self._most_unseen(fewest, float(reach)))
            nodes = slice((i * len(_M) + chosen) * self._coverages, (i * len(_M) + last + 1) * self._coverages)
            yield _Block(nodes, keys @ quiet.changes[:, nodes] + quiet.node_logs[nodes])

    def _most_unseen(self, fewest: int, reach: float) -> int:
        """How many sendings there may be that met none of so many addresses at least, which are in the dump."""
        by_missing = (_NEGLIGIBLE + self._largest_mean) / max(-fewest * log1p(-reach), _SMALLEST)
        by_number = self._largest_mean + 7.5 * sqrt(self._largest_mean) + 8
        return int(min(by_missing, by_number)) + 1

    def _weights_of_counts(self, chosen: int) -> Array:
        """How likely m sendings are by now, so many of them the chosen ones, by time and m.

        Each chosen one brings a factor N (its delay is in the odds); the others lie anywhere in the past.
        """
        if chosen not in self._count_weights:
            others = _M[chosen:] - chosen
            weights = np.zeros((len(self._share_sent), MAX_SENDINGS + 1))
            total = sum(weight for _, weight in self._rates.campaigns)
            for mean, weight in self._rates.campaigns:
                expected = mean * self._share_sent[:, None]
                logs = others * np.log(np.maximum(expected, _SMALLEST)) - expected - _LOG_FACTORIAL[others]
                weights[:, chosen:] += weight / total * _exp(logs + chosen * np.log(mean))
            self._count_weights[chosen] = np.repeat(weights, self._coverages, axis=1)
        return self._count_weights[chosen]


class KeyWeights:
    """What keys weigh for one source's addresses, by time, remembered: most choices of sendings share their keys.

    The quiet factors are large, and are asked for only when there is a key that is not known.
    """

    def __init__(self, likelihood: LeakLikelihood, quiet_factors: Callable[[], Sequence[QuietFactor]]) -> None:
        """Know no key yet."""
        self._likelihood, self._quiet_factors = likelihood, quiet_factors
        self._bounds: dict[tuple[int, ...], float] = {}
        self._values: dict[tuple[int, ...], Array] = {}

    def bounds(self, keys: Sequence[tuple[int, ...]], rows: Ints) -> Array:
        """Return the most that each key weighs at any time, as a logarithm; keys also come as rows of an array."""
        if len(self._bounds) > _REMEMBERED:
            self._bounds, self._values = {}, {}
        for some in _of_equal_number(keys, rows, self._bounds):
            found = self._likelihood.key_bounds(self._quiet_factors(), rows[some])
            self._bounds.update(zip((keys[i] for i in some), found.tolist(), strict=True))
        return np.array([self._bounds[key] for key in keys])

    def values(self, keys: Sequence[tuple[int, ...]], rows: Ints) -> Array:
        """Return what each key weighs by time, divided by the exponential of its bound, which was asked for before."""
        for some in _of_equal_number(keys, rows, self._values):
            bounds = np.array([self._bounds[keys[i]] for i in some])
            found = self._likelihood.key_values(self._quiet_factors(), rows[some], bounds)
            self._values.update(zip((keys[i] for i in some), found, strict=True))
        return np.stack([self._values[key] for key in keys])


def _of_equal_number(
    keys: Sequence[tuple[int, ...]], rows: Ints, remembered: Mapping[tuple[int, ...], object]
) -> Iterator[Ints]:
    """Yield the keys that are not remembered, by their places, those of as many sendings together."""
    missing = np.array([i for i, key in enumerate(keys) if key not in remembered], dtype=np.int64)
    sendings = rows[missing, COLUMN.sendings]
    return (missing[sendings == number] for number in np.unique(sendings))


def _exp(logs: Array) -> Array:
    """The exponential, never below what products of three can bear: numbers near zero take a processor ages."""
    values: Array = np.exp(np.maximum(logs, _LOG_FLOOR))
    return values


def _unlisted_chances(rates: Rates, listed: Sequence[AddressGroup], unlisted: Array) -> Weighted:
    """The chances that an unlisted address is held all the same: a map does not miss many times what it lists."""
    known = sum(group.size * float(group.number.max()) for group in listed)
    part = min(1.0, _MISSED * known / float(unlisted.max()))
    return tuple((p * part, weight) for p, weight in rates.unlisted)


def _normalised(weighted: Weighted) -> Weighted:
    total = sum(weight for _, weight in weighted)
    return tuple((value, weight / total) for value, weight in weighted)
