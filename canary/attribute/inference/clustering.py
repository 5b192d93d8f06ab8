"""From a world to its cases: which hits belong to one leak, and for each leak who, how sure, and since when."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import expm1

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.fields import fields_leaked
from canary.attribute.inference.framing import capped, caution
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.inference.window import leak_window
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Posterior, Source, World
from canary.model.case import LeakWindow

Cluster = frozenset[str]
"""Sendings, by id, that one case is about; where clusters are given, the campaigns that they are of will do."""

Apart = Collection[tuple[Cluster, Cluster]]
"""Pairs of clusters, or of parts of them, that must not come into one."""

_EXPLAINED, _DRAWN = 0.5, 0.1
"""How likely a source must be behind a cluster, given that it leaked, to join it with others: where the cluster by itself
points to a leak, and where nothing else explains it."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its sendings and the addresses they hit, what is believed, and what no data of its kind can tell apart.

    `fields` are the persona's facts that went with the addresses hit, each with the probability that it leaked too.
    `caution` says why suppliers are believed less than the sendings alone would make of them, where that is so. `leak`
    is the probability that a leak is behind at least one of its hits, `behind` for each source that its leak is.
    """

    canaries: tuple[str, ...]
    campaigns: tuple[str, ...]
    posterior: Posterior
    indistinguishable: tuple[tuple[Source, ...], ...]
    window: LeakWindow | None
    fields: Mapping[str, float]
    caution: str = ""

    @property
    def leak(self) -> float:
        """The probability that a leak is behind at least one of the hits."""
        return self.posterior.leak

    @property
    def behind(self) -> Mapping[Source, float]:
        """For each source the probability that its leak is behind at least one of the hits."""
        return self.posterior.behind


def find_cases(world: World, rates: Rates = RATES) -> tuple[CaseResult, ...]:
    """Return the cases of a world, the one that hit most addresses first."""
    model = EvidenceModel(world, rates)
    cases = [case_result(model, cluster) for cluster in cluster_sendings(model)]
    return tuple(sorted(cases, key=lambda c: (-len(c.canaries), c.campaigns)))


def case_result(model: EvidenceModel, cluster: Cluster) -> CaseResult:
    """Return all there is to say about one case."""
    sendings = [s for s in model.sendings if s.id in cluster]
    canaries = model.canaries_hit(cluster)
    why = caution(sendings, canaries)
    posterior = capped(compute_posterior(model, cluster)) if why else compute_posterior(model, cluster)
    fields = frozenset[str]().union(*(c.fields for c in canaries))
    return CaseResult(
        tuple(c.id for c in canaries),
        tuple(campaign for s in sendings for campaign in s.campaigns),
        posterior,
        tuple(g for g in model.indistinguishable if model.holdings[g[0]].members.keys() & {c.id for c in canaries}),
        leak_window(model, cluster, {s: posterior.behind[s] for s in model.sources_behind(cluster)}),
        fields_leaked(sendings, fields, model.rates),
        why,
    )


def cluster_sendings(
    model: EvidenceModel, initial: Sequence[Cluster] | None = None, apart: Apart = ()
) -> list[Cluster]:
    """Group the sendings into cases: those that belong together anyway, and those that one leak explains better.

    What belongs together anyway are the initial clusters, or without any the sendings that share addresses. Clusters
    that share a sending are one, unless they must stay apart. Each cluster returned is a union of initial ones.
    """
    if initial is None:
        started = _connected_components([(s.id, s.mark) for s in model.sendings])
    else:
        started = [cluster for given in initial if (cluster := _sendings(model, given))]
    apart = [(_sendings(model, one), _sendings(model, other)) for one, other in apart]
    clusters, mergers = _without_overlap(started, apart), _Mergers(model, apart)
    while merged := mergers.best(clusters):
        clusters = [cluster for cluster in clusters if not cluster <= merged] + [merged]
    return clusters


def _sendings(model: EvidenceModel, campaigns: Cluster) -> Cluster:
    return frozenset(s.id for s in model.sendings if not campaigns.isdisjoint(s.campaigns))


def _connected_components(sendings: Iterable[tuple[str, frozenset[str]]]) -> list[Cluster]:
    """The sendings that share addresses, directly or through others: they belong together, whichever source it was."""
    component_of: dict[str, set[str]] = {}
    addresses_of: dict[int, set[str]] = {}
    for sending, mark in sendings:
        ids, addresses = {sending}, set(mark)
        for other in {id(component_of[name]): component_of[name] for name in mark if name in component_of}.values():
            ids |= other
            addresses |= addresses_of.pop(id(other))
        component_of |= dict.fromkeys(addresses, ids)
        addresses_of[id(ids)] = addresses
    return [frozenset(ids) for ids in {id(ids): ids for ids in component_of.values()}.values()]


def _without_overlap(clusters: Iterable[Cluster], apart: Apart) -> list[Cluster]:
    """The clusters, those that share a sending as one unless they must stay apart."""
    separate: list[Cluster] = []
    for cluster in clusters:
        grown = cluster
        for other in [other for other in separate if other & cluster]:
            if not _must_stay_apart(grown, other, apart):
                separate.remove(other)
                grown |= other
        separate.append(grown)
    return separate


def _must_stay_apart(one: Cluster, other: Cluster, apart: Apart) -> bool:
    return any((one & a and other & b) or (one & b and other & a) for a, b in apart)


class _Mergers:
    """Which clusters one source's leak explains better than they do by themselves."""

    def __init__(self, model: EvidenceModel, apart: Apart) -> None:
        self.model, self.apart = model, apart
        self.sources = sorted(
            s for s in model.sources_behind(frozenset(model.sending_by_id)) if len(model.plausible_sendings(s)) > 1
        )
        self._alone: dict[Cluster, float] = {}

    def best(self, clusters: Sequence[Cluster]) -> Cluster | None:
        """Return the union of clusters that gains most by having one explanation; None if nothing is gained."""
        unions = (union for source in self.sources for union in self._gaining(source, clusters))
        return max(unions, key=lambda union: union[0], default=(0.0, None))[1]

    def _gaining(self, source: Source, clusters: Sequence[Cluster]) -> Iterator[tuple[float, Cluster]]:
        """Yield the union that a source explains, with what is gained, if anything is."""
        plausible = self.model.plausible_sendings(source)
        candidates = [cluster for cluster in clusters if cluster <= plausible]
        # A source explains no part of them better than all: most sources are out of the question by this alone.
        if len(candidates) < 2 or self._log_odds(source, Cluster().union(*candidates)) <= 0:
            return
        parts = self._allowed(self._drawn(source, candidates, Cluster().union(*candidates)))
        union = Cluster().union(*parts)
        gain = self._log_odds(source, union) - sum(map(self._log_odds_alone, parts)) if len(parts) > 1 else 0.0
        if gain > 0:
            yield gain, union

    def _drawn(self, source: Source, candidates: Sequence[Cluster], every: Cluster) -> list[Cluster]:
        """Those clusters that a source is probably behind, were it behind some of all: halved until it is not."""
        chance = self._chance_behind(source, Cluster().union(*candidates), every)
        if chance <= _DRAWN:
            return []
        if len(candidates) == 1:
            return list(candidates) if chance > _EXPLAINED or self._log_odds_alone(candidates[0]) <= 0 else []
        half = len(candidates) // 2
        return [
            cluster for part in (candidates[:half], candidates[half:]) for cluster in self._drawn(source, part, every)
        ]

    def _allowed(self, parts: Sequence[Cluster]) -> list[Cluster]:
        """The parts that may come together, the largest first."""
        chosen: list[Cluster] = []
        for part in sorted(parts, key=lambda part: -len(part)) if self.apart else parts:
            if not any(_must_stay_apart(part, other, self.apart) for other in chosen):
                chosen.append(part)
        return chosen

    def _chance_behind(self, source: Source, some: Cluster, every: Cluster) -> float:
        """How likely a source is behind any of some sendings, given that it leaked and may be behind every one."""
        whole = self.model.source_evidence(source, every).log_ratio
        return -expm1(min(0.0, self.model.source_evidence(source, every - some).log_ratio - whole))

    def _log_odds_alone(self, cluster: Cluster) -> float:
        """The logarithm of the best single source's odds against no leak, from one cluster alone; at least 0."""
        if cluster not in self._alone:
            sources = self.model.sources_behind(cluster)
            self._alone[cluster] = max(0.0, max((self._log_odds(s, cluster) for s in sources), default=0.0))
        return self._alone[cluster]

    def _log_odds(self, source: Source, cluster: Cluster) -> float:
        among = self.model.plausible_sendings(source) & cluster
        return self.model.log_prior_odds(source) + self.model.source_evidence(source, among).log_ratio
