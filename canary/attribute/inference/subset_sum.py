"""Which sendings a source's leak could explain: all choices of them, summed up by what the likelihood asks of each.

A choice of sendings counts by five numbers only, its key (`ChoiceKey`). The result gives for each key the sum over its
choices of the product of their odds, one value for each possible time of the leak. Choices are not listed: sendings to
several addresses are taken one after the other, and what they hit is remembered as long as it matters; then come the
accounts that these met, each with the sendings of its own addresses; then all the others, of which those with a single
sending differ by its odds alone and are summed at once. What cannot matter is dropped on the way. The symbols are those
of docs/mathematics.md, section 4.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Count = TypeVar("Count")

_ROWS = 300
"""The rows kept at each step, by what they weigh at usual rates; error: docs/mathematics.md, section 6."""

_NEGLIGIBLE = 46.0
"""Nats below the heaviest row at which a row is dropped: 300 such rows are 3e-18 of the sum."""

_NOMINAL = 3.5
"""What a hit costs in nats at a usual coverage and reach, so that choices of unequal size can be compared."""

_UNLISTED = 2.5
"""What it costs besides that an address is held which nobody told us of."""

_BLOCKS = 12
_MANY = 4096
"""The products computed at each step, by the most they can come to; error: docs/mathematics.md, section 6."""

_MIXERS = np.array([0x3C6EF372FE94F82B, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179, 0x510E527FADE682D1, 0x6A09E667F3BCC909])
_STATE = np.int64(0x2545F4914F6CDD1D)
"""Odd numbers that spread keys and states over 64 bits, so that equal rows are found by one sort."""


class ChoiceKey(NamedTuple, Generic[Count]):
    """What the likelihood asks of a choice of sendings: u, v, h, n and s in the formulas.

    Addresses hit that are listed as held and that are not, accounts hit, sendings chosen, and hits in all (an address
    that two of the sendings hit counts twice).
    """

    listed: Count
    unlisted: Count
    accounts: Count
    sendings: Count
    hits: Count


NOTHING_CHOSEN = ChoiceKey(listed=0, unlisted=0, accounts=0, sendings=0, hits=0)
COLUMN = ChoiceKey(*range(5))
"""Where each part of a key stands in an array that holds one key a row."""

_ONE_ACCOUNT = np.array(NOTHING_CHOSEN._replace(accounts=1))


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
    account: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class SubsetSums:
    """The keys as rows, the values by key and time, and the logarithm of what each row was divided by."""

    keys: Ints
    values: Array
    logs: Array


def subset_sums(
    candidates: Sequence[CandidateSending], members: Mapping[str, HeldAddress], times: int, most: int
) -> SubsetSums:
    """Sum over all choices of at most `most` sendings; every mark lies within the members."""
    if len(candidates) == 1 and len(candidates[0].mark) == 1:
        return _sums_of_one_hit(candidates[0], members[next(iter(candidates[0].mark))])
    rows = _Summation(candidates, members, times, most).result()
    return SubsetSums(rows.keys, rows.values, rows.logs)


def _sums_of_one_hit(candidate: CandidateSending, member: HeldAddress) -> SubsetSums:
    """The commonest case by far: one sending to one address, chosen or not."""
    chosen = ChoiceKey(int(member.listed), int(not member.listed), int(bool(member.account)), sendings=1, hits=1)
    top = float(candidate.odds.max())
    return SubsetSums(
        np.array([NOTHING_CHOSEN, chosen]),
        np.stack([np.ones(len(candidate.odds)), candidate.odds / top]),
        np.array([0.0, candidate.scale + float(np.log(top) + np.log(max(member.p, 1e-300)))]),
    )


@dataclass(frozen=True, slots=True)
class _PartialSums:
    """Part of a table: keys, what is hit of the addresses still to come, values of at most 1 and their scales."""

    keys: Ints
    states: Ints
    values: Array
    logs: Array

    def log_worth(self) -> Array:
        """How much each row may matter, in nats."""
        hits, unlisted = self.keys[:, COLUMN.hits], self.keys[:, COLUMN.unlisted]
        worth: Array = self.logs - _NOMINAL * hits - _UNLISTED * unlisted
        return worth

    def select(self, which: "Ints | NDArray[np.bool_]") -> "_PartialSums":
        """Return some of the rows."""
        return _PartialSums(self.keys[which], self.states[which], self.values[which], self.logs[which])

    def merge_equal(self) -> "_PartialSums":
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
        return _rescaled(self.keys[first], self.states[first], values, top)

    def fewest(self) -> "NDArray[np.bool_]":
        """Which rows choose the fewest sendings: with these, whatever comes next stays within the most there may be."""
        chosen = self.keys[:, COLUMN.sendings]
        return np.asarray(chosen == chosen.min())

    def prune(self) -> "_PartialSums":
        """Return the rows that may matter and, beyond a number, the most of them; the fewest sendings always stay."""
        worth = self.log_worth()
        least = worth.max() - _NEGLIGIBLE
        if len(worth) > _ROWS:
            least = max(least, float(np.partition(worth, -_ROWS)[-_ROWS]))
        return self if worth.min() >= least else self.select((worth >= least) | self.fewest())

    def multiply(self, other: "_PartialSums", most: int) -> "_PartialSums":
        """Return the product with a table without states, of at most so many sendings."""
        i, j = np.divmod(np.arange(len(self.logs) * len(other.logs)), len(other.logs))
        allowed = self.keys[i, COLUMN.sendings] + other.keys[j, COLUMN.sendings] <= most
        i, j = i[allowed], j[allowed]
        if len(i) > _MANY:
            promising = self._most_promising(other, i, j)
            i, j = i[promising], j[promising]
        values = self.values[i] * other.values[j]
        keys, logs = self.keys[i] + other.keys[j], self.logs[i] + other.logs[j]
        return _rescaled(keys, self.states[i], values, logs).merge_equal()

    def _most_promising(self, other: "_PartialSums", i: Ints, j: Ints) -> Ints:
        """The products that may matter most, by what they can come to at best in each stretch of time."""
        starts = np.unique(np.linspace(0, self.values.shape[1], _BLOCKS, endpoint=False).astype(int))
        best, others = (np.maximum.reduceat(rows.values, starts, axis=1) for rows in (self, other))
        with np.errstate(divide="ignore"):
            worth = self.log_worth()[i] + other.log_worth()[j] + np.log((best[i] * others[j]).max(axis=1))
        fewest = np.flatnonzero(self.fewest()[i] & other.fewest()[j])
        return np.union1d(np.argpartition(worth, -_MANY)[-_MANY:], fewest)


def _rescaled(keys: Ints, states: Ints, values: Array, logs: Array) -> _PartialSums:
    """Bring every row to a largest value of 1; what is nowhere possible is left out."""
    top = values.max(axis=1)
    there = top > 0
    if not there.all():
        keys, states, values, logs, top = keys[there], states[there], values[there], logs[there], top[there]
    return _PartialSums(keys, states, values / top[:, None], logs + np.log(top))


def _concatenated(parts: Iterable[_PartialSums]) -> _PartialSums:
    every = list(parts)
    if len(every) == 1:
        return every[0]
    return _PartialSums(
        np.concatenate([r.keys for r in every]),
        np.concatenate([r.states for r in every]),
        np.concatenate([r.values for r in every]),
        np.concatenate([r.logs for r in every]),
    )


@dataclass(frozen=True, slots=True)
class _HitState:
    """What is hit already of what may be met again: addresses and accounts, as bits."""

    addresses: int = 0
    accounts: int = 0

    def within(self, other: "_HitState") -> "_HitState":
        """Return what is hit within the other."""
        return _HitState(self.addresses & other.addresses, self.accounts & other.accounts)

    def outside(self, other: "_HitState") -> "_HitState":
        """Return what is hit outside of the other."""
        return _HitState(self.addresses & ~other.addresses, self.accounts & ~other.accounts)

    def union(self, other: "_HitState") -> "_HitState":
        """Return what is hit by either."""
        return _HitState(self.addresses | other.addresses, self.accounts | other.accounts)


class _Summation:
    """One sum under way."""

    def __init__(
        self, candidates: Sequence[CandidateSending], members: Mapping[str, HeldAddress], times: int, most: int
    ) -> None:
        self.members, self.most, self.ones = members, most, np.ones((1, times))
        self.wide = sorted((c for c in candidates if len(c.mark) > 1), key=lambda c: -c.scale)
        self.own: dict[str, list[CandidateSending]] = {}
        for candidate in candidates:
            if len(candidate.mark) == 1:
                self.own.setdefault(next(iter(candidate.mark)), []).append(candidate)
        met = frozenset[str]().union(*(c.mark for c in self.wide))
        self.address_bits = {name: 1 << i for i, name in enumerate(sorted(met | self.own.keys()))}
        accounts = sorted({members[name].account for name in self.address_bits} - {""})
        self.account_bits = {account: 1 << i for i, account in enumerate(accounts)}
        self.states, self.state_numbers = [_HitState()], {_HitState(): 0}

    def result(self) -> _PartialSums:
        """Take the sendings to several addresses, the accounts that these meet, and then the others."""
        rows = self._wide_sums()
        met = self._state_of(name for c in self.wide for name in c.mark)
        separate = []
        for group in self._own_groups():
            group_state = self._state_of(group)
            if group_state.within(met) == _HitState():
                separate.append(group)
            else:
                rows = self._with_met_account(rows, group, group_state)
        for table in self._separate_tables(separate):
            rows = rows.multiply(table, self.most).prune()
        return rows

    def _state_of(self, names: Iterable[str]) -> _HitState:
        addresses = accounts = 0
        for name in names:
            addresses |= self.address_bits[name]
            accounts |= self.account_bits.get(self.members[name].account, 0)
        return _HitState(addresses, accounts)

    def _state_number(self, state: _HitState) -> int:
        if state not in self.state_numbers:
            self.state_numbers[state] = len(self.states)
            self.states.append(state)
        return self.state_numbers[state]

    def _table(self, keys: Sequence[ChoiceKey[int]], values: Array, logs: NDArray[np.floating]) -> _PartialSums:
        logs64 = logs.astype(np.float64)
        return _rescaled(np.array(keys, dtype=np.int64), np.zeros(len(keys), dtype=np.int64), values, logs64)

    def _empty_choice(self) -> _PartialSums:
        return self._table([NOTHING_CHOSEN], self.ones, np.zeros(1))

    def _wide_sums(self) -> _PartialSums:
        """Choose among the sendings to several addresses."""
        rows = self._empty_choice()
        marks = [self._state_of(c.mark) for c in self.wide]
        later = list(accumulate(reversed(marks), _HitState.union, initial=self._state_of(self.own)))[-2::-1]
        for candidate, mark, to_come in zip(self.wide, marks, later, strict=True):
            numbers, where = np.unique(rows.states, return_inverse=True)
            states = [self.states[number] for number in numbers]
            steps, weights = zip(*(self._key_step(candidate, mark.outside(state)) for state in states), strict=True)
            # What no later sending can meet again is forgotten, so that rows which differ by it alone become one.
            left = np.array([self._state_number(state.within(to_come)) for state in states])
            grown = np.array([self._state_number(state.union(mark).within(to_come)) for state in states])
            chosen = _rescaled(
                rows.keys + np.array(steps)[where],
                grown[where],
                rows.values * candidate.odds,
                rows.logs + candidate.scale + np.array(weights)[where],
            )
            allowed = chosen.keys[:, COLUMN.sendings] <= self.most
            rows = _concatenated((replace(rows, states=left[where]), chosen.select(allowed))).merge_equal().prune()
        return rows

    def _key_step(self, candidate: CandidateSending, new: _HitState) -> tuple[ChoiceKey[int], float]:
        """What a sending adds to a key, and the logarithm of the chance that its holder has what is new."""
        names = [name for name in candidate.mark if self.address_bits[name] & new.addresses]
        listed = sum(self.members[name].listed for name in names)
        weight = float(sum(np.log(max(p, 1e-300)) for name in names if (p := self.members[name].p) != 1))
        step = ChoiceKey(listed, len(names) - listed, new.accounts.bit_count(), sendings=1, hits=len(candidate.mark))
        return step, weight

    def _own_groups(self) -> list[list[str]]:
        """The addresses with sendings of their own, by account."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self.own):
            groups.setdefault(self.members[name].account or f"\0{name}", []).append(name)
        return list(groups.values())

    def _with_met_account(self, rows: _PartialSums, group: list[str], group_state: _HitState) -> _PartialSums:
        """Choose among the sendings of an account that others may have met, and forget what was hit in it."""
        numbers, where = np.unique(rows.states, return_inverse=True)
        within = [self.states[number].within(group_state) for number in numbers]
        left = np.array([self._state_number(self.states[number].outside(group_state)) for number in numbers])
        rows = replace(rows, states=left[where])
        kinds = list(dict.fromkeys(within))
        kind = np.array([kinds.index(state) for state in within])[where]
        grown = [
            rows.select(kind == i).multiply(self._account_table(group, state), self.most)
            for i, state in enumerate(kinds)
        ]
        return _concatenated(grown).merge_equal().prune()

    def _account_table(self, group: Sequence[str], state: _HitState) -> _PartialSums:
        """The choices among an account's own sendings, given what is hit of it anyway."""
        fresh = [not self.address_bits[name] & state.addresses for name in group]
        first, *others = (self._address_table(name, fresh=new) for name, new in zip(group, fresh, strict=True))
        rows = first.prune()
        for table in others:
            rows = rows.multiply(table, self.most).prune()
        if state.accounts or not self.members[group[0]].account:
            return rows
        return replace(rows, keys=rows.keys + (rows.keys[:, COLUMN.sendings] > 0)[:, None] * _ONE_ACCOUNT)

    def _address_table(self, name: str, *, fresh: bool) -> _PartialSums:
        """How the sendings of one address can be chosen."""
        member = self.members[name]
        listed, unlisted, p = (int(member.listed), int(not member.listed), member.p) if fresh else (0, 0, 1.0)
        sums, scale = self._symmetric_sums(self.own[name])
        some = (ChoiceKey(listed, unlisted, 0, sendings=j, hits=j) for j in range(1, len(sums)))
        numbers = np.arange(len(sums))
        logs = scale * numbers + np.where(numbers > 0, float(np.log(max(p, 1e-300))), 0.0)
        return self._table([NOTHING_CHOSEN, *some], sums, logs)

    def _symmetric_sums(
        self, candidates: Sequence[CandidateSending], weights: Sequence[float] = ()
    ) -> tuple[Array, float]:
        """The elementary symmetric sums: choosing so many of some sendings; each is divided by a scale."""
        scale = max(c.scale for c in candidates)
        sums = np.zeros((min(len(candidates), self.most) + 1, self.ones.shape[1]))
        sums[0] = 1.0
        for candidate, weight in zip(candidates, weights or [1.0] * len(candidates), strict=True):
            sums[1:] += sums[:-1] * (candidate.odds * (weight * np.exp(candidate.scale - scale)))
        return sums, scale

    def _separate_tables(self, groups: Sequence[Sequence[str]]) -> Iterator[_PartialSums]:
        """Yield the tables of the accounts that nothing else meets; all with a single sending make but few tables."""
        single: dict[ChoiceKey[int], list[str]] = {}
        for group in groups:
            if len(group) > 1 or len(self.own[group[0]]) > 1:
                yield self._account_table(group, _HitState())
            else:
                member = self.members[group[0]]
                step = ChoiceKey(
                    int(member.listed), int(not member.listed), int(bool(member.account)), sendings=1, hits=1
                )
                single.setdefault(step, []).append(group[0])
        for step, names in single.items():
            sums, scale = self._symmetric_sums([self.own[n][0] for n in names], [self.members[n].p for n in names])
            numbers = np.arange(len(sums))
            keys = [ChoiceKey(*(count * number for count in step)) for number in range(len(sums))]
            yield self._table(keys, sums, scale * numbers).prune()
