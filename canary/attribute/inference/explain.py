"""Why this suspect: the observations that speak most for and against it, each weighed by leaving it out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import log

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import conclude
from canary.attribute.null_model import SendingRate
from canary.attribute.sources import Holding
from canary.attribute.world import Source
from canary.model.case import Explanation, Observation, SuspectKind

_SENDINGS = 8
_LEAST = 0.05

Namer = Callable[[Source], str]


def explain(
    inquiry: EvidenceModel, part: frozenset[str], suspects: Mapping[Source, float], name: Namer
) -> tuple[Explanation, ...]:
    """Return for each suspect, given with its probability, what speaks most for and against it."""
    found: dict[Source, list[Observation]] = {source: [] for source in suspects}
    strongest = sorted((s for s in inquiry.sendings if s.id in part), key=lambda s: -len(s.mark))
    for sending in islice(strongest, _SENDINGS):
        without = conclude(inquiry, part - {sending.id}).marginals
        for source, p in suspects.items():
            text = _sent(inquiry, sending, source, name)
            found[source].append(Observation(text, _logit(p) - _logit(without[source])))
    for source, p in suspects.items():
        for text, quiet in _kept_quiet(inquiry, part, source, name):
            without = _without(inquiry, part, quiet)
            found[source].append(Observation(text, _logit(p) - _logit(without[source])))
    return tuple(_explanation(name(source), observations) for source, observations in found.items())


def _explanation(suspect: str, observations: list[Observation]) -> Explanation:
    ranked = sorted(observations, key=lambda o: -abs(o.weight))
    return Explanation(
        suspect,
        tuple(islice((o for o in ranked if o.weight >= _LEAST), 3)),
        tuple(islice((o for o in ranked if o.weight <= -_LEAST), 3)),
    )


def _logit(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return log(p / (1 - p))


def _without(inquiry: EvidenceModel, part: frozenset[str], quiet: frozenset[str]) -> Mapping[Source, float]:
    """What would be believed had these quiet addresses never been there."""
    kept = tuple(c for c in inquiry.world.canaries if c.id not in quiet)
    return conclude(EvidenceModel(replace(inquiry.world, canaries=kept), inquiry.rates), part).marginals


def _sent(inquiry: EvidenceModel, sending: SendingRate, source: Source, name: Namer) -> str:
    owners = {c.id: c.vendor for c in inquiry.world.canaries}
    vendors = sorted({name(Source(SuspectKind.VENDOR, v)) for n in sending.mark if (v := owners[n]) is not None})
    decoys = sum(owners[n] is None for n in sending.mark)
    whom = [f"{_count(len(sending.mark) - decoys, 'address', 'addresses')} of {_list(vendors)}"] if vendors else []
    whom += [_count(decoys, "decoy", "decoys")] if decoys else []
    said = f"A sending of {sending.at:%d %b %Y} hit {' and '.join(whom)}"
    if source.kind is SuspectKind.OWNER:
        return f"{said}."
    held = sum(n in _held(inquiry.holdings[source]) for n in sending.mark)
    if held == len(sending.mark):
        return f"{said}, all held by {name(source)}."
    return f"{said}, {'none' if not held else f'only {held}'} of them held by {name(source)}."


def _kept_quiet(
    inquiry: EvidenceModel, part: frozenset[str], source: Source, name: Namer
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what kept quiet: addresses that the suspect held, addresses it never had, and decoys."""
    hit = frozenset[str]().union(*(s.mark for s in inquiry.sendings if s.id in part))
    quiet = [c for c in inquiry.world.canaries if c.id not in hit]
    held = _held(inquiry.holdings[source])
    issued = [c.id for c in quiet if c.vendor is not None]
    groups = {
        f"{{}} that {name(source)} held kept quiet.": [n for n in issued if n in held],
        f"{{}} that {name(source)} never had kept quiet.": [n for n in issued if n not in held],
        "{} that nobody was ever given kept quiet.": [c.id for c in quiet if c.vendor is None],
    }
    for text, names in groups.items():
        if names:
            yield text.format(_count(len(names), "address", "addresses")), frozenset(names)


def _held(holding: Holding) -> frozenset[str]:
    return frozenset(name for name, held in holding.members.items() if held.listed)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _list(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
