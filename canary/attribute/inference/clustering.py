"""From a world to its cases: which hits belong to one leak, and for each leak who, how sure, and since when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.fields import fields_leaked
from canary.attribute.inference.posterior import conclude
from canary.attribute.inference.window import behind, window
from canary.attribute.null_model import SendingRate
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Posterior, Source, World
from canary.model.case import LeakWindow, SuspectKind

Part = frozenset[str]
"""Sendings that share addresses, and so belong together whoever is behind them."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its sendings and the addresses they hit, what is believed, and what no data of its kind can tell apart.

    `fields` are the persona's facts that went with the addresses hit, each with the probability that it leaked too.
    """

    canaries: tuple[str, ...]
    campaigns: tuple[str, ...]
    posterior: Posterior
    indistinguishable: tuple[tuple[Source, ...], ...]
    window: LeakWindow | None
    fields: Mapping[str, float]


def find_cases(world: World, rates: Rates = RATES) -> tuple[CaseResult, ...]:
    """Return the cases of a world, the one that hit most addresses first."""
    inquiry = EvidenceModel(world, rates)
    found = [examine(inquiry, part) for part in divide(inquiry)]
    return tuple(sorted(found, key=lambda f: (-len(f.canaries), f.campaigns)))


def examine(inquiry: EvidenceModel, part: Part) -> CaseResult:
    """Return all there is to say about one case."""
    sendings = [s for s in inquiry.sendings if s.id in part]
    hit = frozenset[str]().union(*(s.mark for s in sendings))
    posterior = conclude(inquiry, part)
    singles = {next(iter(sources)): p for sources, p in posterior.hypotheses.items() if len(sources) == 1}
    known = frozenset[str]().union(*(c.fields for c in inquiry.world.canaries if c.id in hit))
    return CaseResult(
        tuple(c.id for c in inquiry.world.canaries if c.id in hit),
        tuple(s.id for s in sendings),
        posterior,
        tuple(indistinguishable(inquiry, hit)),
        window(inquiry, part, singles),
        fields_leaked(sendings, known, inquiry.rates),
    )


def divide(inquiry: EvidenceModel) -> list[Part]:
    """Return the sendings of each case: those of one source go together if one leak explains them better than several."""
    parts = _connected(inquiry.sendings)
    while merged := _best_merger(inquiry, parts):
        parts = [part for part in parts if not part <= merged] + [merged]
    return parts


def indistinguishable(inquiry: EvidenceModel, hit: frozenset[str]) -> Iterator[tuple[Source, ...]]:
    """Yield the sources that held just the same addresses at the same times, where any of those was hit."""
    alike: dict[object, list[Source]] = {}
    for source, holding in inquiry.holdings.items():
        held = frozenset((name, member.since) for name, member in holding.members.items() if member.listed)
        if source.kind in (SuspectKind.VENDOR, SuspectKind.SUPPLIER) and any(name in hit for name, _ in held):
            alike.setdefault(held, []).append(source)
    return (tuple(sources) for sources in alike.values() if len(sources) > 1)


def _connected(sendings: Sequence[SendingRate]) -> list[Part]:
    parts: list[tuple[set[str], set[str]]] = []
    for sending in sendings:
        names, marks = {sending.id}, set(sending.mark)
        for other in [part for part in parts if part[1] & sending.mark]:
            parts.remove(other)
            names |= other[0]
            marks |= other[1]
        parts.append((names, marks))
    return [frozenset(names) for names, _ in parts]


def _best_merger(inquiry: EvidenceModel, parts: Sequence[Part]) -> Part | None:
    """Return the union of parts that gains most by having one explanation; None if nothing is gained."""
    best: tuple[float, Part] | None = None
    alone = {part: max(0.0, *(_weight(inquiry, s, part) for s in inquiry.holdings)) for part in parts}
    for source in inquiry.holdings:
        within = inquiry.within(source)
        theirs = [part for part in parts if part <= within]
        if len(theirs) < 2:
            continue
        every = frozenset[str]().union(*theirs)
        theirs = [part for part in theirs if any(behind(inquiry, every, source, name) > 0.5 for name in part)]
        union = frozenset[str]().union(*theirs)
        gain = _weight(inquiry, source, union) - sum(alone[part] for part in theirs) if len(theirs) > 1 else 0.0
        if gain > 0 and (best is None or gain > best[0]):
            best = gain, union
    return best[1] if best else None


def _weight(inquiry: EvidenceModel, source: Source, part: Part) -> float:
    """The logarithm of a source's odds against no leak, from some sendings alone; nothing if it held none of them."""
    among = inquiry.within(source) & part
    if not among:
        return -700.0
    return inquiry.log_prior(source) + inquiry.evidence(source, among).log_ratio
