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
class QuietFactors:
    """What one source's addresses contribute by staying quiet, by node (reach and m) and case.

    A case is a share of accounts hit, a chance of the unlisted and a coverage. `factor` (by node, row and case) counts
    everything as quiet, each node and case divided by its largest value; times at which the source holds as many
    addresses are one row, and `rows` is that of each time. `logs` (by node and case) are the logarithms of what was
    divided by, with the prior; `changes` (by node, case and part of the key) are what each listed address, unlisted
    address, account, sending (none) and hit changes in them by not being quiet after all.
    """

    factor: Array
    rows: Ints
    logs: Array
    changes: Array


@dataclass(frozen=True, slots=True)
class _Block:
    """The nodes of one reach, as a slice, and the logarithm of each key's weight by node and case as one axis."""

    nodes: slice
    logs: Array


class LeakLikelihood:
    """The quadrature of one world: `share_sent` is the part of a leak's sendings that is over, for each time of it."""

    def __init__(self, rates: Rates, share_sent: Array) -> None:
        """Lay out the nodes of reach and the number of sendings in all as one axis, and coverage as another."""
        # Nodes of equal reach lie together, by m, so that any span of m is one slice of each.
        (self._q, a), (reach, b) = (
            np.array(pairs).T for pairs in (_normalised(rates.coverage), _normalised(rates.reach))
        )
        self._reach = reach
        self._log_prior = np.log(np.outer(np.repeat(b, len(_M)), a))
        self._miss_chance = ((1 - reach[:, None]) ** _M).reshape(-1, 1)
        self._log_hit_odds = np.repeat(np.log(reach / (1 - reach)), len(_M))
        self._rates, self._share_sent = rates, share_sent
        self._count_weights: dict[int, Array] = {}
        # A further sending that met nobody is never likelier than this many nats above none.
        self._largest_mean = max(mean for mean, _ in rates.campaigns)

    def quiet_factors(self, listed: Sequence[AddressGroup], unlisted: Array, *, accounts: bool) -> QuietFactors:
        """Return the quiet factors of what is listed as held, in accounts or not, and of what else may be held."""
        listed = listed or (AddressGroup(1, 0.0, np.zeros_like(unlisted)),)
        shares = _normalised(self._rates.tenants if accounts else _CERTAIN)
        chances = _normalised(_unlisted_chances(self._rates, listed, unlisted) if unlisted.any() else _CERTAIN)
        (share, a), (p, b) = (np.array(pairs).T for pairs in (shares, chances))
        held = np.stack([*(group.number for group in listed), unlisted], axis=1)
        numbers, rows = np.unique(held, axis=0, return_inverse=True)
        # The axes are nodes, shares, chances and coverages.
        share, p = share[:, None, None], p[:, None]
        quiet = [1 - share + share * self._quiet_chance(group.p) ** group.size for group in listed]
        each = np.broadcast_arrays(*quiet, self._quiet_chance(p))
        nodes = len(self._miss_chance)
        stay_quiet = np.stack([_log(chance).reshape(nodes, -1) for chance in each], axis=1)
        least = numbers[numbers.sum(axis=1).argmin()]
        counted, top = (numbers - least) @ stay_quiet, least @ stay_quiet
        if (numbers < least).any():  # at some times it holds more of some and fewer of others
            most = counted.max(axis=1)
            counted -= most[:, None]
            top += most
        priors = np.log(np.outer(a, b))[:, :, None] + self._log_prior[:, None, None]
        return QuietFactors(
            _exp(counted, out=counted),
            rows.reshape(-1),
            top + priors.reshape(nodes, -1),
            self._changes(share, p, min(group.size for group in listed)),
        )

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
        by_node = np.tile(np.repeat(self._weights_of_counts(0), len(self._q), axis=1), len(self._reach)).T
        distinct, where = np.unique(numbers, return_inverse=True)
        quiet, prior = _log(self._quiet_chance(1.0)).reshape(-1), self._log_prior.reshape(-1)
        values, logs = np.empty((len(distinct), len(self._share_sent))), np.empty(len(distinct))
        for first in range(0, len(distinct), _AT_A_TIME):
            part = slice(first, first + _AT_A_TIME)
            nodes = distinct[part, None] * quiet + prior
            logs[part] = nodes.max(axis=1)
            values[part] = _exp(nodes - logs[part, None]) @ by_node
        where = where.reshape(numbers.shape)
        each = logs[where]
        top = each.max(axis=1)
        return values[where, np.arange(numbers.shape[1])] * _exp(each - top[:, None]), top

    def _changes(self, share: Array, p: Array, size: int) -> Array:
        """What each thing that was hit after all adds, by node, case and part of the key."""
        quiet, hit = self._quiet_chance(1.0), (self._q * self._miss_chance)[:, None, None]
        account = share * quiet**size
        parts = ChoiceKey(
            listed=_log(hit) - np.log(quiet),
            unlisted=_log(p * hit / self._quiet_chance(p)),
            accounts=_log(account / np.maximum(1 - share + account, _SMALLEST)),
            sendings=np.zeros(1),
            hits=self._log_hit_odds[:, None, None, None],
        )
        return np.stack([each.reshape(len(hit), -1) for each in np.broadcast_arrays(*parts)], axis=2)

    def _quiet_chance(self, p: Array | float) -> Array:
        """How likely an address stays quiet that is held with each chance, by node, share (one), chance and coverage."""
        chance: Array = 1 - p * (self._q * (1 - self._miss_chance))[:, None, None]
        return chance

    def key_bounds(self, quiet: QuietFactors, keys: Ints) -> Array:
        """Return the most that each key weighs at any node, as a logarithm; all keys are of as many sendings."""
        most: Array = np.max([block.logs.max(axis=1) for block in self._blocks(quiet, keys)], axis=0)
        return most

    def key_values(self, quiet: QuietFactors, keys: Ints, bounds: Array) -> Array:
        """Return what each key weighs by time, divided by the exponential of its bound."""
        weights = self._weights_of_counts(int(keys[0, COLUMN.sendings]))
        total = np.zeros((len(self._share_sent), len(keys)))
        for block in self._blocks(quiet, keys):
            begin = block.nodes.start % len(_M)
            counts = weights.T[begin : begin + block.nodes.stop - block.nodes.start]
            by_key = _exp(block.logs - bounds[:, None]).reshape(len(keys), len(counts), -1)
            by_row = quiet.factor[block.nodes] @ by_key.transpose(1, 2, 0)
            total += np.einsum("mt,mtk->tk", counts, by_row[:, quiet.rows])
        return np.ascontiguousarray(total.T)

    def _blocks(self, quiet: QuietFactors, keys: Ints) -> Iterator[_Block]:
        """Yield the logarithm of each key's weight at each node and in each case, reach by reach."""
        # Every address that is hit was missed by all sendings but its own: many more of those are out of the question.
        chosen, parts = int(keys[0, COLUMN.sendings]), keys.astype(float)
        fewest = int((keys[:, COLUMN.listed] + keys[:, COLUMN.unlisted]).min())
        for i, reach in enumerate(self._reach):
            last = min(MAX_SENDINGS, chosen + self._most_unseen(fewest, float(reach)))
            nodes = slice(i * len(_M) + chosen, i * len(_M) + last + 1)
            changes = quiet.changes[nodes].reshape(-1, len(COLUMN))
            yield _Block(nodes, parts @ changes.T + quiet.logs[nodes].reshape(-1))

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
                logs = others * _log(expected) - expected - _LOG_FACTORIAL[others]
                weights[:, chosen:] += weight / total * _exp(logs + chosen * np.log(mean))
            self._count_weights[chosen] = weights
        return self._count_weights[chosen]


