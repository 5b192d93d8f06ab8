"""Where further addresses are needed: which sources cannot be told apart, which hold too few, and what would help.

The numbers of addresses needed follow from the coverage that is assumed, the share of what a source holds that gets
out; what an addition would gain is rehearsed by the likelihood itself (`rehearsal`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import combinations, islice
from math import ceil, log, log1p, prod

from canary.attribute.planning.what_if import Addition, WhatIfOutcome, rehearse
from canary.attribute.priors import RATES, Rates
from canary.attribute.sources import Holding, holdings
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

COVERAGE = 0.3
"""What is assumed where nobody says otherwise, near the mean of the prior."""

_ODDS = 20.0
_SURE = 0.9
_GAIN, _GAIN_DAYS = 0.02, 7.0
"""What adds less than this is not proposed."""

_ROUNDS, _ADDED = 3, 60
_HOLDERS = 20
_ASKED = 3
"""Of a large group, leaks of so many of its sources are rehearsed."""

_YEAR = timedelta(days=365)
_MONTHS = 3
_ROTATED = 6


class Remedy(StrEnum):
    """What can be added."""

    ACCOUNT = "account"
    NEWSLETTER = "newsletter"
    STAGGER = "stagger"


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


@dataclass(frozen=True, slots=True)
class IssueProposal:
    """Addresses to add, for the sake of which sources, and how well leaks of those are told before and after."""

    help: Remedy
    about: tuple[Source, ...]
    additions: tuple[Addition, ...]
    before: WhatIfOutcome
    after: WhatIfOutcome


@dataclass(frozen=True, slots=True)
class CoveragePlan:
    """All that placement says; `unasked` questions were left out by the bound on proposals."""

    coverage: float
    apart: int
    enough: int
    indistinguishable: tuple[tuple[Source, ...], ...]
    near: tuple[ConfusablePair, ...]
    thin: tuple[WeaklyCovered, ...]
    proposals: tuple[IssueProposal, ...]
    unasked: int


def plan(world: World, coverage: float = COVERAGE, most: int = 8, rates: Rates = RATES) -> CoveragePlan:
    """Return what cannot be told today, and the additions that would help most, for at most so many questions."""
    held = _held(world, rates)
    twins, near, thin = tuple(_twins(held)), tuple(_near(held, coverage)), tuple(_thin(held, coverage))
    asked = [
        *twins,
        *((t.source,) for t in thin),
        *(n.sources for n in near),
        *((s,) for s in _unrotated(world, held)),
    ]
    questions = list(dict.fromkeys(asked))
    desk, proposals = _Desk(world, held, coverage, rates), list[IssueProposal]()
    for about in questions[:most]:
        # What was proposed already may answer this question too.
        proposals += _proposals(desk, about, tuple(a for p in proposals for a in p.additions))
    left = max(0, len(questions) - most)
    return CoveragePlan(coverage, apart(coverage), enough(coverage), twins, near, thin, tuple(proposals), left)


def apart(coverage: float) -> int:
    """Return by how many addresses two sources must differ to be told apart with odds of 20 to 1."""
    return ceil(log(_ODDS) / -log1p(-coverage) - 1e-9)


def enough(coverage: float, held: Sequence[float] = ()) -> int:
    """Return how many addresses a source must get for its leak to hit two of them nine times out of ten.

    The least number of them, beside those that it holds with these chances to be taken.
    """
    number = 0
    while twice([*held, *[coverage] * number]) < _SURE:
        number += 1
    return number


def twice(chances: Sequence[float]) -> float:
    """Return the probability that at least two of some independent things happen."""
    if any(p >= 1 for p in chances):
        others = list(chances)
        others.remove(max(chances))
        return 1 - prod(1 - p for p in others)
    none = prod(1 - p for p in chances)
    return 1 - none - none * sum(p / (1 - p) for p in chances)


def _held(world: World, rates: Rates) -> dict[Source, Holding]:
    asked = (SuspectKind.VENDOR, SuspectKind.SUPPLIER)
    return {h.source: h for h in holdings(world, rates) if h.source.kind in asked}


def _names(holding: Holding) -> frozenset[str]:
    return frozenset(name for name, member in holding.members.items() if member.listed)


def _twins(held: Mapping[Source, Holding]) -> Iterator[tuple[Source, ...]]:
    alike: dict[object, list[Source]] = defaultdict(list)
    for source, holding in held.items():
        alike[frozenset((name, m.since) for name, m in holding.members.items() if m.listed)].append(source)
    alike.pop(frozenset(), None)
    groups = sorted((sorted(group) for group in alike.values() if len(group) > 1), key=lambda g: (-len(g), g))
    return (tuple(group) for group in groups)


def _near(held: Mapping[Source, Holding], coverage: float) -> Iterator[ConfusablePair]:
    """Yield the pairs that share addresses and differ by too few, but not by none."""
    names = {source: _names(holding) for source, holding in held.items()}
    holders: dict[str, list[Source]] = defaultdict(list)
    for source, theirs in names.items():
        for name in theirs:
            holders[name].append(source)
    shared = Counter(pair for every in holders.values() for pair in combinations(sorted(every)[:_HOLDERS], 2))
    differ = {(a, b): len(names[a]) + len(names[b]) - 2 * both for (a, b), both in shared.items()}
    found = sorted((number, pair) for pair, number in differ.items() if 0 < number < apart(coverage))
    return (ConfusablePair(pair, number) for number, pair in found)


def _thin(held: Mapping[Source, Holding], coverage: float) -> Iterator[WeaklyCovered]:
    found = []
    for source, holding in held.items():
        chances = _chances(holding, coverage)
        if source.kind is SuspectKind.SUPPLIER and (seen := twice(chances)) < _SURE:
            found.append(WeaklyCovered(source, len(chances), seen, enough(coverage, chances)))
    return iter(sorted(found, key=lambda t: (t.seen, t.source)))


def _chances(holding: Holding, coverage: float) -> list[float]:
    return [coverage * m.p for m in holding.members.values() if m.listed]


def _unrotated(world: World, held: Mapping[Source, Holding]) -> Iterator[Source]:
    """Yield the suppliers that got addresses in hardly any month of the last year: their leaks have long windows."""
    for source, holding in held.items():
        months = {m.since.strftime("%Y-%m") for m in holding.members.values() if m.since > world.now - _YEAR}
        if source.kind is SuspectKind.SUPPLIER and len(months) < _MONTHS:
            yield source


@dataclass(frozen=True, slots=True)
class _Desk:
    """What proposals are made from."""

    world: World
    held: Mapping[Source, Holding]
    coverage: float
    rates: Rates

    def outcome(self, about: Sequence[Source], additions: Sequence[Addition]) -> WhatIfOutcome:
        """How well leaks of these sources are told with these additions."""
        return rehearse(self.world, about[:_ASKED], additions, self.coverage, self.rates)


def _proposals(desk: _Desk, about: tuple[Source, ...], added: tuple[Addition, ...]) -> list[IssueProposal]:
    """Return what helps with one question beyond what is added anyway, the best first, until nothing more is gained."""
    found: list[IssueProposal] = []
    before = desk.outcome(about, added)
    for number in range(_ROUNDS):
        tried = [
            IssueProposal(kind, about, additions, before, desk.outcome(about, (*added, *additions)))
            for kind, additions in _candidates(desk, about, number)
        ]
        best = max((p for p in tried if _helps(p)), key=_worth, default=None)
        if best is None:
            break
        added, before = (*added, *best.additions), best.after
        if found and found[-1].help is best.help:
            last = found.pop()
            best = replace(best, additions=(*last.additions, *best.additions), before=last.before)
        found.append(best)
    return found


def _helps(proposal: IssueProposal) -> bool:
    if proposal.help is Remedy.STAGGER:
        return proposal.before.days - proposal.after.days >= _GAIN_DAYS
    return gain(proposal) >= _GAIN


def _worth(proposal: IssueProposal) -> tuple[bool, float]:
    return proposal.help is not Remedy.STAGGER, gain(proposal) / len(proposal.additions)


def gain(proposal: IssueProposal) -> float:
    """Return by how much the probability of the right source grows, in the mean over the rehearsed leaks."""
    return proposal.after.right - proposal.before.right


def _candidates(desk: _Desk, about: tuple[Source, ...], number: int) -> Iterator[tuple[Remedy, tuple[Addition, ...]]]:
    for source in about[:_ASKED]:
        if source.kind is SuspectKind.VENDOR:
            yield Remedy.ACCOUNT, (Addition(source.id, _channel(desk, source.id, "account"), desk.world.now),)
            continue
        alone = len(about) == 1
        if alone and number:
            continue
        if additions := tuple(_newsletters(desk, about, source)):
            yield Remedy.NEWSLETTER, additions
        if alone and (dates := tuple(_staggered(desk, source))):
            yield Remedy.STAGGER, dates


def _channel(desk: _Desk, vendor: str, wanted: str) -> str:
    """A channel that the vendor does not have yet: what was handed on of the old ones cannot be called back."""
    used = {c.channel for c in desk.world.canaries if c.vendor == vendor}
    used |= {channel for p in desk.world.vendors if p.id == vendor for s in p.suppliers for channel in s.channels}
    return next(name for i in range(len(used) + 1) if (name := wanted if not i else f"{wanted}-{i + 1}") not in used)


def _vendors(desk: _Desk, about: Sequence[Source], supplier: str) -> list[str]:
    """Who else uses a supplier, those with the fewest other suppliers first; addresses in question tell nothing new."""
    users = [p for p in desk.world.vendors if any(s.supplier == supplier for s in p.suppliers)]
    ranked = sorted(users, key=lambda p: (len({s.supplier for s in p.suppliers}), p.id))
    return [p.id for p in ranked if Source(SuspectKind.VENDOR, p.id) not in about]


def _newsletters(desk: _Desk, about: Sequence[Source], source: Source) -> Iterator[Addition]:
    """Yield an address that only this supplier sees; where it has too few, as many as are missing, vendor by vendor."""
    vendors = _vendors(desk, about, source.id)
    missing = 1 if len(about) > 1 else enough(desk.coverage, _chances(desk.held[source], desk.coverage))
    for i in range(min(missing, _ADDED) if vendors else 0):
        vendor = vendors[i % len(vendors)]
        yield Addition(vendor, _channel(desk, vendor, f"newsletter-{source.id}"), desk.world.now, source.id)


def _staggered(desk: _Desk, source: Source) -> Iterator[Addition]:
    """Yield rotations of addresses that a supplier holds, one vendor after the other over half a year."""
    held = _names(desk.held[source])
    channels = {c.vendor: c.channel for c in desk.world.canaries if c.id in held and c.vendor is not None}
    chosen = list(islice(channels.items(), _ROTATED))
    for i, (vendor, channel) in enumerate(chosen):
        yield Addition(vendor, channel, desk.world.now + (i + 1) * _YEAR / 2 / (len(chosen) + 1))
