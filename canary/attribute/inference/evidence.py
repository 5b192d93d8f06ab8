"""One world made ready for questions: its sendings, its sources, the possible times of a leak, and the evidence.

The question is always the same: how much likelier is what was seen, had this source leaked, than without any leak.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inference.likelihood import MAX_SENDINGS, AddressGroup, LeakLikelihood, QuietFactor
from canary.attribute.inference.subset_sum import Array, CandidateSending, HeldAddress, subset_sums
from canary.attribute.null_model import YEAR, ObservedSending, observed_sendings
from canary.attribute.patterns import LeakPattern, leak_patterns, shares
from canary.attribute.priors import Rates
from canary.attribute.sources import Holding, holdings
from canary.attribute.world import Source, World
from canary.model.case import LeakManner, SuspectKind

_DAY = timedelta(days=1)
_MOST_EDGES = 56
_EVEN_CELLS = 20
_REFINED_BEFORE = (0.0, 2.0, 7.0, 21.0, 60.0)
"""Days before a sending at which the time grid is refined, as quick thieves need but days."""

_SHORTEST_CELL = 0.2
_CLOCK_SKEW = 0.5
_CACHED_FACTORS = 32
"""The quiet factors kept at a time; each takes up to two megabytes."""


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """The likelihood ratio of a leak against none, as a logarithm, and its share of each cell of the time grid.

    `manners` are the probabilities of each way in which it may have happened, given that it is behind any sending.
    """

    log_ratio: float
    times: Array
    manners: Mapping[LeakManner, float]


@dataclass(frozen=True, slots=True)
class _QuietAddresses:
    """What a source's addresses are for the kernel, all being quiet; equal ones have equal `same`."""

    listed: list[AddressGroup]
    unlisted: Array
    accounts: bool
    same: object


@dataclass(frozen=True, slots=True)
class _PreparedSource:
    """A source made ready: those of its members that were struck, since which day each is held, and all as quiet."""

    holding: Holding
    members: dict[str, HeldAddress]
    since: dict[str, float]
    quiet: _QuietAddresses
    same: object


@dataclass(frozen=True, slots=True)
class _ReadyPattern:
    """A way to leak made ready: its quadrature, the odds of each sending's delay, and the quiet factors known so far."""

    pattern: LeakPattern
    likelihood: LeakLikelihood
    delays: Mapping[str, tuple[Array, float]]
    factors: dict[object, list[QuietFactor]] = field(default_factory=dict)


