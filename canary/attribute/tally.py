"""Which sendings a source's leak could explain: all choices of them, summed up by what the likelihood asks of each.

A choice of sendings counts by a few numbers only, its key: how many addresses it meets that are listed as held (u) and
unlisted (v), in how many accounts (h), by how many sendings (n) and strikes (s). The tally gives for each key the
sum over its choices of the product of their odds, one value for each possible time of the leak. Choices are not listed:
sendings to several addresses are taken one after the other, keeping what they hit; then the addresses are, one account
after the other, each with the sendings of its own, and whatever was hit in an account is forgotten when it is done.
What cannot matter is dropped on the way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_PLACES = 12  # binary digits for each number of a key
_ROWS = 400
_NEGLIGIBLE = 46.0
_NOMINAL = 2.3
"""What a strike costs in nats at a usual coverage and reach, so that choices of unequal size can be compared."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A sending that a source may be behind: whom it hit, and its odds at each possible time of the leak."""

    mark: frozenset[str]
    odds: Array


@dataclass(frozen=True, slots=True)
class Member:
    """An address as its holder has it: the chance that he has it if it is listed, and the account it lies in, if any."""

    p: float = 1.0
    tenant: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """The keys as rows (u, v, h, n, s), the values by key and time, and the logarithm of what those were divided by."""

    keys: Ints
    values: Array
    scale: float


def tally(choices: Sequence[Choice], members: Mapping[str, Member], times: int, most: int) -> Tally:
    """Sum over all choices of at most `most` sendings; every mark lies within the members."""
    return _Summing(choices, members, times, most).result()


def _code(u: int, v: int, h: int, n: int, s: int) -> int:
    """A key as one number, so that the key of two choices together is the sum of theirs."""
    code = 0
    for number in (s, n, h, v, u):
        code = code << _PLACES | number
    return code


def _column(codes: Ints, place: int) -> Ints:
    return codes >> _PLACES * place & (1 << _PLACES) - 1


@dataclass(frozen=True, slots=True)
class _Rows:
    """Part of a table: coded keys, each once, and their values."""

    codes: Ints
    values: Array

    def times(self, other: "_Rows", most: int) -> "_Rows":
        """Return the product, of at most so many sendings."""
        codes = (self.codes[:, None] + other.codes[None, :]).reshape(-1)
        values = (self.values[:, None, :] * other.values[None, :, :]).reshape(len(codes), -1)
        few = _column(codes, 3) <= most
        return _Rows(codes[few], values[few]).merged()

    def merged(self) -> "_Rows":
        """Return the rows with those of equal keys added up."""
        order = np.argsort(self.codes, kind="stable")
        codes, starts = np.unique(self.codes[order], return_index=True)
        return _Rows(codes, np.add.reduceat(self.values[order], starts, axis=0))

    def worth(self) -> Array:
        """How much each row may matter, in nats."""
        with np.errstate(divide="ignore"):
            worth: Array = np.log(self.values.max(axis=1)) - _NOMINAL * _column(self.codes, 4)
        return worth


_Parts = dict[frozenset[str], _Rows]
"""The table, apart by which of the addresses still to come are hit already."""


