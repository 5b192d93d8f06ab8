"""What simpler people do instead: rules and scores that attribution is compared with, each from a world to beliefs."""

from collections.abc import Callable, Hashable, Mapping, Set
from math import exp, lgamma, log, prod
from typing import TypeVar

from canary.attribute.world import NO_LEAK, CanaryFacts, Posterior, Source, SupplyFacts, World
from canary.model.case import SuspectKind
from canary.model.verdict import Verdict

Agent = TypeVar("Agent", bound=Hashable)
Holdings = Mapping[Source, frozenset[str]]

_RULE_SAYS = 0.99
"""How sure a rule is taken to be of what it says; the rest it leaves to chance."""
_GUESSED = 0.1
_CHANCE = 0.1
"""How likely a canary is hit within the usual two years though nobody leaked it."""
_PRIOR = {SuspectKind.VENDOR: 0.25, SuspectKind.SUPPLIER: 0.20, SuspectKind.OWNER: 0.05}


def holdings(world: World) -> Holdings:
    """Return which addresses each vendor, each supplier and the own side holds, as far as the world says."""
    held_by_source: dict[Source, set[str]] = {Source(SuspectKind.OWNER): {c.id for c in world.canaries}}
    supplies = {vendor.id: vendor.suppliers for vendor in world.vendors}
    for vendor in world.vendors:
        held_by_source[Source(SuspectKind.VENDOR, vendor.id)] = set()
        held_by_source.update({Source(SuspectKind.SUPPLIER, p.supplier): set() for p in vendor.suppliers})
    for canary in world.canaries:
        if canary.vendor is None:
            continue
        held_by_source.setdefault(Source(SuspectKind.VENDOR, canary.vendor), set()).add(canary.id)
        for supply in supplies.get(canary.vendor, ()):
            if _is_supplied(supply, canary):
                held_by_source[Source(SuspectKind.SUPPLIER, supply.supplier)].add(canary.id)
    return {source: frozenset(canaries) for source, canaries in held_by_source.items()}


def any_mail(world: World) -> Posterior:
    """Accuse every vendor whose address got any mail that is not the vendor's own."""
    return _accuse(world, {hit.canary for hit in world.hits})


def spam_means_vendor(world: World) -> Posterior:
    """Accuse every vendor whose address got spam: what most people with a catch-all do."""
    return _accuse(world, _crime_canaries(world, but=Verdict.THIRD_PARTY))


def guilt_model(world: World) -> Posterior:
    """Take the guilt model's probabilities, vendors, suppliers and the own side being its agents."""
    scores = guilt(holdings(world), _crime_canaries(world), _GUESSED)
    return Posterior(_shared_out(scores), scores)


def guilt(holdings: Mapping[Agent, Set[Hashable]], leaked: Set[Hashable], p: float) -> dict[Agent, float]:
    """Return for each agent the probability that it gave away any leaked object, were each guessed with probability p.

    The guilt model of Papadimitriou and Garcia-Molina (Data Leakage Detection, TKDE 23(1), 2011), in closed form.
    Each object that was not guessed has one leaker, any of its holders alike; objects that did not leak say nothing.
    """
    holders = {thing: sum(thing in held for held in holdings.values()) for thing in leaked}
    return {
        agent: 1.0 - prod(1.0 - (1.0 - p) / holders[thing] for thing in held & leaked)
        for agent, held in holdings.items()
    }


def overlap_vote(world: World) -> Posterior:
    """Accuse the source that held the most of what was hit; the own side, which holds all, may not stand."""
    hit = _crime_canaries(world)
    votes = {s: len(held & hit) for s, held in holdings(world).items() if s.kind is not SuspectKind.OWNER}
    most = max(votes.values(), default=0)
    winners = [source for source, count in votes.items() if count == most and most]
    if not winners:
        return Posterior({NO_LEAK: 1.0}, dict.fromkeys(votes, 0.0))
    shares = dict.fromkeys(votes, 0.0) | dict.fromkeys(winners, _RULE_SAYS / len(winners))
    return Posterior({NO_LEAK: 1 - _RULE_SAYS} | {frozenset({s}): p for s, p in shares.items() if p}, shares)


def best_jaccard(world: World) -> Posterior:
    """Compare what was hit with what each holds, intersection by union, and share the blame out accordingly."""
    hit = _crime_canaries(world)
    return _posterior_of(
        _shared_out({s: len(held & hit) / max(1, len(held | hit)) for s, held in holdings(world).items()})
    )


def hits_only(world: World) -> Posterior:
    """Count hits among what each source held, the rate integrated out (beta-binomial); other hits are chance."""
    held, hit = holdings(world), _crime_canaries(world)
    kinds = {kind: sum(source.kind is kind for source in held) for kind in _PRIOR}
    weights = {NO_LEAK: log(1 - sum(_PRIOR.values()))}
    for source, canaries in held.items():
        ratio = _log_ratio(len(canaries & hit), len(canaries))
        weights[frozenset({source})] = log(_PRIOR[source.kind] / kinds[source.kind]) + ratio
    top = max(weights.values())
    return _posterior_of({sources: exp(weight - top) for sources, weight in weights.items()})


BASELINES: Mapping[str, Callable[[World], Posterior]] = {
    "any-mail": any_mail,
    "spam-vendor": spam_means_vendor,
    "guilt": guilt_model,
    "vote": overlap_vote,
    "jaccard": best_jaccard,
    "hits-only": hits_only,
}


def _is_supplied(supply: SupplyFacts, canary: CanaryFacts) -> bool:
    on_channel = not supply.channels or canary.channel in supply.channels
    return on_channel and (supply.until is None or canary.issued < supply.until)


def _crime_canaries(world: World, but: Verdict | None = None) -> set[str]:
    return {s.canary for s in world.hits if s.confidence >= 0.5 and s.verdict != but}


def _accuse(world: World, hit: set[str]) -> Posterior:
    held = holdings(world)
    accused = frozenset(s for s, canaries in held.items() if s.kind is SuspectKind.VENDOR and canaries & hit)
    if not accused:
        return Posterior({NO_LEAK: 1.0}, dict.fromkeys(held, 0.0))
    marginals = {source: _RULE_SAYS if source in accused else 0.0 for source in held}
    return Posterior({accused: _RULE_SAYS, NO_LEAK: 1 - _RULE_SAYS}, marginals)


def _shared_out(scores: Mapping[Source, float]) -> dict[frozenset[Source], float]:
    """Read scores that know of no innocence as shares of one leak; without any score nobody leaked."""
    if not any(scores.values()):
        return {NO_LEAK: 1.0} | {frozenset({source}): 0.0 for source in scores}
    return _normalised({frozenset({source}): score for source, score in scores.items()})


def _posterior_of(weights: Mapping[frozenset[Source], float]) -> Posterior:
    shares = _normalised(weights)
    return Posterior(shares, {source: p for sources, p in shares.items() for source in sources})


def _normalised(weights: Mapping[frozenset[Source], float]) -> dict[frozenset[Source], float]:
    total = sum(weights.values())
    return {sources: weight / total for sources, weight in weights.items()}


def _log_ratio(hit: int, held: int) -> float:
    """Return how much likelier the hits are under a flat rate than by chance, as a logarithm."""
    flat = lgamma(1 + hit) + lgamma(1 + held - hit) - lgamma(2 + held)
    return flat - hit * log(_CHANCE) - (held - hit) * log(1 - _CHANCE)
