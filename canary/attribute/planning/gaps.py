"""What cannot be told today: sources that hold too nearly the same, and suppliers that hold too little.

The numbers of addresses needed follow from the coverage that is assumed, the share of what a source holds that gets out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from math import ceil, log, log1p, prod

from canary.attribute.priors import Rates
from canary.attribute.sources import Holding, holdings, indistinguishable
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

Holdings = Mapping[Source, Holding]

_ODDS = 20.0
_SURE = 0.9
_HOLDERS = 20
_YEAR = timedelta(days=365)
_MONTHS = 3


@dataclass(frozen=True, slots=True)
class ConfusablePair:
    """Two sources that differ by fewer addresses than would tell them apart."""

    sources: tuple[Source, Source]
    differ: int


@dataclass(frozen=True, slots=True)
class WeaklyCovered:
    """A supplier at which a leak would often not show: `seen` is the probability of at least two hits.

    So many addresses more are `missing`: with one less, two hits would still be too unlikely.
    """

    source: Source
    addresses: int
    seen: float
    missing: int


def addresses_to_separate(coverage: float) -> int:
    """Return by how many addresses two sources must differ to be told apart with odds of 20 to 1."""
    return ceil(log(_ODDS) / -log1p(-coverage) - 1e-9)


def addresses_for_two_hits(coverage: float, held: Sequence[float] = ()) -> int:
    """Return how many addresses a source must get for its leak to hit two of them nine times out of ten.

    The least number of them, beside those that it holds with these chances to be taken.
    """
    number = 0
    while at_least_two([*held, *[coverage] * number]) < _SURE:
        number += 1
    return number


def at_least_two(chances: Sequence[float]) -> float:
    """Return the probability that at least two of some independent things happen."""
    if any(p >= 1 for p in chances):
        others = list(chances)
        others.remove(max(chances))
        return 1 - prod(1 - p for p in others)
    none = prod(1 - p for p in chances)
    return 1 - none - none * sum(p / (1 - p) for p in chances)


def planned_holdings(world: World, rates: Rates) -> Holdings:
    """Return what the vendors and suppliers hold, the sources that further addresses can tell apart."""
    kinds = (SuspectKind.VENDOR, SuspectKind.SUPPLIER)
    return {h.source: h for h in holdings(world, rates) if h.source.kind in kinds}


def chances_taken(holding: Holding, coverage: float) -> list[float]:
    """Return for each address of a source how likely its leak takes it."""
    return [coverage * member.p for member in holding.members.values() for _ in range(member.number)]


def indistinguishable_groups(held: Holdings) -> Iterator[tuple[Source, ...]]:
    """Yield the groups of sources that no data tells apart, the largest first."""
    groups = (tuple(sorted(group)) for group in indistinguishable(held.values()))
    return iter(sorted(groups, key=lambda group: (-len(group), group)))


def confusable_pairs(held: Holdings, coverage: float) -> Iterator[ConfusablePair]:
    """Yield the pairs that share addresses and differ by too few, but not by none."""
    holders: dict[str, list[Source]] = defaultdict(list)
    numbers: dict[str, int] = {}
    for source, holding in held.items():
        for name, member in holding.members.items():
            holders[name].append(source)
            numbers[name] = member.number
    shared = Counter[tuple[Source, Source]]()
    for name, sources in holders.items():
        for pair in combinations(sorted(sources)[:_HOLDERS], 2):
            shared[pair] += numbers[name]
    each = {source: holding.number() for source, holding in held.items()}
    differ = {(a, b): each[a] + each[b] - 2 * both for (a, b), both in shared.items()}
    enough = addresses_to_separate(coverage)
    pairs = sorted((number, pair) for pair, number in differ.items() if 0 < number < enough)
    return (ConfusablePair(pair, number) for number, pair in pairs)


def weakly_covered(held: Holdings, coverage: float) -> Iterator[WeaklyCovered]:
    """Yield the suppliers that hold too few addresses for a leak to hit two of them, the weakest first."""
    weak = []
    for source, holding in held.items():
        chances = chances_taken(holding, coverage)
        if source.kind is SuspectKind.SUPPLIER and (seen := at_least_two(chances)) < _SURE:
            weak.append(WeaklyCovered(source, len(chances), seen, addresses_for_two_hits(coverage, chances)))
    return iter(sorted(weak, key=lambda w: (w.seen, w.source)))


def rarely_renewed(world: World, held: Holdings) -> Iterator[Source]:
    """Yield the suppliers that got addresses in hardly any month of the last year: their leaks have long windows."""
    for source, holding in held.items():
        months = {m.since.strftime("%Y-%m") for m in holding.every().values() if m.since > world.now - _YEAR}
        if source.kind is SuspectKind.SUPPLIER and len(months) < _MONTHS:
            yield source