class KeyWeights:
    """What keys weigh for one source's addresses, by time, remembered: most choices of sendings share their keys.

    The quiet factors are large, and are asked for only when there is a key that is not known.
    """

    def __init__(self, likelihood: LeakLikelihood, quiet_factors: Callable[[], QuietFactors]) -> None:
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


def _log(values: Array) -> Array:
    """The logarithm, of what is nearly nothing a large negative number."""
    logs: Array = np.log(np.maximum(values, _SMALLEST))
    return logs


def _exp(logs: Array, out: Array | None = None) -> Array:
    """The exponential, never below what products of three can bear: numbers near zero take a processor ages."""
    bounded = np.maximum(logs, _LOG_FLOOR, out=out)
    values: Array = np.exp(bounded, out=bounded)
    return values


def _unlisted_chances(rates: Rates, listed: Sequence[AddressGroup], unlisted: Array) -> Weighted:
    """The chances that an unlisted address is held all the same: a map does not miss many times what it lists."""
    known = sum(group.size * float(group.number.max()) for group in listed)
    part = min(1.0, _MISSED * known / float(unlisted.max()))
    return tuple((p * part, weight) for p, weight in rates.unlisted)


def _normalised(weighted: Weighted) -> Weighted:
    total = sum(weight for _, weight in weighted)
    return tuple((value, weight / total) for value, weight in weighted if weight > 0)
