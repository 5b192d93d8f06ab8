"""One world made ready for questions: its sendings, its sources, the possible times of a leak, and the evidence.

The question is always the same: how much likelier is what was seen, had this source leaked, than without any leak.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial

import numpy as np

from canary.attribute.inference.evidence_rows import EvidenceRows, SourceEvidence, bayes_factor
from canary.attribute.inference.likelihood import MAX_SENDINGS, AddressGroup, KeyWeights, LeakLikelihood, QuietFactors
from canary.attribute.inference.subset_sum import (
    NOTHING_CHOSEN,
    Array,
    CandidateSending,
    HeldAddress,
    Ints,
    subset_sums,
)
from canary.attribute.inference.time_grid import DAY, FirstCells, share_sent, time_edges
from canary.attribute.inference.touched_sources import TouchedSources
from canary.attribute.null_model import YEAR, ObservedSending, observed_sendings
from canary.attribute.patterns import LeakPattern, leak_patterns, shares
from canary.attribute.priors import Rates
from canary.attribute.sources import Held, Holding, holdings, indistinguishable
from canary.attribute.world import CanaryFacts, Source, World
from canary.model.case import LeakManner, SuspectKind

_CLOCK_SKEW = 0.5
_CACHED_FACTORS = 8
"""The quiet factors kept at a time; each takes up to two megabytes."""

_NONE_OR_ONE = [tuple(NOTHING_CHOSEN), tuple(NOTHING_CHOSEN._replace(unlisted=1, sendings=1, hits=1))]

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _QuietAddresses:
    """What a supplier's addresses are for the kernel, all being quiet; equal ones have equal `same`."""

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
    """A way to leak made ready: its quadrature, the odds of each sending's delay, and what is worked out so far.

    That is the large quiet factors of the addresses asked about last, and the weights of keys for all.
    """

    pattern: LeakPattern
    likelihood: LeakLikelihood
    delays: Mapping[str, tuple[Array, float]]
    factors: "_RecentFactors"
    weights: dict[object, KeyWeights] = field(default_factory=dict)


class _RecentFactors:
    """The quiet factors of the addresses asked about last, for one way to leak.

    It knows neither the model nor what else is made ready: a circle would keep their large arrays, in a process that
    weighs one world after another, until cycles are looked for.
    """

    def __init__(self, likelihood: LeakLikelihood) -> None:
        self._likelihood = likelihood
        self._recent: dict[object, QuietFactors] = {}

    def of(self, quiet: _QuietAddresses) -> QuietFactors:
        """Return the factors, worked out or remembered."""
        if quiet.same not in self._recent:
            while len(self._recent) >= _CACHED_FACTORS:
                del self._recent[next(iter(self._recent))]
            self._recent[quiet.same] = self._likelihood.quiet_factors(
                quiet.listed, quiet.unlisted, accounts=quiet.accounts
            )
        return self._recent[quiet.same]


