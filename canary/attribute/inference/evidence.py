"""One world made ready for questions: its sendings, its sources, the possible times of a leak, and the evidence.

The question is always the same: how much likelier is what was seen, had this source leaked, than without any leak.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inference.likelihood import SENDINGS, AddressGroup, LeakLikelihood, QuietFactor
from canary.attribute.inference.subset_sum import Array, CandidateSending, HeldAddress, subset_sums
from canary.attribute.null_model import YEAR, SendingRate, sendings
from canary.attribute.priors import Rates
from canary.attribute.sources import Holding, holdings
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

_DAY = timedelta(days=1)
_CELLS = 56
_EVEN = 20
_BEFORE = (0.0, 2.0, 7.0, 21.0, 60.0)
"""Days before a sending at which the time grid is refined, as quick thieves need but days."""

_NEAREST = 0.2
_SKEW = 0.5
_HUSHED = 32
"""The quiet factors kept at a time; each takes up to two megabytes."""


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """The likelihood ratio of a leak against none, as a logarithm, and its share of each cell of the time grid."""

    log_ratio: float
    times: Array


@dataclass(frozen=True, slots=True)
class _Hush:
    """What a source's addresses are for the kernel, all being quiet; equal ones have equal `same`."""

    listed: list[AddressGroup]
    unlisted: Array
    accounts: bool
    same: object


@dataclass(frozen=True, slots=True)
class _Ready:
    """A source made ready: those of its members that were struck, since which day each is held, and all as quiet."""

    holding: Holding
    members: dict[str, HeldAddress]
    since: dict[str, float]
    hush: _Hush
    same: object


class EvidenceModel:
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
        self._kernel = LeakLikelihood(rates, _over(rates, self.span - self.days))
        self._sent = {s.id: s for s in self.sendings}
        self._struck = frozenset[str]().union(*(s.mark for s in self.sendings))
        self._issued = {c.id: c.issued for c in world.canaries}
        self._cells: dict[datetime, int] = {}
        self._delays = {s.id: self._delay(s) for s in self.sendings}
        self._ready: dict[Source, _Ready] = {}
        self._hushed: dict[object, list[QuietFactor]] = {}
        self._possible: dict[Source, frozenset[str]] = {}
        self._within: dict[Source, frozenset[str]] = {}
        self._known: dict[tuple[object, frozenset[str]], SourceEvidence] = {}

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
        if source not in self._possible:
            held = self.holdings[source].members.keys() & self._struck
            self._possible[source] = frozenset(s.id for s in self.sendings if s.mark <= held) if held else frozenset()
        return self._possible[source]

    def strange(self, source: Source, sending: str) -> int:
        """Return how many of the addresses that a sending hit nobody told us the source has."""
        members = self.holdings[source].members
        return sum(not members[address].listed for address in self._sent[sending].mark)

    def evidence(self, source: Source, among: frozenset[str]) -> SourceEvidence:
        """Return the evidence for a leak of one source that is behind none but some of the sendings named."""
        ready = self._prepare(source)
        # An account with one vendor's addresses answers as that vendor does; without sendings only numbers count.
        same = ready.same if among else ready.hush.same
        if (same, among) not in self._known:
            self._known[same, among] = self._weigh(ready, among)
        return self._known[same, among]

    def _weigh(self, ready: _Ready, among: frozenset[str]) -> SourceEvidence:
        choices = [self._choice(ready, s) for s in self.sendings if s.id in among]
        sums = subset_sums([c for c in choices if c.odds.any()], ready.members, len(self.days), SENDINGS)
        ratio, scale = self._kernel.weigh(self._quiet(ready.hush), sums)
        times = ratio * self._share
        total = float(times.sum())
        return SourceEvidence(float(np.log(total)) + scale, times / total)

    def _choice(self, ready: _Ready, sending: SendingRate) -> CandidateSending:
        since = max(ready.since[name] for name in sending.mark)
        odds, scale = self._delays[sending.id]
        return CandidateSending(
            sending.mark, np.where(self.days >= since, odds, 0.0), scale + self._telling(ready.holding, sending)
        )

    def _telling(self, holding: Holding, sending: SendingRate) -> float:
        """How much likelier (log) what a sending repeats of the personas is from somebody who was told it."""
        held = frozenset[str]().union(*(holding.members[name].fields for name in sending.mark))
        known, rates = len(sending.fields & held), self.rates
        return float(known * np.log(rates.field_used / rates.field_chance)) if known else 0.0

    def _delay(self, sending: SendingRate) -> tuple[Array, float]:
        """How much likelier a sending comes from a leak at each time than from no leak, the mean number set aside.

        The second is the logarithm of what the first was divided by.
        """
        # Who is hit the moment he has the address was hit after it leaked all the same; clocks differ.
        newest = max(self.day(self._issued[name]) for name in sending.mark)
        day = max(self.day(sending.at), newest + _SKEW)
        over = _over(self.rates, day - self.edges)
        density: Array = -np.diff(over) / np.diff(self.edges)
        top = max(float(density.max()), 1e-300)
        return density / top, float(np.log(top * sending.crime)) - sending.log_rate

    def _prepare(self, source: Source) -> _Ready:
        if source not in self._ready:
            holding = self.holdings[source]
            accounts = source.kind is SuspectKind.SUPPLIER
            struck = {name: holding.members[name] for name in holding.members.keys() & self._struck}
            # Accounts are hit or spared as a whole; what is not listed is in none that we know of.
            members = {
                name: HeldAddress(held.p, held.tenant if accounts else "", held.listed) for name, held in struck.items()
            }
            since = {name: max(0.0, self.day(held.since)) for name, held in struck.items()}
            hush = self._hush(holding, accounts=accounts)
            held = frozenset((name, h.since, h.fields) for name, h in struck.items())
            same = source if accounts else (hush.same, held)
            self._ready[source] = _Ready(holding, members, since, hush, same)
        return self._ready[source]

    def _hush(self, holding: Holding, *, accounts: bool) -> _Hush:
        listed = [held for held in holding.members.values() if held.listed]
        sizes = Counter(held.tenant for held in listed) if accounts else Counter[str]()
        kinds: dict[tuple[int, float], list[int]] = {}
        for held in listed:
            kinds.setdefault((sizes.get(held.tenant, 1), held.p), []).append(self._cell(held.since))
        others = [self._cell(held.since) for held in holding.members.values() if not held.listed]
        found = sorted(kinds.items())
        same = (accounts, tuple(sorted(others)), *((kind, tuple(sorted(cells))) for kind, cells in found))
        alike = [AddressGroup(size, p, self._number(cells) / size) for (size, p), cells in found]
        return _Hush(alike, self._number(others), accounts, same)

    def _quiet(self, hush: _Hush) -> list[QuietFactor]:
        if hush.same not in self._hushed:
            while len(self._hushed) >= _HUSHED:
                del self._hushed[next(iter(self._hushed))]
            self._hushed[hush.same] = self._kernel.quiet(hush.listed, hush.unlisted, accounts=hush.accounts)
        return self._hushed[hush.same]

    def _cell(self, since: datetime) -> int:
        """The first cell of the time grid at which something is held that is held since then."""
        if since not in self._cells:
            self._cells[since] = int(np.searchsorted(self.days, max(0.0, self.day(since))))
        return self._cells[since]

    def _number(self, cells: Sequence[int]) -> Array:
        """How many are held at each time."""
        return np.cumsum(np.bincount(cells, minlength=len(self.days) + 1))[:-1].astype(float)


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
