"""Which addresses to add, so that sources can be told apart which cannot be today.

What an addition would gain is not a rule of thumb: leaks are played through with and without it (`what_if`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import islice

from canary.attribute.planning.gaps import (
    ConfusablePair,
    Holdings,
    WeaklyCovered,
    addresses_for_two_hits,
    addresses_to_separate,
    chances_taken,
    confusable_pairs,
    indistinguishable_groups,
    planned_holdings,
    rarely_renewed,
    weakly_covered,
)
from canary.attribute.planning.what_if import Addition, WhatIfOutcome, play_leaks
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Source, World
from canary.model.case import SuspectKind

COVERAGE = 0.3
"""What is assumed where nobody says otherwise, near the mean of the prior."""

_GAIN, _GAIN_DAYS = 0.02, 7.0
"""What adds less than this is not proposed."""

_ROUNDS, _ADDED = 3, 60
_ASKED = 3
"""Of a large group, leaks of so many of its sources are played through."""

_HALF_YEAR = timedelta(days=365) / 2
_ROTATED = 6


class Remedy(StrEnum):
    """What can be added."""

    ACCOUNT = "account"
    NEWSLETTER = "newsletter"
    STAGGER = "stagger"


@dataclass(frozen=True, slots=True)
class IssueProposal:
    """Addresses to add, for the sake of which sources, and how well leaks of those are told before and after."""

    help: Remedy
    about: tuple[Source, ...]
    additions: tuple[Addition, ...]
    before: WhatIfOutcome
    after: WhatIfOutcome

    @property
    def gain(self) -> float:
        """By how much the probability of the right source grows, in the mean over the leaks played through."""
        return self.after.right - self.before.right


@dataclass(frozen=True, slots=True)
class CoveragePlan:
    """All that a plan says; `unasked` questions were left out by the bound on proposals, `sources` hold addresses."""

    coverage: float
    apart: int
    enough: int
    indistinguishable: tuple[tuple[Source, ...], ...]
    near: tuple[ConfusablePair, ...]
    thin: tuple[WeaklyCovered, ...]
    proposals: tuple[IssueProposal, ...]
    unasked: int
    sources: int = 0


def plan_coverage(world: World, coverage: float = COVERAGE, most: int = 8, rates: Rates = RATES) -> CoveragePlan:
    """Return what cannot be told today, and the additions that would help most, for at most so many questions."""
    held = planned_holdings(world, rates)
    alike, near = tuple(indistinguishable_groups(held)), tuple(confusable_pairs(held, coverage))
    thin = tuple(weakly_covered(held, coverage))
    asked = [
        *alike,
        *((t.source,) for t in thin),
        *(n.sources for n in near),
        *((s,) for s in rarely_renewed(world, held)),
    ]
    questions = list(dict.fromkeys(asked))
    proposer, proposals = _Proposer(world, held, coverage, rates), list[IssueProposal]()
    for about in questions[:most]:
        # What was proposed already may answer this question too.
        proposals += proposer.proposals(about, tuple(a for p in proposals for a in p.additions))
    unasked = max(0, len(questions) - most)
    apart, enough = addresses_to_separate(coverage), addresses_for_two_hits(coverage)
    return CoveragePlan(
        coverage,
        apart,
        enough,
        alike,
        near,
        thin,
        tuple(proposals),
        unasked,
        sum(bool(h.members) for h in held.values()),
    )


@dataclass(frozen=True, slots=True)
class _Proposer:
    """Finds additions for one question after the other."""

    world: World
    held: Holdings
    coverage: float
    rates: Rates

    def proposals(self, about: tuple[Source, ...], added: tuple[Addition, ...]) -> list[IssueProposal]:
        """Return what helps with one question beyond what is added anyway, the best first, until nothing more is gained."""
        chosen: list[IssueProposal] = []
        before = self._outcome(about, added)
        for number in range(_ROUNDS):
            tried = [
                IssueProposal(kind, about, additions, before, self._outcome(about, (*added, *additions)))
                for kind, additions in self._candidates(about, number)
            ]
            best = max((p for p in tried if _is_worthwhile(p)), key=_gain_per_address, default=None)
            if best is None:
                break
            added, before = (*added, *best.additions), best.after
            if chosen and chosen[-1].help is best.help:
                last = chosen.pop()
                best = replace(best, additions=(*last.additions, *best.additions), before=last.before)
            chosen.append(best)
        return chosen

    def _outcome(self, about: Sequence[Source], additions: Sequence[Addition]) -> WhatIfOutcome:
        """How well leaks of these sources are told with these additions."""
        return play_leaks(self.world, about[:_ASKED], additions, self.coverage, self.rates)

    def _candidates(self, about: tuple[Source, ...], number: int) -> Iterator[tuple[Remedy, tuple[Addition, ...]]]:
        for source in about[:_ASKED]:
            if source.kind is SuspectKind.VENDOR:
                addition = Addition(source.id, self._new_channel(source.id, "account"), self.world.now)
                yield Remedy.ACCOUNT, (addition,)
                continue
            alone = len(about) == 1
            if alone and number:
                continue
            if additions := tuple(self._newsletter_addresses(about, source)):
                yield Remedy.NEWSLETTER, additions
            if alone and (rotations := tuple(self._staggered_rotations(source))):
                yield Remedy.STAGGER, rotations

    def _new_channel(self, vendor: str, wanted: str) -> str:
        """A channel that the vendor does not have yet: what was handed on of the old ones cannot be called back."""
        used = {c.channel for c in self.world.canaries if c.vendor == vendor}
        used |= {channel for v in self.world.vendors if v.id == vendor for s in v.suppliers for channel in s.channels}
        names = (wanted if not i else f"{wanted}-{i + 1}" for i in range(len(used) + 1))
        return next(name for name in names if name not in used)

    def _users(self, about: Sequence[Source], supplier: str) -> list[str]:
        """Who else uses a supplier, those with the fewest other suppliers first; addresses in question say nothing new."""
        users = [v for v in self.world.vendors if any(s.supplier == supplier for s in v.suppliers)]
        ranked = sorted(users, key=lambda v: (len({s.supplier for s in v.suppliers}), v.id))
        return [v.id for v in ranked if Source(SuspectKind.VENDOR, v.id) not in about]

    def _newsletter_addresses(self, about: Sequence[Source], source: Source) -> Iterator[Addition]:
        """Yield an address that only this supplier sees; where it has too few, as many as are missing, vendor by vendor."""
        users = self._users(about, source.id)
        held = chances_taken(self.held[source], self.coverage)
        missing = 1 if len(about) > 1 else addresses_for_two_hits(self.coverage, held)
        for i in range(min(missing, _ADDED) if users else 0):
            vendor = users[i % len(users)]
            yield Addition(vendor, self._new_channel(vendor, f"newsletter-{source.id}"), self.world.now, source.id)

    def _staggered_rotations(self, source: Source) -> Iterator[Addition]:
        """Yield rotations of addresses that a supplier holds, one vendor after the other over half a year."""
        held = self.held[source].listed()
        channels = {c.vendor: c.channel for c in self.world.canaries if c.id in held and c.vendor is not None}
        chosen = list(islice(channels.items(), _ROTATED))
        for i, (vendor, channel) in enumerate(chosen):
            yield Addition(vendor, channel, self.world.now + (i + 1) * _HALF_YEAR / (len(chosen) + 1))


def _is_worthwhile(proposal: IssueProposal) -> bool:
    if proposal.help is Remedy.STAGGER:
        return proposal.before.days - proposal.after.days >= _GAIN_DAYS
    return proposal.gain >= _GAIN


def _gain_per_address(proposal: IssueProposal) -> tuple[bool, float]:
    return proposal.help is not Remedy.STAGGER, proposal.gain / len(proposal.additions)
