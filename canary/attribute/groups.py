"""Which cases one leak explains together, and what is believed of each: the evidence of several cases, weighed at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from canary.attribute.assess import Assessment, SourceNames, assess
from canary.attribute.inference.clustering import Cluster, cluster_sendings
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import CampaignHit, World

Hits = Mapping[int, Sequence[CampaignHit]]
"""The charged hits of each case."""


@dataclass(frozen=True, slots=True)
class WeighedCase:
    """The cases that are one, as one leak explains them better than several, and what is believed of them."""

    cases: tuple[int, ...]
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class GroupQuestion:
    """What is asked: the world without its hits, the hits of each case, and which of the cases are to be assessed.

    `apart` are pairs of cases that stay two whatever is found; of the `touched`, which people work on, no two become
    one. Only the patient get explanations where there is much.
    """

    world: World
    hits: Hits
    due: frozenset[int]
    apart: frozenset[frozenset[int]] = frozenset()
    touched: frozenset[int] = frozenset()
    patient: bool = False


def weigh_group(asked: GroupQuestion, names: SourceNames, rates: Rates = RATES) -> tuple[WeighedCase, ...]:
    """Return what is believed of the cases that are due, with those that turn out to be one with them."""
    return tuple(
        WeighedCase(together, _assess(asked, together, names, rates))
        for together in cases_together(asked, rates)
        if not asked.due.isdisjoint(together)
    )


def cases_together(asked: GroupQuestion, rates: Rates = RATES) -> list[tuple[int, ...]]:
    """Return all cases, those together that one leak explains better than several."""
    alone: list[tuple[int, ...]] = [(number,) for number in sorted(asked.hits)]
    if len(alone) < 2:
        return alone
    return _join_by_source(asked, _join_by_campaign(asked, alone, rates), rates)


def _join_by_campaign(asked: GroupQuestion, alone: list[tuple[int, ...]], rates: Rates) -> list[tuple[int, ...]]:
    """Join cases that a campaign or a sender spans, if one leak explains the whole of it better than its parts."""
    found = list(alone)
    for spanned in _spanned(asked.hits):
        members = [part for part in found if not spanned.isdisjoint(part)]
        whole = tuple(sorted(number for part in members for number in part))
        if len(members) > 1 and not _kept_apart(asked, whole) and _gains(asked, whole, rates):
            found = [part for part in found if part not in members] + [whole]
    return sorted(found)


def _spanned(hits: Hits) -> Iterable[frozenset[int]]:
    """Return the sets of cases that campaigns and senders span, the largest first."""
    having: dict[tuple[str, str], set[int]] = defaultdict(set)
    for case, its in hits.items():
        for hit in its:
            having["campaign", hit.campaign].add(case)
            if hit.sender:
                having["sender", hit.sender].add(case)
    spans = {frozenset(cases) for cases in having.values() if len(cases) > 1}
    return sorted(spans, key=lambda cases: (-len(cases), sorted(cases)))


def _gains(asked: GroupQuestion, whole: tuple[int, ...], rates: Rates) -> bool:
    """Whether one leak behind all hits of some cases is likelier than one behind those of each."""
    parts: list[tuple[int, ...]] = [(number,) for number in whole]
    together = EvidenceModel(replace(asked.world, hits=_hits_of(asked, whole)), rates)
    apart = EvidenceModel(replace(asked.world, hits=_tagged(asked, parts)), rates)
    every = frozenset(sending.id for sending in together.sendings)
    return _log_odds(together, every) > sum(_log_odds(apart, cluster) for cluster in _clusters(apart, parts))


def _log_odds(model: EvidenceModel, cluster: Cluster) -> float:
    """The logarithm of the best single source's odds against no leak, at least 0."""
    able = ((source, model.plausible_sendings(source) & cluster) for source in model.holdings)
    odds = (model.log_prior_odds(s) + model.source_evidence(s, among).log_ratio for s, among in able if among)
    return max((0.0, *odds))


def _join_by_source(asked: GroupQuestion, found: list[tuple[int, ...]], rates: Rates) -> list[tuple[int, ...]]:
    """Join cases that one source's leak explains better than a leak of each."""
    model = EvidenceModel(replace(asked.world, hits=_tagged(asked, found)), rates)
    clusters = list(zip(_clusters(model, found), found, strict=True))
    silent = [part for cluster, part in clusters if not cluster]
    initial, found = [cluster for cluster, _ in clusters if cluster], [part for cluster, part in clusters if cluster]
    case_of = {sending: part for part, cluster in zip(found, initial, strict=True) for sending in cluster}
    apart = [
        (one, other)
        for (one, first), (other, second) in combinations(zip(initial, found, strict=True), 2)
        if _kept_apart(asked, (*first, *second))
    ]
    merged = cluster_sendings(model, initial, apart)
    return silent + [
        tuple(sorted(number for part in dict.fromkeys(case_of[sending] for sending in cluster) for number in part))
        for cluster in merged
    ]


def _kept_apart(asked: GroupQuestion, cases: Collection[int]) -> bool:
    return len(asked.touched.intersection(cases)) > 1 or any(pair <= frozenset(cases) for pair in asked.apart)


def _clusters(model: EvidenceModel, found: Sequence[tuple[int, ...]]) -> list[Cluster]:
    """Return the sendings of each set of cases; each sending is of one."""
    tag = {f"#{part[0]}": number for number, part in enumerate(found)}
    clusters: list[set[str]] = [set() for _ in found]
    for sending in model.sendings:
        clusters[tag[sending.campaigns[0][sending.campaigns[0].rindex("#") :]]].add(sending.id)
    return [frozenset(cluster) for cluster in clusters]


def _tagged(asked: GroupQuestion, found: Iterable[tuple[int, ...]]) -> tuple[CampaignHit, ...]:
    """Return the hits, with what a campaign or a sender did to several sets of cases as that of so many."""
    return tuple(
        replace(hit, campaign=f"{hit.campaign}#{part[0]}", sender=hit.sender and f"{hit.sender}#{part[0]}")
        for part in found
        for hit in _hits_of(asked, part)
    )


def _hits_of(asked: GroupQuestion, cases: Iterable[int]) -> tuple[CampaignHit, ...]:
    return tuple(hit for number in cases for hit in asked.hits[number])


def _assess(asked: GroupQuestion, cases: tuple[int, ...], names: SourceNames, rates: Rates) -> Assessment:
    return assess(replace(asked.world, hits=_hits_of(asked, cases)), names, rates, patient=asked.patient)