class EvidenceModel:
    """What all hypotheses of one world share; evidence is worked out once for each source and set of sendings."""

    def __init__(self, world: World, rates: Rates) -> None:
        """Lay out the time grid and the sources."""
        self.world, self.rates = world, rates
        self.canaries = {c.id: c for c in world.canaries}
        self._position = {c.id: i for i, c in enumerate(world.canaries)}
        self.start = min((c.issued for c in world.canaries), default=world.now - timedelta(days=YEAR))
        self.sendings = observed_sendings(world, rates)
        self.sending_by_id = {s.id: s for s in self.sendings}
        self.hit_addresses = frozenset[str]().union(*(s.mark for s in self.sendings))
        self.holdings = {holding.source: holding for holding in holdings(world, rates)}
        self._newest = {s.id: max(self.day_of(self.canaries[name].issued) for name in s.mark) for s in self.sendings}
        # Who is hit the moment he has the address was hit after it leaked all the same; clocks differ.
        self.span = max(1.0, self.day_of(world.now), *(newest + _CLOCK_SKEW for newest in self._newest.values()))
        ordered = sorted(self.sendings, key=_says_little)
        self.edges = time_edges(self.span, [(self.day_of(s.at), self._newest[s.id]) for s in ordered])
        self.days = (self.edges[1:] + self.edges[:-1]) / 2
        self._cell_weights = np.diff(self.edges) / self.span
        self._patterns = [self._ready(pattern) for pattern in leak_patterns(rates)]
        self._cells = FirstCells(self.days, self.start, world.canaries)
        self._touched = TouchedSources(self.holdings.values(), self.sendings)
        self._prepared: dict[Source, _PreparedSource] = {}
        self._evidence_cache: dict[tuple[object, frozenset[str]], SourceEvidence] = {}
        self._others_cache: dict[str, EvidenceRows] = {}
        self._all_others: Array | None = None

    @cached_property
    def index(self) -> Mapping[Source, int]:
        """The place of each source in what is given for all of them."""
        return {source: i for i, source in enumerate(self.holdings)}

    @cached_property
    def single_sets(self) -> Sequence[frozenset[Source]]:
        """Each source as a set of itself."""
        return [frozenset((source,)) for source in self.holdings]

    @cached_property
    def silent_log_weights(self) -> Array:
        """The posterior odds of each source against no leak, as logarithms, if it is behind none of the sendings."""
        return np.array([self.log_prior_odds(s) + self.source_evidence(s, NOTHING).log_ratio for s in self.holdings])

    @cached_property
    def silent_weights(self) -> Array:
        """The same odds, not as logarithms."""
        return np.asarray(np.exp(self.silent_log_weights), dtype=np.float64)

    @cached_property
    def silent_order(self) -> Ints:
        """The places of the sources, the likeliest first, if none is behind any sending."""
        return np.argsort(-self.silent_log_weights, kind="stable")

    @cached_property
    def silent_bayes_factors(self) -> dict[Source, float]:
        """The Bayes factor of each source, if it is behind none of the sendings."""
        return {s: bayes_factor(self.source_evidence(s, NOTHING).log_ratio) for s in self.holdings}

    @cached_property
    def silent_manners(self) -> dict[Source, Mapping[LeakManner, float]]:
        """How likely each way is for each source, if it is behind none of the sendings."""
        return {s: self.source_evidence(s, NOTHING).manners for s in self.holdings}

    @cached_property
    def behind_nothing(self) -> dict[Source, float]:
        """Zero for each source."""
        return dict.fromkeys(self.holdings, 0.0)

    @cached_property
    def with_others(self) -> list[Source]:
        """The sources that may hold more than is known."""
        return [holding.source for holding in self.holdings.values() if holding.others]

    @property
    def by_others(self) -> frozenset[str]:
        """The sendings that these may be behind."""
        return self._touched.by_others

    @cached_property
    def indistinguishable(self) -> tuple[tuple[Source, ...], ...]:
        """The vendors and suppliers that no data tells apart."""
        return tuple(indistinguishable(self.holdings.values()))

    def day_of(self, at: datetime) -> float:
        """Return a time as days since the first address was issued."""
        return (at - self.start) / DAY

    def log_prior_odds(self, source: Source) -> float:
        """Return the logarithm of the prior odds that a source has leaked at all within the span of the world."""
        holding = self.holdings[source]
        return float(np.log(max((holding.hazard + holding.passing) * self.span / YEAR, 1e-300)))

    def plausible_sendings(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source may well be behind: it held all they hit, one address at least for certain."""
        return self._touched.plausible.get(source, NOTHING)

    def possible_sendings(self, source: Source) -> frozenset[str]:
        """Return the sendings that a source can be behind at all, some by addresses that nobody told us it has."""
        if self.holdings[source].others:
            return self._touched.by_others
        return self.plausible_sendings(source)

    def canaries_hit(self, among: frozenset[str]) -> tuple[CanaryFacts, ...]:
        """Return the addresses that some sendings hit, in the order of the world."""
        hit = frozenset[str]().union(*(self.sending_by_id[sending].mark for sending in among))
        return tuple(self.canaries[name] for name in sorted(hit, key=self._position.__getitem__))

    def sources_behind(self, among: frozenset[str]) -> frozenset[Source]:
        """Return the sources that may well be behind any of some sendings."""
        return frozenset[Source]().union(*(self._touched.sources.get(sending, ()) for sending in among))

    def unlisted_hits(self, source: Source, sending: str) -> int:
        """Return how many of the addresses that a sending hit nobody told us the source has."""
        members = self.holdings[source].members
        return sum(address not in members for address in self.sending_by_id[sending].mark)

    def source_evidence(self, source: Source, among: frozenset[str]) -> SourceEvidence:
        """Return the evidence for a leak of one source that is behind none but some of the sendings named."""
        if not among and source in self._numbers.row:
            return self._numbers.evidence(source)
        prepared = self._prepare_source(source)
        # An account with one vendor's addresses answers as that vendor does; without sendings only numbers count.
        ways = self._ways(source)
        same = (ways, prepared.same if among else prepared.quiet.same)
        if (same, among) not in self._evidence_cache:
            self._evidence_cache[same, among] = self._compute_evidence(prepared, ways, among)
        return self._evidence_cache[same, among]

    def _ways(self, source: Source) -> tuple[float, ...]:
        holding = self.holdings[source]
        return shares(holding.hazard, holding.passing, self.rates)

    @cached_property
    def _numbers(self) -> "EvidenceRows":
        """The evidence that no sending gives, for all that hold whatever they hold for certain and in no accounts."""
        held = [h for h in self.holdings.values() if h.source.kind is not SuspectKind.SUPPLIER and _is_certain(h)]
        numbers = np.stack([self._number_held(h.members.values()) for h in held]) if held else np.zeros((0, 0))
        each = [ready.likelihood.nothing_chosen(numbers) for ready in self._patterns] if held else []
        return self._rows([h.source for h in held], each)

    def _rows(self, sources: Sequence[Source], each: Sequence[tuple[Array, Array]]) -> "EvidenceRows":
        """The evidence for several sources, from the likelihood ratios of each way by source and time, and their scales."""
        chances = np.array([self._ways(source) for source in sources]).reshape(len(sources), len(self._patterns))
        with np.errstate(divide="ignore"):
            scales = np.stack([scale for _, scale in each], axis=1) + np.log(chances) if each else chances
        top = scales.max(axis=1)
        parts = [
            np.exp(scale - top)[:, None] * ratio * self._cell_weights
            for (ratio, _), scale in zip(each, scales.T, strict=False)
        ]
        return EvidenceRows.of(sources, parts, [ready.pattern.manner for ready in self._patterns], top)

    def _compute_evidence(
        self, prepared: _PreparedSource, ways: Sequence[float], among: frozenset[str]
    ) -> SourceEvidence:
        source = prepared.holding.source
        if len(among) == 1 and self._is_by_others(source, next(iter(among))):
            return self._by_others(next(iter(among))).evidence(source)
        each = [self._times_of(ready, prepared, among) for ready, chance in zip(self._patterns, ways, strict=True)]
        return self._rows([source], [(ratio[None], np.array([scale])) for ratio, scale in each]).evidence(source)

    def _times_of(self, ready: _ReadyPattern, prepared: _PreparedSource, among: frozenset[str]) -> tuple[Array, float]:
        """The likelihood ratio of a leak in one way, by time, divided by a scale, and the logarithm of that."""
        candidates = [self._candidate(ready, prepared, s) for s in self.sendings if s.id in among]
        sums = subset_sums([c for c in candidates if c.odds.any()], prepared.members, len(self.days), MAX_SENDINGS)
        return ready.likelihood.likelihood_ratio(self._key_weights(ready, prepared.quiet), sums)

    def _is_by_others(self, source: Source, sending: str) -> bool:
        """Whether a sending met one address, and that is none of those a source is known to hold."""
        (first, *more) = self.sending_by_id[sending].mark
        return not more and first not in self.holdings[source].members

    @cached_property
    def _weights_with_others(self) -> list[tuple[_ReadyPattern, Array, Array]]:
        """What none and one such hit weigh, for each way and each source that may hold more than is known."""
        each = []
        for ready in self._patterns:
            weights = [self._key_weights(ready, self._prepare_source(s).quiet) for s in self.with_others]
            bounds = np.stack([one.bounds(_NONE_OR_ONE, np.array(_NONE_OR_ONE)) for one in weights])
            values = np.stack([one.values(_NONE_OR_ONE, np.array(_NONE_OR_ONE)) for one in weights])
            each.append((ready, bounds, values))
        return each

    def _by_others(self, sending: str) -> "EvidenceRows":
        """The evidence of one sending to one address for all sources that may hold it, though nobody told us."""
        if sending not in self._others_cache:
            self._others_cache = {sending: self._compute_by_others(self.sending_by_id[sending])}
        return self._others_cache[sending]

    def _compute_by_others(self, sending: ObservedSending) -> "EvidenceRows":
        (address,) = sending.mark
        since = max(0.0, self.day_of(self.canaries[address].issued))
        each = []
        for ready, bounds, values in self._weights_with_others:
            odds, scale = ready.delays[sending.id]
            logs = bounds + np.array([0.0, scale])
            top = logs.max(axis=1)
            shares_of_two = np.exp(logs - top[:, None])
            hit = values[:, 1] * np.where(self.days >= since, odds, 0.0)
            each.append((shares_of_two[:, :1] * values[:, 0] + shares_of_two[:, 1:] * hit, top))
        return self._rows(self.with_others, each)

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
        held = frozenset[str]().union(*(h.fields for name in sending.mark if (h := holding.members.get(name))))
        repeated, rates = len(sending.fields & held), self.rates
        return float(repeated * np.log(rates.field_used / rates.field_chance)) if repeated else 0.0

    def _ready(self, pattern: LeakPattern) -> _ReadyPattern:
        likelihood = LeakLikelihood(pattern.rates, share_sent(pattern.rates, self.span - self.days))
        delays = {s.id: self._delay_odds(pattern, s) for s in self.sendings}
        return _ReadyPattern(pattern, likelihood, delays, _RecentFactors(likelihood))

    def _delay_odds(self, pattern: LeakPattern, sending: ObservedSending) -> tuple[Array, float]:
        """How much likelier a sending comes from a leak at each time than from no leak, the mean number set aside.

        The second is the logarithm of what the first was divided by.
        """
        day = max(self.day_of(sending.at), self._newest[sending.id] + _CLOCK_SKEW)
        sent = share_sent(pattern.rates, day - self.edges)
        density: Array = -np.diff(sent) / np.diff(self.edges)
        top = max(float(density.max()), 1e-300)
        return density / top, float(np.log(top * pattern.content(sending))) - sending.log_rate

    def _prepare_source(self, source: Source) -> _PreparedSource:
        if source not in self._prepared:
            holding = self.holdings[source]
            accounts = source.kind is SuspectKind.SUPPLIER
            others = {name: holding.others[name] for name in holding.others.keys() & self.hit_addresses}
            listed = {name: holding.members[name] for name in holding.members.keys() & self.hit_addresses}
            # Accounts are hit or spared as a whole; what is not listed is in none that we know of.
            members = {
                name: HeldAddress(held.p, held.account if accounts else "", held.listed)
                for name, held in (others | listed).items()
            }
            since = {name: max(0.0, self.day_of(held.since)) for name, held in (others | listed).items()}
            quiet = self._quiet_addresses(holding, accounts=accounts)
            held = frozenset((name, h.since, h.fields) for name, h in listed.items())
            same = source if accounts else (quiet.same, held)
            self._prepared[source] = _PreparedSource(holding, members, since, quiet, same)
        return self._prepared[source]

    def _quiet_addresses(self, holding: Holding, *, accounts: bool) -> _QuietAddresses:
        sizes = Counter[str]()
        for held in holding.members.values() if accounts else ():
            sizes[held.account] += held.number
        kinds: dict[tuple[int, float], list[Held]] = {}
        for held in holding.members.values():
            kinds.setdefault((sizes.get(held.account, 1), held.p), []).append(held)
        alike = [AddressGroup(size, p, self._number_held(same) / size) for (size, p), same in sorted(kinds.items())]
        others = self._number_of_others(holding)
        same = (accounts, others.tobytes(), *((kind.size, kind.p, kind.number.tobytes()) for kind in alike))
        return _QuietAddresses(alike, others, accounts, same)

    def _number_of_others(self, holding: Holding) -> Array:
        """How many addresses a source may hold besides those it is known to hold, at each time."""
        if not holding.others:
            return np.zeros(len(self.days))
        if self._all_others is None:
            self._all_others = self._number_held(holding.others.values())
        return self._all_others - self._number_held(holding.others[name] for name in holding.members)

    def _number_held(self, members: Iterable[Held]) -> Array:
        """How many addresses are held at each time."""
        cells, counts = [], []
        for held in members:
            cells.append(self._cells[held.since])
            counts.append(held.number)
        by_cell = np.bincount(np.array(cells, dtype=np.int64), counts, minlength=len(self.days) + 1)
        return np.asarray(np.cumsum(by_cell)[:-1], dtype=np.float64)

    def _key_weights(self, ready: _ReadyPattern, quiet: _QuietAddresses) -> KeyWeights:
        if quiet.same not in ready.weights:
            ready.weights[quiet.same] = KeyWeights(ready.likelihood, partial(ready.factors.of, quiet))
        return ready.weights[quiet.same]


def _says_little(sending: ObservedSending) -> bool:
    """Whether a sending is a single mail that looks lawful: many of these must not use up the time grid."""
    return len(sending.mark) == 1 and sending.crime < 1


def _is_certain(holding: Holding) -> bool:
    return all(held.p == 1 for held in holding.members.values())
