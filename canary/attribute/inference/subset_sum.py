"""Which sendings a source's leak could explain: all choices of them, summed up by what the likelihood asks of each.

A choice of sendings counts by a few numbers only, its key: how many addresses it meets that are listed as held (u) and
unlisted (v), in how many accounts (h), by how many sendings (n) and strikes (s). The tally gives for each key the
sum over its choices of the product of their odds, one value for each possible time of the leak. Choices are not listed:
sendings to several addresses are taken one after the other, keeping what they hit as long as it matters; then the
accounts that these met, each with the sendings of its own addresses; then all the others, of which those with a single
sending differ by its odds alone and are summed at once. What cannot matter is dropped on the way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROWS = 300
_NEGLIGIBLE = 46.0
_NOMINAL = 3.5
"""What a strike costs in nats at a usual coverage and reach, so that choices of unequal size can be compared."""

_UNLISTED = 2.5
"""What it costs besides that an address is held which nobody told us of."""

_BLOCKS = 12
_MANY = 4096
_MIXERS = np.array([0x3C6EF372FE94F82B, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179, 0x510E527FADE682D1, 0x6A09E667F3BCC909])
_STATE = np.int64(0x2545F4914F6CDD1D)
"""Odd numbers that spread keys and states over 64 bits, so that equal rows are found by one sort."""

U, V, H, N, S = range(5)


@dataclass(frozen=True, slots=True)
class CandidateSending:
    """A sending that a source may be behind: whom it hit, and its odds at each possible time of the leak.

    The odds are times the exponential of `scale`: chance hardly ever hits many addresses at once.
    """

    mark: frozenset[str]
    odds: Array
    scale: float = 0.0


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address as its holder has it: the chance that he has it if it is listed, and the account it lies in, if any."""

    p: float = 1.0
    tenant: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class SubsetSums:
    """The keys as rows (u, v, h, n, s), the values by key and time, and the logarithm of what each row was divided by."""

    keys: Ints
    values: Array
    logs: Array


