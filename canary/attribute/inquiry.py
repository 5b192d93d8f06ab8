"""One world made ready for questions: its sendings, its sources, the possible times of a leak, and the evidence.

The question is always the same: how much likelier is what was seen, had this source leaked, than without any leak.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.background import YEAR, Sending, sendings
from canary.attribute.holdings import Holding, holdings
from canary.attribute.kernel import SENDINGS, Alike, Kernel, Quiet
from canary.attribute.rates import Rates
from canary.attribute.tally import Array, Choice, Member, tally
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

_DAY = timedelta(days=1)
_CELLS = 56
_EVEN = 20
_BEFORE = (0.0, 2.0, 7.0, 21.0, 60.0)
"""Days before a sending at which the time grid is refined, as quick thieves need but days."""

_NEAREST = 0.2
_SKEW = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """The likelihood ratio of a leak against none, as a logarithm, and its share of each cell of the time grid."""

    log_ratio: float
    times: Array


@dataclass(frozen=True, slots=True)
class _Ready:
    """A source made ready: its members, since which day each is held, and what their keeping quiet says."""

    holding: Holding
    members: dict[str, Member]
    since: dict[str, float]
    quiet: list[Quiet]
    same: object


class Inquiry:
    """What all hypotheses of one world share; evidence is worked out once for each source and set of sendings."""

    def __init__(self, world: World, rates: Rates) -> None:
        """Lay out the time grid and the sources."""
        self.world, self.rates = world, rates
        self.start = min((c.issued for c in world.canaries), default=world.now - timedelta(days=YEAR))
        self.span = max(1.0, (world.now - self.start) / _DAY)
        self.sendings = sendings(world, rates)
        self.holdings = {holding.source: holding for holding in holdings(world, rates)}
        self.edges = _edges(self.span, [self.day(s.at) for s in self.sendings])
        self.days = (self.edges[1:] + self.edges[:-1]) / 2
        self._share = np.diff(self.edges) / self.span
        self._kernel = Kernel(rates, _over(rates, self.span - self.days))
        self._sent = {s.id: s for s in self.sendings}
        self._issued = {c.id: c.issued for c in world.canaries}
        self._delays = {s.id: self._delay(s) for s in self.sendings}
        self._ready: dict[Source, _Ready] = {}
        self._hushed: dict[object, list[Quiet]] = {}
        self._within: dict[Source, frozenset[str]] = {}
        self._known: dict[tuple[object, frozenset[str]], Evidence] = {}

    def day(self, at: datetime) -> float:
        """Return a time as days since the first address was issued."""
        return (at - self.start) / _DAY

    def log_prior(self, source: Source) -> float:
        """Return the logarithm of the prior odds that a source has leaked at all within the span of the world."""
        return float(np.log(max(self.holdings[source].hazard * self.span / YEAR, 1e-300)))

    def within(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source may well be behind: it held all they hit, one address at least for certain."""
        if source not in self._within:
            members = self.holdings[source].members
            self._within[source] = frozenset(
                name
                for name in self.possible(source)
                if any(members[address].listed for address in self._sent[name].mark)
            )
        return self._within[source]

    def possible(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source can be behind at all, some by addresses that nobody told us it has."""
        members = self.holdings[source].members.keys()
        return frozenset(name for name, sending in self._sent.items() if sending.mark <= members)

    def evidence(self, source: Source, among: frozenset[str]) -> Evidence:
        """Return the evidence for a leak of one source that is behind none but some of the sendings named."""
        ready = self._prepare(source)
        # An account with one vendor's addresses answers as that vendor does; without sendings only numbers count.
        same = ready.same if among else id(ready.quiet)
        if (same, among) not in self._known:
            self._known[same, among] = self._weigh(ready, among)
        return self._known[same, among]

    def _weigh(self, ready: _Ready, among: frozenset[str]) -> Evidence:
        choices = [Choice(s.mark, self._odds(ready, s)) for s in self.sendings if s.id in among]
        sums = tally([c for c in choices if c.odds.any()], ready.members, len(self.days), SENDINGS)
        times = self._kernel.weigh(ready.quiet, sums) * self._share
        total = float(times.sum())
        return Evidence(float(np.log(total)) + sums.scale, times / total)

    def _odds(self, ready: _Ready, sending: Sending) -> Array:
        since = max(ready.since[name] for name in sending.mark)
        return np.where(self.days >= since, self._delays[sending.id] * self._telling(ready.holding, sending), 0.0)

    def _telling(self, holding: Holding, sending: Sending) -> float:
        """How much likelier what a sending repeats of the personas is from somebody who was told it."""
        held = frozenset[str]().union(*(holding.members[name].fields for name in sending.mark))
        known, rates = len(sending.fields & held), self.rates
        return float((rates.field_used / rates.field_chance) ** known)

    def _delay(self, sending: Sending) -> Array:
        """How much likelier a sending comes from a leak at each time than from no leak, the mean number set aside."""
        # Who is hit the moment he has the address was hit after it leaked all the same; clocks differ.
        newest = max(self.day(self._issued[name]) for name in sending.mark)
        day = max(self.day(sending.at), newest + _SKEW)
        over = _over(self.rates, day - self.edges)
        density: Array = -np.diff(over) / np.diff(self.edges)
        return density * (sending.crime / sending.rate)

    def _prepare(self, source: Source) -> _Ready:
        if source not in self._ready:
            holding = self.holdings[source]
            accounts = source.kind is SuspectKind.SUPPLIER
            # Accounts are hit or spared as a whole; what is not listed is in none that we know of.
            members = {
                name: Member(held.p, held.tenant if accounts else "", held.listed)
                for name, held in holding.members.items()
            }
            since = {name: max(0.0, self.day(held.since)) for name, held in holding.members.items()}
            quiet = self._quiet(members, since, accounts=accounts)
            same = (accounts and source.id, frozenset((name, h.since, h.fields) for name, h in holding.members.items()))
            self._ready[source] = _Ready(holding, members, since, quiet, same)
        return self._ready[source]

    def _quiet(self, members: dict[str, Member], since: dict[str, float], *, accounts: bool) -> list[Quiet]:
        unlisted = self._number(since[name] for name, member in members.items() if not member.listed)
        sizes = Counter(member.tenant for member in members.values() if member.listed and accounts)
        kinds: dict[tuple[int, float], list[float]] = {}
        for name, member in members.items():
            if member.listed:
                kinds.setdefault((sizes.get(member.tenant, 1), member.p), []).append(since[name])
        listed = [Alike(size, p, self._number(theirs) / size) for (size, p), theirs in sorted(kinds.items())]
        same = (accounts, unlisted.tobytes(), *((a.size, a.p, a.number.tobytes()) for a in listed))
        if same not in self._hushed:
            self._hushed[same] = self._kernel.quiet(listed, unlisted, accounts=accounts)
        return self._hushed[same]

    def _number(self, since: Iterable[float]) -> Array:
        """How many are held at each time."""
        return np.searchsorted(np.sort(np.fromiter(since, float)), self.days, side="right").astype(float)


def _over(rates: Rates, age: Array) -> Array:
    """The part of a leak's sendings that has come so many days after it."""
    total = sum(weight for _, weight in rates.delays)
    ages = np.maximum(age, 0.0)
    over: Array = np.sum([weight / total * -np.expm1(-ages / mean) for mean, weight in rates.delays], axis=0)
    return over


def _edges(span: float, struck: Iterable[float]) -> Array:
    """The edges of the time grid: even, and finer before each sending, the first ones first if there are too many."""
    edges = list(np.linspace(0.0, span, _EVEN + 1))
    for day in sorted(set(struck)):
        if len(edges) < _CELLS:
            edges += [day - before for before in _BEFORE if 0 < day - before < span]
    apart = [0.0]
    for edge in sorted(edges):
        if edge - apart[-1] >= _NEAREST and span - edge >= _NEAREST:
            apart.append(edge)
    return np.array([*apart, span])