class EvidenceModel:
    """What all hypotheses of one world share; evidence is worked out once for each source and set of sendings."""

    def __init__(self, world: World, rates: Rates) -> None:
        """Lay out the time grid and the sources."""
        self.world, self.rates = world, rates
        self.start = min((c.issued for c in world.canaries), default=world.now - timedelta(days=YEAR))
        self.span = max(1.0, (world.now - self.start) / _DAY)
        self.sendings = observed_sendings(world, rates)
        self.holdings = {holding.source: holding for holding in holdings(world, rates)}
        self.edges = _time_grid(self.span, [self.day_of(s.at) for s in sorted(self.sendings, key=_says_little)])
        self.days = (self.edges[1:] + self.edges[:-1]) / 2
        self._cell_weights = np.diff(self.edges) / self.span
        self._sending_by_id = {s.id: s for s in self.sendings}
        self._hit_addresses = frozenset[str]().union(*(s.mark for s in self.sendings))
        self._issued_at = {c.id: c.issued for c in world.canaries}
        self._patterns = [self._ready(pattern) for pattern in leak_patterns(rates)]
        self._cell_cache: dict[datetime, int] = {}
        self._prepared: dict[Source, _PreparedSource] = {}
        self._possible_cache: dict[Source, frozenset[str]] = {}
        self._plausible_cache: dict[Source, frozenset[str]] = {}
        self._evidence_cache: dict[tuple[object, frozenset[str]], SourceEvidence] = {}

    def day_of(self, at: datetime) -> float:
        """Return a time as days since the first address was issued."""
        return (at - self.start) / _DAY

    def log_prior_odds(self, source: Source) -> float:
        """Return the logarithm of the prior odds that a source has leaked at all within the span of the world."""
        holding = self.holdings[source]
        return float(np.log(max((holding.hazard + holding.passing) * self.span / YEAR, 1e-300)))

    def plausible_sendings(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source may well be behind: it held all they hit, one address at least for certain."""
        if source not in self._plausible_cache:
            members = self.holdings[source].members
            self._plausible_cache[source] = frozenset(
                name
                for name in self.possible_sendings(source)
                if any(members[address].listed for address in self._sending_by_id[name].mark)
            )
        return self._plausible_cache[source]

    def possible_sendings(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source can be behind at all, some by addresses that nobody told us it has."""
        if source not in self._possible_cache:
            held = self.holdings[source].members.keys() & self._hit_addresses
            self._possible_cache[source] = (
                frozenset(s.id for s in self.sendings if s.mark <= held) if held else frozenset()
            )
        return self._possible_cache[source]

    def unlisted_hits(self, source: Source, sending: str) -> int:
        """Return how many of the addresses that a sending hit nobody told us the source has."""
        members = self.holdings[source].members
        return sum(not members[address].listed for address in self._sending_by_id[sending].mark)

    def source_evidence(self, source: Source, among: frozenset[str]) -> SourceEvidence:
        """Return the evidence for a leak of one source that is behind none but some of the sendings named."""
        prepared = self._prepare_source(source)
        # An account with one vendor's addresses answers as that vendor does; without sendings only numbers count.
        ways = shares(prepared.holding.hazard, prepared.holding.passing, self.rates)
        same = (ways, prepared.same if among else prepared.quiet.same)
        if (same, among) not in self._evidence_cache:
            self._evidence_cache[same, among] = self._compute_evidence(prepared, ways, among)
        return self._evidence_cache[same, among]

    def _compute_evidence(
        self, prepared: _PreparedSource, chances_of_ways: Sequence[float], among: frozenset[str]
    ) -> SourceEvidence:
        chances = zip(self._patterns, chances_of_ways, strict=True)
        ways = [(ready, chance, *self._times_of(ready, prepared, among)) for ready, chance in chances if chance > 0]
        top = max(scale for *_, scale in ways)
        each = [(ready.pattern.manner, chance * np.exp(scale - top) * times) for ready, chance, times, scale in ways]
        times = np.sum([part for _, part in each], axis=0)
        total, behind = float(times.sum()), dict.fromkeys(LeakManner, 0.0)
        for (ready, chance, *_), (manner, part) in zip(ways, each, strict=True):
            idle, scale = self._times_of(ready, prepared, frozenset()) if among else (np.zeros(1), 0.0)
            behind[manner] += max(0.0, float(part.sum()) - chance * float(np.exp(scale - top) * idle.sum()))
        # How a leak happened matters where it is behind something; where it is behind nothing, both ways are open.
        explained = sum(behind.values())
        manners = {manner: part / explained if explained else 1 / len(behind) for manner, part in behind.items()}
        return SourceEvidence(float(np.log(total)) + top, times / total, manners)

    def _times_of(self, ready: _ReadyPattern, prepared: _PreparedSource, among: frozenset[str]) -> tuple[Array, float]:
        """The likelihood ratio of a leak in one way, by time, divided by a scale, and the logarithm of that."""
        candidates = [self._candidate(ready, prepared, s) for s in self.sendings if s.id in among]
        sums = subset_sums([c for c in candidates if c.odds.any()], prepared.members, len(self.days), MAX_SENDINGS)
        ratio, scale = ready.likelihood.likelihood_ratio(self._quiet_factors(ready, prepared.quiet), sums)
        return ratio * self._cell_weights, scale

    def _candidate(self, ready: _ReadyPattern, prepared: _PreparedSource, sending: ObservedSending) -> CandidateSending:
        since = max(prepared.since[name] for name in sending.mark)
        odds, scale = ready.delays[sending.id]
        return CandidateSending(
            sending.mark,
            np.where(self.days >= since, odds, 0.0),
            scale + self._log_field_ratio(prepared.holding, sending),
        )

    def _log_field_ratio(self, holding: Holding, sending: ObservedSending) -> float:
        """How much likelier (log) what a sending repeats of the personas is from somebody who was told it."""
        held = frozenset[str]().union(*(holding.members[name].fields for name in sending.mark))
        repeated, rates = len(sending.fields & held), self.rates
        return float(repeated * np.log(rates.field_used / rates.field_chance)) if repeated else 0.0

    def _ready(self, pattern: LeakPattern) -> _ReadyPattern:
        likelihood = LeakLikelihood(pattern.rates, _share_sent(pattern.rates, self.span - self.days))
        return _ReadyPattern(pattern, likelihood, {s.id: self._delay_odds(pattern, s) for s in self.sendings})

    def _delay_odds(self, pattern: LeakPattern, sending: ObservedSending) -> tuple[Array, float]:
        """How much likelier a sending comes from a leak at each time than from no leak, the mean number set aside.

        The second is the logarithm of what the first was divided by.
        """
        # Who is hit the moment he has the address was hit after it leaked all the same; clocks differ.
        newest = max(self.day_of(self._issued_at[name]) for name in sending.mark)
        day = max(self.day_of(sending.at), newest + _CLOCK_SKEW)
        sent = _share_sent(pattern.rates, day - self.edges)
        density: Array = -np.diff(sent) / np.diff(self.edges)
        top = max(float(density.max()), 1e-300)
        return density / top, float(np.log(top * pattern.content(sending))) - sending.log_rate

    def _prepare_source(self, source: Source) -> _PreparedSource:
        if source not in self._prepared:
            holding = self.holdings[source]
            accounts = source.kind is SuspectKind.SUPPLIER
            hit_members = {name: holding.members[name] for name in holding.members.keys() & self._hit_addresses}
            # Accounts are hit or spared as a whole; what is not listed is in none that we know of.
            members = {
                name: HeldAddress(held.p, held.account if accounts else "", held.listed)
                for name, held in hit_members.items()
            }
            since = {name: max(0.0, self.day_of(held.since)) for name, held in hit_members.items()}
            quiet = self._quiet_addresses(holding, accounts=accounts)
            held = frozenset((name, h.since, h.fields) for name, h in hit_members.items())
            same = source if accounts else (quiet.same, held)
            self._prepared[source] = _PreparedSource(holding, members, since, quiet, same)
        return self._prepared[source]

    def _quiet_addresses(self, holding: Holding, *, accounts: bool) -> _QuietAddresses:
        listed = [held for held in holding.members.values() if held.listed]
        sizes = Counter(held.account for held in listed) if accounts else Counter[str]()
        kinds: dict[tuple[int, float], list[int]] = {}
        for held in listed:
            kinds.setdefault((sizes.get(held.account, 1), held.p), []).append(self._first_cell(held.since))
        others = [self._first_cell(held.since) for held in holding.members.values() if not held.listed]
        found = sorted(kinds.items())
        same = (accounts, tuple(sorted(others)), *((kind, tuple(sorted(cells))) for kind, cells in found))
        alike = [AddressGroup(size, p, self._held_at(cells) / size) for (size, p), cells in found]
        return _QuietAddresses(alike, self._held_at(others), accounts, same)

    def _quiet_factors(self, ready: _ReadyPattern, quiet: _QuietAddresses) -> list[QuietFactor]:
        if quiet.same not in ready.factors:
            while len(ready.factors) >= _CACHED_FACTORS:
                del ready.factors[next(iter(ready.factors))]
            ready.factors[quiet.same] = ready.likelihood.quiet_factors(
                quiet.listed, quiet.unlisted, accounts=quiet.accounts
            )
        return ready.factors[quiet.same]

    def _first_cell(self, since: datetime) -> int:
        """The first cell of the time grid at which something is held that is held since then."""
        if since not in self._cell_cache:
            self._cell_cache[since] = int(np.searchsorted(self.days, max(0.0, self.day_of(since))))
        return self._cell_cache[since]

    def _held_at(self, cells: Sequence[int]) -> Array:
        """How many are held at each time."""
        return np.cumsum(np.bincount(cells, minlength=len(self.days) + 1))[:-1].astype(float)


def _share_sent(rates: Rates, age: Array) -> Array:
    """The part of a leak's sendings that has come so many days after it."""
    total = sum(weight for _, weight in rates.delays)
    ages = np.maximum(age, 0.0)
    sent: Array = np.sum([weight / total * -np.expm1(-ages / mean) for mean, weight in rates.delays], axis=0)
    return sent


def _says_little(sending: ObservedSending) -> bool:
    """Whether a sending is a single mail that looks lawful: many of these must not use up the time grid."""
    return len(sending.mark) == 1 and sending.crime < 1


def _time_grid(span: float, hit_days: Iterable[float]) -> Array:
    """The edges of the time grid: even, and finer before each sending, those named first if there are too many."""
    edges = list(np.linspace(0.0, span, _EVEN_CELLS + 1))
    for day in dict.fromkeys(hit_days):
        if len(edges) < _MOST_EDGES:
            edges += [day - before for before in _REFINED_BEFORE if 0 < day - before < span]
    apart = [0.0]
    for edge in sorted(edges):
        if edge - apart[-1] >= _SHORTEST_CELL and span - edge >= _SHORTEST_CELL:
            apart.append(edge)
    return np.array([*apart, span])