class _Summing:
    """One sum under way."""

    def __init__(self, choices: Sequence[Choice], members: Mapping[str, Member], times: int, most: int) -> None:
        self.members, self.most, self.one = members, most, np.ones(times)
        self.wide = sorted((c for c in choices if len(c.mark) > 1), key=lambda c: -float(c.odds.max()))
        self.scale = 0.0
        own: dict[str, list[Array]] = {}
        for choice in choices:
            if len(choice.mark) == 1:
                own.setdefault(next(iter(choice.mark)), []).append(choice.odds)
        self.sums = {name: self._powers(odds) for name, odds in own.items()}

    def result(self) -> Tally:
        """Take all sendings to several addresses, then one account after the other."""
        parts = self._wide()
        met = frozenset[str]().union(*parts)
        for group in sorted(self._accounts(met), key=met.isdisjoint):
            grown: dict[frozenset[str], list[_Rows]] = {}
            for hit, rows in parts.items():
                product = rows.times(self._account(group, hit), self.most)
                grown.setdefault(hit.difference(group), []).append(product)
            parts = self._kept({hit: _joined(rows) for hit, rows in grown.items()})
        rows = _joined(parts.values())
        return Tally(np.stack([_column(rows.codes, i) for i in range(5)], axis=1), rows.values, self.scale)

    def _powers(self, odds: Sequence[Array]) -> list[Array]:
        """The elementary symmetric sums: how the sendings of one address can be chosen, by their number."""
        sums = [self.one]
        for o in odds:
            grown = [s + below * o for s, below in zip(sums[1:], sums, strict=False)]
            sums = [self.one, *grown, sums[-1] * o][: self.most + 1]
        return sums

    def _wide(self) -> _Parts:
        """Choose among the sendings to several addresses, and count nothing yet but them and their strikes."""
        parts: _Parts = {frozenset(): _Rows(np.array([_code(0, 0, 0, 0, 0)]), self.one[None])}
        for choice in self.wide:
            grown = {hit: [rows] for hit, rows in parts.items()}
            for hit, rows in parts.items():
                new = choice.mark - hit
                weight = float(np.prod([self.members[name].p for name in new]))
                listed = sum(self.members[name].listed for name in new)
                accounts = len(self._tenants(choice.mark) - self._tenants(hit))
                key = _code(listed, len(new) - listed, accounts, 1, len(choice.mark))
                chosen = rows.times(_Rows(np.array([key]), choice.odds[None] * weight), self.most)
                grown.setdefault(hit | choice.mark, []).append(chosen)
            parts = self._kept({hit: _joined(rows) for hit, rows in grown.items()})
        return parts

    def _accounts(self, met: frozenset[str]) -> list[frozenset[str]]:
        """The addresses with sendings of their own, each with all others of its account that matter to it."""
        groups: dict[str, set[str]] = {}
        for name in (*self.sums, *met):
            groups.setdefault(self.members[name].tenant or f"\0{name}", set()).add(name)
        return [frozenset(names) for names in groups.values()]

    def _tenants(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.members[name].tenant for name in names) - {""}

    def _account(self, group: frozenset[str], hit: frozenset[str]) -> _Rows:
        """The choices among an account's own sendings, given the addresses that are hit anyway."""
        rows = _Rows(np.array([0]), self.one[None])
        for name in sorted(group & self.sums.keys()):
            rows = rows.times(self._address(name, fresh=name not in hit), self.most)
        if not self._tenants(group) or group & hit:
            return rows
        return _Rows(rows.codes + np.where(_column(rows.codes, 3) > 0, _code(0, 0, 1, 0, 0), 0), rows.values)

    def _address(self, name: str, *, fresh: bool) -> _Rows:
        member, sums = self.members[name], self.sums[name]
        u, v, weight = (int(member.listed), int(not member.listed), member.p) if fresh else (0, 0, 1.0)
        codes = [0, *(_code(u, v, 0, j, j) for j in range(1, len(sums)))]
        return _Rows(np.array(codes), np.array([self.one, *(weight * value for value in sums[1:])]))

    def _kept(self, parts: _Parts) -> _Parts:
        """Drop the rows that cannot matter and, beyond a number, the least of them; keep the values in range."""
        worths = {hit: rows.worth() for hit, rows in parts.items()}
        every = np.sort(np.concatenate(list(worths.values())))[::-1]
        least = max(every[0] - _NEGLIGIBLE, every[_ROWS] if len(every) > _ROWS else -np.inf)
        top = max(float(rows.values.max()) for rows in parts.values())
        top = top if top > 1e50 else 1.0
        self.scale += float(np.log(top))
        return {
            hit: _Rows(rows.codes[worths[hit] > least], rows.values[worths[hit] > least] / top)
            for hit, rows in parts.items()
            if (worths[hit] > least).any()
        }


def _joined(parts: Iterable[_Rows]) -> _Rows:
    every = list(parts)
    if len(every) == 1:
        return every[0]
    return _Rows(np.concatenate([r.codes for r in every]), np.concatenate([r.values for r in every])).merged()