def subset_sums(
    choices: Sequence[CandidateSending], members: Mapping[str, HeldAddress], times: int, most: int
) -> SubsetSums:
    """Sum over all choices of at most `most` sendings; every mark lies within the members."""
    rows = _Summing(choices, members, times, most).result()
    return SubsetSums(rows.keys, rows.values, rows.logs)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Part of a table: keys, what is hit of the addresses still to come, values of at most 1 and their scales."""

    keys: Ints
    states: Ints
    values: Array
    logs: Array

    def worth(self) -> Array:
        """How much each row may matter, in nats."""
        worth: Array = self.logs - _NOMINAL * self.keys[:, S] - _UNLISTED * self.keys[:, V]
        return worth

    def some(self, which: "Ints | NDArray[np.bool_]") -> "_Rows":
        """Return some of the rows."""
        return _Rows(self.keys[which], self.states[which], self.values[which], self.logs[which])

    def merged(self) -> "_Rows":
        """Return the rows with those of equal key and state added up."""
        codes = self.keys @ _MIXERS + self.states * _STATE
        order = np.argsort(codes, kind="stable")
        fresh = np.concatenate(([True], np.diff(codes[order]) != 0))
        if fresh.all():
            return self
        starts = np.flatnonzero(fresh)
        top = np.maximum.reduceat(self.logs[order], starts)
        shares = np.exp(self.logs[order] - top[np.cumsum(fresh) - 1])
        values = np.add.reduceat(self.values[order] * shares[:, None], starts, axis=0)
        first = order[starts]
        return _scaled(self.keys[first], self.states[first], values, top)

    def kept(self) -> "_Rows":
        """Return the rows that may matter and, beyond a number, the most of them."""
        worth = self.worth()
        least = worth.max() - _NEGLIGIBLE
        if len(worth) > _ROWS:
            least = max(least, float(np.partition(worth, -_ROWS)[-_ROWS]))
        return self if worth.min() >= least else self.some(worth >= least)

    def times(self, other: "_Rows", most: int) -> "_Rows":
        """Return the product with a table without states, of at most so many sendings."""
        i, j = np.divmod(np.arange(len(self.logs) * len(other.logs)), len(other.logs))
        few = self.keys[i, N] + other.keys[j, N] <= most
        i, j = i[few], j[few]
        if len(i) > _MANY:
            hopeful = self._hopeful(other, i, j)
            i, j = i[hopeful], j[hopeful]
        values = self.values[i] * other.values[j]
        return _scaled(self.keys[i] + other.keys[j], self.states[i], values, self.logs[i] + other.logs[j]).merged()

    def _hopeful(self, other: "_Rows", i: Ints, j: Ints) -> Ints:
        """The products that may matter most, by what they can come to at best in each stretch of time."""
        starts = np.unique(np.linspace(0, self.values.shape[1], _BLOCKS, endpoint=False).astype(int))
        best, others = (np.maximum.reduceat(rows.values, starts, axis=1) for rows in (self, other))
        with np.errstate(divide="ignore"):
            worth = self.worth()[i] + other.worth()[j] + np.log((best[i] * others[j]).max(axis=1))
        return np.argpartition(worth, -_MANY)[-_MANY:]


def _scaled(keys: Ints, states: Ints, values: Array, logs: Array) -> _Rows:
    """Bring every row to a largest value of 1; what is nowhere possible is left out."""
    top = values.max(axis=1)
    there = top > 0
    if not there.all():
        keys, states, values, logs, top = keys[there], states[there], values[there], logs[there], top[there]
    return _Rows(keys, states, values / top[:, None], logs + np.log(top))


def _joined(parts: Iterable[_Rows]) -> _Rows:
    every = list(parts)
    if len(every) == 1:
        return every[0]
    return _Rows(
        np.concatenate([r.keys for r in every]),
        np.concatenate([r.states for r in every]),
        np.concatenate([r.values for r in every]),
        np.concatenate([r.logs for r in every]),
    )


@dataclass(frozen=True, slots=True)
class _Hit:
    """What is hit already of what may be met again: addresses and accounts, as bits."""

    addresses: int = 0
    accounts: int = 0

    def of(self, other: "_Hit") -> "_Hit":
        """Return what is hit within the other."""
        return _Hit(self.addresses & other.addresses, self.accounts & other.accounts)

    def but(self, other: "_Hit") -> "_Hit":
        """Return what is hit outside of the other."""
        return _Hit(self.addresses & ~other.addresses, self.accounts & ~other.accounts)

    def with_(self, other: "_Hit") -> "_Hit":
        """Return what is hit by either."""
        return _Hit(self.addresses | other.addresses, self.accounts | other.accounts)


class _Summing:
    """One sum under way."""

    def __init__(
        self, choices: Sequence[CandidateSending], members: Mapping[str, HeldAddress], times: int, most: int
    ) -> None:
        self.members, self.most, self.one = members, most, np.ones((1, times))
        self.wide = sorted((c for c in choices if len(c.mark) > 1), key=lambda c: -c.scale)
        self.own: dict[str, list[CandidateSending]] = {}
        for choice in choices:
            if len(choice.mark) == 1:
                self.own.setdefault(next(iter(choice.mark)), []).append(choice)
        met = frozenset[str]().union(*(c.mark for c in self.wide))
        self.bits = {name: 1 << i for i, name in enumerate(sorted(met | self.own.keys()))}
        tenants = sorted({members[name].tenant for name in self.bits} - {""})
        self.accounts = {tenant: 1 << i for i, tenant in enumerate(tenants)}
        self.hits, self.number = [_Hit()], {_Hit(): 0}

    def result(self) -> _Rows:
        """Take the sendings to several addresses, the accounts that these meet, and then the others."""
        rows = self._wide()
        met = self._hit(name for c in self.wide for name in c.mark)
        lonely = []
        for group in self._groups():
            mine = self._hit(group)
            if mine.of(met) == _Hit():
                lonely.append(group)
            else:
                rows = self._met(rows, group, mine)
        for table in self._lonely(lonely):
            rows = rows.times(table, self.most).kept()
        return rows

    def _hit(self, names: Iterable[str]) -> _Hit:
        addresses = accounts = 0
        for name in names:
            addresses |= self.bits[name]
            accounts |= self.accounts.get(self.members[name].tenant, 0)
        return _Hit(addresses, accounts)

    def _known(self, hit: _Hit) -> int:
        if hit not in self.number:
            self.number[hit] = len(self.hits)
            self.hits.append(hit)
        return self.number[hit]

    def _table(self, keys: Sequence[Sequence[int]], values: Array, logs: NDArray[np.floating]) -> _Rows:
        logs64 = logs.astype(np.float64)
        return _scaled(np.array(keys, dtype=np.int64), np.zeros(len(keys), dtype=np.int64), values, logs64)

    def _nothing(self) -> _Rows:
        return self._table([[0, 0, 0, 0, 0]], self.one, np.zeros(1))

    def _wide(self) -> _Rows:
        """Choose among the sendings to several addresses."""
        rows = self._nothing()
        marks = [self._hit(c.mark) for c in self.wide]
        later = list(accumulate(reversed(marks), _Hit.with_, initial=self._hit(self.own)))[-2::-1]
        for choice, mark, to_come in zip(self.wide, marks, later, strict=True):
            states, where = np.unique(rows.states, return_inverse=True)
            hits = [self.hits[state] for state in states]
            news = [mark.but(hit) for hit in hits]
            steps, weights = zip(*(self._step(choice, new) for new in news), strict=True)
            left = np.array([self._known(hit.of(to_come)) for hit in hits])
            grown = np.array([self._known(hit.with_(mark).of(to_come)) for hit in hits])
            chosen = _scaled(
                rows.keys + np.array(steps)[where],
                grown[where],
                rows.values * choice.odds,
                rows.logs + choice.scale + np.array(weights)[where],
            )
            few = chosen.keys[:, N] <= self.most
            rows = _joined((replace(rows, states=left[where]), chosen.some(few))).merged().kept()
        return rows

    def _step(self, choice: CandidateSending, new: _Hit) -> tuple[tuple[int, ...], float]:
        """What a sending adds to a key, and the logarithm of the chance that its holder has what is new."""
        names = [name for name in choice.mark if self.bits[name] & new.addresses]
        listed = sum(self.members[name].listed for name in names)
        weight = float(sum(np.log(max(p, 1e-300)) for name in names if (p := self.members[name].p) != 1))
        return (listed, len(names) - listed, new.accounts.bit_count(), 1, len(choice.mark)), weight

    def _groups(self) -> list[list[str]]:
        """The addresses with sendings of their own, by account."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self.own):
            groups.setdefault(self.members[name].tenant or f"\0{name}", []).append(name)
        return list(groups.values())

    def _met(self, rows: _Rows, group: list[str], mine: _Hit) -> _Rows:
        """Choose among the sendings of an account that others may have met, and forget what was hit in it."""
        states, where = np.unique(rows.states, return_inverse=True)
        within = [self.hits[state].of(mine) for state in states]
        left = np.array([self._known(self.hits[state].but(mine)) for state in states])
        rows = replace(rows, states=left[where])
        kinds = list(dict.fromkeys(within))
        kind = np.array([kinds.index(hit) for hit in within])[where]
        grown = [rows.some(kind == i).times(self._account(group, hit), self.most) for i, hit in enumerate(kinds)]
        return _joined(grown).merged().kept()

    def _account(self, group: Sequence[str], hit: _Hit) -> _Rows:
        """The choices among an account's own sendings, given what is hit of it anyway."""
        rows = self._nothing()
        for name in group:
            rows = rows.times(self._address(name, fresh=not self.bits[name] & hit.addresses), self.most).kept()
        if hit.accounts or not self.members[group[0]].tenant:
            return rows
        return replace(rows, keys=rows.keys + (rows.keys[:, N] > 0)[:, None] * np.eye(5, dtype=np.int64)[H])

    def _address(self, name: str, *, fresh: bool) -> _Rows:
        """How the sendings of one address can be chosen."""
        member = self.members[name]
        u, v, weight = (int(member.listed), int(not member.listed), member.p) if fresh else (0, 0, 1.0)
        sums, scale = self._symmetric(self.own[name])
        keys = [(u, v, 0, j, j) if j else (0, 0, 0, 0, 0) for j in range(len(sums))]
        numbers = np.arange(len(sums))
        logs = scale * numbers + np.where(numbers > 0, float(np.log(max(weight, 1e-300))), 0.0)
        return self._table(keys, sums, logs)

    def _symmetric(self, choices: Sequence[CandidateSending], weights: Sequence[float] = ()) -> tuple[Array, float]:
        """The elementary symmetric sums: choosing so many of some sendings; each is divided by a scale."""
        scale = max(c.scale for c in choices)
        sums = np.zeros((min(len(choices), self.most) + 1, self.one.shape[1]))
        sums[0] = 1.0
        for choice, weight in zip(choices, weights or [1.0] * len(choices), strict=True):
            sums[1:] += sums[:-1] * (choice.odds * (weight * np.exp(choice.scale - scale)))
        return sums, scale

    def _lonely(self, groups: Sequence[Sequence[str]]) -> Iterator[_Rows]:
        """Yield the tables of the accounts that nothing else meets; all with a single sending make but few tables."""
        single: dict[tuple[int, ...], list[str]] = {}
        for group in groups:
            if len(group) > 1 or len(self.own[group[0]]) > 1:
                yield self._account(group, _Hit())
            else:
                member = self.members[group[0]]
                kind = int(member.listed), int(not member.listed), int(bool(member.tenant)), 1, 1
                single.setdefault(kind, []).append(group[0])
        for step, names in single.items():
            sums, scale = self._symmetric([self.own[n][0] for n in names], [self.members[n].p for n in names])
            numbers = np.arange(len(sums))
            yield self._table((numbers[:, None] * np.array(step)).tolist(), sums, scale * numbers).kept()
