"""From a world to its cases: which hits belong to one leak, and for each leak who, how sure, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.fields import fields_leaked
from canary.attribute.inference.framing import capped, caution
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.inference.window import leak_window, probability_behind
from canary.attribute.null_model import ObservedSending
from canary.attribute.priors import RATES, Rates
from canary.attribute.sources import indistinguishable
from canary.attribute.world import Posterior, Source, World
from canary.model.case import LeakWindow

Cluster = frozenset[str]
"""Sendings, by id, that one case is about."""

_IMPOSSIBLE = -700.0
"""The logarithm of odds that no evidence makes up for."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its sendings and the addresses they hit, what is believed, and what no data of its kind can tell apart.

    `fields` are the persona's facts that went with the addresses hit, each with the probability that it leaked too.
    `caution` says why suppliers are believed less than the sendings alone would make of them, where that is so.
    """

    canaries: tuple[str, ...]
    campaigns: tuple[str, ...]
    posterior: Posterior
    indistinguishable: tuple[tuple[Source, ...], ...]
    window: LeakWindow | None
    fields: Mapping[str, float]
    caution: str = ""


def find_cases(world: World, rates: Rates = RATES) -> tuple[CaseResult, ...]:
    """Return the cases of a world, the one that hit most addresses first."""
    model = EvidenceModel(world, rates)
    cases = [case_result(model, cluster) for cluster in cluster_sendings(model)]
    return tuple(sorted(cases, key=lambda c: (-len(c.canaries), c.campaigns)))


def case_result(model: EvidenceModel, cluster: Cluster) -> CaseResult:
    """Return all there is to say about one case."""
    sendings = [s for s in model.sendings if s.id in cluster]
    hit = frozenset[str]().union(*(s.mark for s in sendings))
    why = caution(sendings, model.world.canaries)
    posterior = capped(compute_posterior(model, cluster)) if why else compute_posterior(model, cluster)
    fields = frozenset[str]().union(*(c.fields for c in model.world.canaries if c.id in hit))
    return CaseResult(
        tuple(c.id for c in model.world.canaries if c.id in hit),
        tuple(campaign for s in sendings for campaign in s.campaigns),
        posterior,
        tuple(g for g in indistinguishable(model.holdings.values()) if model.holdings[g[0]].listed() & hit),
        leak_window(model, cluster, posterior.singles()),
        fields_leaked(sendings, fields, model.rates),
        why,
    )


def cluster_sendings(model: EvidenceModel) -> list[Cluster]:
    """Return the sendings of each case: those of one source go together if one leak explains them better than several."""
    clusters = _connected_components(model.sendings)
    while merged := _best_merger(model, clusters):
        clusters = [cluster for cluster in clusters if not cluster <= merged] + [merged]
    return clusters


def _connected_components(sendings: Sequence[ObservedSending]) -> list[Cluster]:
    """The sendings that share addresses, directly or through others: they belong together, whichever source it was."""
    components: list[tuple[set[str], set[str]]] = []
    for sending in sendings:
        ids, addresses = {sending.id}, set(sending.mark)
        for other in [component for component in components if component[1] & sending.mark]:
            components.remove(other)
            ids |= other[0]
            addresses |= other[1]
        components.append((ids, addresses))
    return [frozenset(ids) for ids, _ in components]


def _best_merger(model: EvidenceModel, clusters: Sequence[Cluster]) -> Cluster | None:
    """Return the union of clusters that gains most by having one explanation; None if nothing is gained."""
    best: tuple[float, Cluster] | None = None
    alone = {cluster: max(0.0, *(_log_odds(model, s, cluster) for s in model.holdings)) for cluster in clusters}
    for source in model.holdings:
        plausible = model.plausible_sendings(source)
        candidates = [cluster for cluster in clusters if cluster <= plausible]
        if len(candidates) < 2:
            continue
        union = _explained(model, source, candidates)
        parts = [cluster for cluster in candidates if cluster <= union]
        gain = _log_odds(model, source, union) - sum(alone[part] for part in parts) if len(parts) > 1 else 0.0
        if gain > 0 and (best is None or gain > best[0]):
            best = gain, union
    return best[1] if best else None


def _explained(model: EvidenceModel, source: Source, clusters: Sequence[Cluster]) -> Cluster:
    """The union of those clusters of which a source probably explains at least one sending."""
    every = Cluster().union(*clusters)
    return Cluster().union(
        *(c for c in clusters if any(probability_behind(model, every, source, sending) > 0.5 for sending in c))
    )


def _log_odds(model: EvidenceModel, source: Source, cluster: Cluster) -> float:
    """The logarithm of a source's odds against no leak, from some sendings alone; nothing if it held none of them."""
    among = model.plausible_sendings(source) & cluster
    if not among:
        return _IMPOSSIBLE
    return model.log_prior_odds(source) + model.source_evidence(source, among).log_ratio
