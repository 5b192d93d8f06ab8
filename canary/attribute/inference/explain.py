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
    """What would be believed had these quiet addresses never been there."""
    kept = tuple(c for c in model.world.canaries if c.id not in quiet)
    return compute_posterior(EvidenceModel(replace(model.world, canaries=kept), model.rates), cluster).marginals


def _sending_text(model: EvidenceModel, sending: ObservedSending, source: Source, name: Namer) -> str:
    owners = {c.id: c.vendor for c in model.world.canaries}
    vendors = sorted({name(Source(SuspectKind.VENDOR, v)) for n in sending.mark if (v := owners[n]) is not None})
    decoys = sum(owners[n] is None for n in sending.mark)
    whom = [f"{_count(len(sending.mark) - decoys, 'address', 'addresses')} of {_list(vendors)}"] if vendors else []
    whom += [_count(decoys, "decoy", "decoys")] if decoys else []
    text = f"A sending of {sending.at:%d %b %Y} hit {' and '.join(whom)}"
    if source.kind is SuspectKind.OWNER:
        return f"{text}."
    held = sum(n in model.holdings[source].listed() for n in sending.mark)
    if held == len(sending.mark):
        return f"{text}, all held by {name(source)}."
    return f"{text}, {'none' if not held else f'only {held}'} of them held by {name(source)}."


def _quiet_groups(
    model: EvidenceModel, cluster: frozenset[str], source: Source, name: Namer
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what kept quiet: addresses that the suspect held, addresses it never had, and decoys."""
    hit = frozenset[str]().union(*(s.mark for s in model.sendings if s.id in cluster))
    quiet = [c for c in model.world.canaries if c.id not in hit]
    held = model.holdings[source].listed()
    issued = [c.id for c in quiet if c.vendor is not None]
    groups = {
        f"{{}} that {name(source)} held kept quiet.": [n for n in issued if n in held],
        f"{{}} that {name(source)} never had kept quiet.": [n for n in issued if n not in held],
        "{} that nobody was ever given kept quiet.": [c.id for c in quiet if c.vendor is None],
    }
    for text, names in groups.items():
        if names:
            yield text.format(_count(len(names), "address", "addresses")), frozenset(names)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _list(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
