"""Which sendings a source's leak could explain: all choices of them, summed up by what the likelihood asks of each.

A choice of sendings counts by a few numbers only, its key: how many addresses it meets that are surely held (u) and
perhaps held (v), in how many accounts (h), by how many sendings (l) and strikes (s). The tally gives for each key the
sum over its choices of the product of their odds, one value for each possible time of the leak. Addresses that share
no sending are independent of each other, so their choices multiply as polynomials and are never listed one by one;
only choices of sendings to several addresses are, and of those the ones that cannot matter are dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Key = tuple[int, int, int, int, int]
Table = dict[Key, Array]

_NOTHING: Key = (0, 0, 0, 0, 0)
_STATES = 256
_NEGLIGIBLE = 1e-20
_NOMINAL = 0.1
"""What a strike costs at a usual coverage and reach, so that states of unequal size can be compared."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A sending that a source may be behind: whom it hit, and its odds at each possible time of the leak."""

    mark: frozenset[str]
    odds: Array


@dataclass(frozen=True, slots=True)
class Member:
    """An address as its holder has it: the chance that he has it at all, and the account it lies in, if any."""

    p: float = 1.0
    tenant: str = ""

    @property
    def sure(self) -> bool:
        """Whether it counts as surely held."""
        return self.p >= 0.5


@dataclass(frozen=True, slots=True)
class Tally:
    """The keys as rows of five, the values by key and time, and the logarithm of what all values were divided by."""

    keys: NDArray[np.int64]
    values: Array
    scale: float


def tally(choices: Sequence[Choice], members: Mapping[str, Member], times: int, most: int) -> Tally:
    """Sum over all choices of at most `most` sendings; every mark lies within the members."""
    return _Summing(choices, members, times, most).result()


@dataclass(frozen=True, slots=True)
class _State:
    """Chosen sendings of several addresses each: whom they hit, and how many sendings and strikes that makes."""

    hit: frozenset[str] = frozenset()
    chosen: int = 0
    strikes: int = 0


class _Summing:
    """One sum under way."""

    def __init__(self, choices: Sequence[Choice], members: Mapping[str, Member], times: int, most: int) -> None:
        self.members, self.most, self.one = members, most, np.ones(times)
        self.wide = sorted((c for c in choices if len(c.mark) > 1), key=lambda c: -float(c.odds.max()))
        odds: dict[str, list[Array]] = {}
        for choice in choices:
            if len(choice.mark) == 1:
                odds.setdefault(next(iter(choice.mark)), []).append(choice.odds)
        self.sums = {name: self._powers(theirs) for name, theirs in odds.items()}

    def result(self) -> Tally:
        """Multiply what is independent, and sum over the states of what is not."""
        met = frozenset[str]().union(*(c.mark for c in self.wide))
        tenants = self._tenants(met)
        groups = self._groups()
        tied = [g for g in groups if not met.isdisjoint(g) or self.members[g[0]].tenant in tenants]
        table, scale = {_NOTHING: self.one}, 0.0
        for group in groups:
            if group not in tied:
                table, scale = _rescaled(self._product(table, self._account(group, frozenset())), scale)
        states = _sum(self._state(state, odds, tied) for state, odds in self._states().items())
        table, scale = _rescaled(self._product(table, states), scale)
        keys = sorted(table)
        return Tally(np.array(keys, dtype=np.int64), np.array([table[key] for key in keys]), scale)

    def _powers(self, odds: Sequence[Array]) -> list[Array]:
        """The elementary symmetric sums: how the sendings of one address can be chosen, by their number."""
        sums = [self.one]
        for o in odds:
            grown = [s + below * o for s, below in zip(sums[1:], sums, strict=False)]
            sums = [self.one, *grown, sums[-1] * o][: self.most + 1]
        return sums

    def _groups(self) -> list[tuple[str, ...]]:
        """The addresses with sendings of their own, those of one account together."""
        groups: dict[str, list[str]] = {}
        for name in self.sums:
            groups.setdefault(self.members[name].tenant or f"\0{name}", []).append(name)
        return [tuple(names) for names in groups.values()]

    def _tenants(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.members[name].tenant for name in names) - {""}

    def _account(self, group: Sequence[str], hit: frozenset[str]) -> Table:
        """The choices within one account, given the addresses that are hit anyway."""
        table: Table = {_NOTHING: self.one}
        for name in group:
            table = self._product(table, self._address(name, fresh=name not in hit))
        tenant = self.members[group[0]].tenant
        if not tenant or tenant in self._tenants(hit):
            return table
        return {(*key[:2], int(key[3] > 0), *key[3:]): value for key, value in table.items()}

    def _address(self, name: str, *, fresh: bool) -> Table:
        member, sums = self.members[name], self.sums[name]
        u, v = (int(member.sure), int(not member.sure)) if fresh else (0, 0)
        weight = member.p if fresh else 1.0
        return {_NOTHING: self.one} | {(u, v, 0, j, j): weight * sums[j] for j in range(1, len(sums))}

    def _states(self) -> dict[_State, Array]:
        states = {_State(): self.one}
        for choice in self.wide:
            grown = dict(states)
            for state, odds in states.items():
                if state.chosen < self.most:
                    weight = float(np.prod([self.members[name].p for name in choice.mark - state.hit]))
                    new = _State(state.hit | choice.mark, state.chosen + 1, state.strikes + len(choice.mark))
                    value = odds * choice.odds * weight
                    grown[new] = grown[new] + value if new in grown else value
            states = _worthwhile(grown)
        return states

    def _state(self, state: _State, odds: Array, tied: Sequence[Sequence[str]]) -> Table:
        sure = sum(self.members[name].sure for name in state.hit)
        accounts = len(self._tenants(state.hit))
        table: Table = {(sure, len(state.hit) - sure, accounts, state.chosen, state.strikes): odds}
        return reduce(self._product, (self._account(group, state.hit) for group in tied), table)

    def _product(self, left: Table, right: Table) -> Table:
        found: Table = {}
        for a, x in left.items():
            for b, y in right.items():
                if a[3] + b[3] <= self.most:
                    key = (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4])
                    found[key] = found[key] + x * y if key in found else x * y
        return found


def _sum(tables: Iterable[Table]) -> Table:
    total: Table = {}
    for table in tables:
        for key, value in table.items():
            total[key] = total[key] + value if key in total else value
    return total


def _rescaled(table: Table, scale: float) -> tuple[Table, float]:
    """Keep a table within the range of floating point."""
    top = max(float(value.max()) for value in table.values())
    if top < 1e100:
        return table, scale
    return {key: value / top for key, value in table.items()}, scale + float(np.log(top))


def _worthwhile(states: dict[_State, Array]) -> dict[_State, Array]:
    """Drop the states that cannot matter and, beyond a number of them, the least likely; keep values in range."""
    worth = {state: float(odds.max()) * _NOMINAL**state.strikes for state, odds in states.items()}
    best = max(worth.values())
    kept = sorted((s for s in states if worth[s] > best * _NEGLIGIBLE), key=lambda s: -worth[s])
    return {state: states[state] for state in kept[:_STATES]}
