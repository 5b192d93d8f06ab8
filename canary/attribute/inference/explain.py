"""Why this suspect: the observations that speak most for and against it, each weighed by leaving it out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import log

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.null_model import ObservedSending
from canary.attribute.world import Source
from canary.model.case import Explanation, Observation, SuspectKind

_MOST_SENDINGS = 8
_LEAST_WEIGHT = 0.05

Namer = Callable[[Source], str]


def explain(
    model: EvidenceModel, cluster: frozenset[str], suspects: Mapping[Source, float], name: Namer
) -> tuple[Explanation, ...]:
    """Return for each suspect, given with its probability, what speaks most for and against it."""
    observations: dict[Source, list[Observation]] = {source: [] for source in suspects}
    strongest = sorted((s for s in model.sendings if s.id in cluster), key=lambda s: -len(s.mark))
    for sending in islice(strongest, _MOST_SENDINGS):
        without = compute_posterior(model, cluster - {sending.id}).marginals
        for source, p in suspects.items():
            text = _sending_text(model, sending, source, name)
            observations[source].append(Observation(text, _logit(p) - _logit(without.get(source, 0.0))))
    for source, p in suspects.items():
        for text, quiet in _quiet_groups(model, cluster, source, name):
            without = _marginals_without(model, cluster, quiet)
            observations[source].append(Observation(text, _logit(p) - _logit(without.get(source, 0.0))))
    return tuple(_explanation(name(source), its) for source, its in observations.items())


def _explanation(suspect: str, observations: list[Observation]) -> Explanation:
    ranked = sorted(observations, key=lambda o: -abs(o.weight))
    return Explanation(
        suspect,
        tuple(islice((o for o in ranked if o.weight >= _LEAST_WEIGHT), 3)),
        tuple(islice((o for o in ranked if o.weight <= -_LEAST_WEIGHT), 3)),
    )


def _logit(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return log(p / (1 - p))


def _marginals_without(model: EvidenceModel, cluster: frozenset[str], quiet: frozenset[str]) -> Mapping[Source, float]:
    """What would be believed had these quiet addresses never been there; who held no other is not among the sources."""
    kept = tuple(c for c in model.world.canaries if c.id not in quiet)
    return compute_posterior(EvidenceModel(replace(model.world, canaries=kept), model.rates), cluster).marginals


def _sending_text(model: EvidenceModel, sending: ObservedSending, source: Source, name: Namer) -> str:
    owners = {n: model.canaries[n].vendor for n in sending.mark}
    vendors = sorted({_vendor(v, name) for v in owners.values() if v is not None})
    decoys = sum(owner is None for owner in owners.values())
    whom = [f"{_count(len(sending.mark) - decoys, 'address', 'addresses')} of {_list(vendors)}"] if vendors else []
    whom += [_count(decoys, "decoy", "decoys")] if decoys else []
    text = f"A sending of {sending.at:%d %b %Y} hit {' and '.join(whom)}"
    if source.kind is SuspectKind.OWNER:
        return f"{text}."
    held = sum(n in model.holdings[source].members for n in sending.mark)
    how = f"shown by {_vendor(source.id, name)}" if source.kind is SuspectKind.PUBLISHED else f"held by {name(source)}"
    if len(sending.mark) == 1:
        return f"{text}, {how if held else f'not {how}'}."
    if held == len(sending.mark):
        return f"{text}, all {how}."
    return f"{text}, {'none' if not held else f'only {held}'} of them {how}."


def _quiet_groups(
    model: EvidenceModel, cluster: frozenset[str], source: Source, name: Namer
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what kept quiet: addresses that the suspect held, addresses it never had, and decoys."""
    hit = frozenset(canary.id for canary in model.canaries_hit(cluster))
    quiet = [c for c in model.world.canaries if c.id not in hit]
    held = model.holdings[source].members
    issued = [c for c in quiet if c.vendor is not None]
    has, has_not = ("shows", "does not show") if source.kind is SuspectKind.PUBLISHED else ("held", "never had")
    groups = {
        f"{{}} that {_who(source, name)} {has} kept quiet.": [c for c in issued if c.id in held],
        f"{{}} that {_who(source, name)} {has_not} kept quiet.": [c for c in issued if c.id not in held],
        "{} that nobody was ever given kept quiet.": [c for c in quiet if c.vendor is None],
    }
    for text, canaries in groups.items():
        if canaries:
            number = _count(sum(c.count for c in canaries), "address", "addresses")
            yield text.format(number), frozenset(c.id for c in canaries)


def _who(source: Source, name: Namer) -> str:
    """A source as the subject of a sentence."""
    if source.kind is SuspectKind.OWNER:
        return "your own side"
    return _vendor(source.id, name) if source.kind is SuspectKind.PUBLISHED else name(source)


def _vendor(vendor: str, name: Namer) -> str:
    return name(Source(SuspectKind.VENDOR, vendor))


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _list(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
