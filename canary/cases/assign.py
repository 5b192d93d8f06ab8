"""Which case takes a hit: decided here and nowhere else, for live mail, probes, imports and mail that is judged again.

Hits are assigned one after the other, in the order in which they came, by the rules of docs/cases.md. The cases in play
are plain objects until the end; `CaseAssigner` asks a `CaseHistory` what was assigned before.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from canary.model.case import OPEN, SETTLED, CaseState, HitEffect, effect_of_hit

LATEST = 20
"""Of a vendor with more cases, only so many of the newest are asked whether they had a campaign."""

_UNNUMBERED = 1 << 62
"""Cases that are not stored yet come after all others in the order of opening."""


@dataclass(frozen=True, slots=True)
class CaseHit:
    """A hit that bears on a case: vendor, canary, time, campaign (0: none), and whether it is a leak or a hint."""

    vendor_id: int
    vendor: str
    canary: int
    at: datetime
    leak: bool
    campaign: int = 0


@dataclass(slots=True, eq=False)
class LeakCase:
    """A case while hits are assigned: as stored under its number (0: not yet), and with what these hits changed.

    `order` is the hit that opened it, `vendors` are those asked about that are part of it. `campaigns` has the vendors
    that each campaign hit here, `canaries` what was hit, `before` state and outcome of one that was settled before it
    was opened again.
    """

    number: int
    order: int
    state: CaseState
    outcome: str
    last_hit_at: datetime
    vendors: set[int] = field(default_factory=set)
    campaigns: dict[int, set[int]] = field(default_factory=dict)
    canaries: set[int] = field(default_factory=set)
    before: tuple[CaseState, str] | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether these hits began it."""
        return self.order >= _UNNUMBERED

    @property
    def in_play(self) -> bool:
        """Whether it takes every further hit of its vendors: what people settled does not."""
        return self.state not in SETTLED

    @property
    def is_open(self) -> bool:
        """Whether its addresses count as leaked."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Assignment:
    """The case of a hit, and what the hit did to it.

    `joined` means that its vendor was new to the case, `known` that the case had its campaign, `first` that its canary
    had no leak there before, `burns` that it counts as a leak of its canary.
    """

    case: LeakCase | None = None
    effect: HitEffect = HitEffect.JOIN
    joined: bool = False
    known: bool = False
    first: bool = False
    burns: bool = False


NOWHERE = Assignment()


class CaseHistory(Protocol):
    """What was assigned before the first of these hits."""

    def cases_of(self, vendor: int) -> Sequence[LeakCase]:
        """Return the cases that a vendor is part of, whatever their state; those merged into others are left out."""

    def with_campaign(self, numbers: Collection[int], campaign: int) -> Collection[int]:
        """Return which of some cases have a leak hit of a campaign."""

    def has_canary(self, number: int, canary: int) -> bool:
        """Whether a case has a leak hit of a canary."""

    def sharing_supplier(self, vendor: int, at: datetime) -> Collection[int]:
        """Return the vendors that were known before a time to have a supplier in common with one."""

    def hit_by_campaign(self, campaign: int, vendors: Collection[int]) -> Iterable[LeakCase]:
        """Return the cases with a leak hit of a campaign at some vendors, whatever their state."""


class CaseAssigner:
    """Assigns hits one by one; each assignment counts for the hits that follow."""

    def __init__(self, history: CaseHistory) -> None:
        """Begin with what was assigned before."""
        self._history = history
        self._of_vendor: dict[int, list[LeakCase]] = {}
        self._touched: dict[LeakCase, None] = {}
        self._opened = 0

    def assign(self, hit: CaseHit) -> Assignment:
        """Return which case takes a hit: a leak may begin or reopen one; a hint joins one in play, or begins one."""
        case, effect, known = self._taking(hit) if hit.leak else self._taking_hint(hit)
        first = hit.leak and not self._has_canary(case, hit.canary)
        made = Assignment(case, effect, hit.vendor_id not in case.vendors, known, first, hit.leak and case.is_open)
        if made.joined:
            case.vendors.add(hit.vendor_id)
            self._join(hit.vendor_id, case)
        case.last_hit_at = max(case.last_hit_at, hit.at)
        self._touched[case] = None
        if hit.leak:
            case.canaries.add(hit.canary)
            case.campaigns.setdefault(hit.campaign, set()).add(hit.vendor_id)
        return made

    def merge_campaigns(self, oldest: int, others: Collection[int]) -> None:
        """Apply that campaigns turned out to be one."""
        for case in self._touched:
            for other in others:
                if other in case.campaigns:
                    case.campaigns.setdefault(oldest, set()).update(case.campaigns.pop(other))

    def _taking(self, hit: CaseHit) -> tuple[LeakCase, HitEffect, bool]:
        """Choose among the vendor's cases: the one with the campaign first, then the newest open, then the newest settled."""
        latest = self._cases(hit.vendor_id)[:LATEST]
        if len(latest) == 1 and latest[0].in_play:
            return latest[0], HitEffect.JOIN, True
        known = self._with_campaign(latest, hit.campaign)
        for case in sorted(latest, key=lambda case: (case not in known, not case.is_open, not case.in_play)):
            again = not case.is_open and self._has_canary(case, hit.canary)
            effect = effect_of_hit(case.state, case.outcome, campaign_known=case in known, canary_known=again)
            if effect is HitEffect.REOPEN:
                case.before = case.before or (case.state, case.outcome)
                case.state, case.outcome = CaseState.INVESTIGATING, ""
            if effect is not HitEffect.NEW_CASE:
                return case, effect, case in known
        shared = self._at_common_supplier(hit) if hit.campaign else None
        return (shared, HitEffect.JOIN, True) if shared else (self._open(hit), HitEffect.NEW_CASE, False)

    def _taking_hint(self, hit: CaseHit) -> tuple[LeakCase, HitEffect, bool]:
        """Choose the newest open case of the vendor, else what is watched of it; no hint reopens what people settled."""
        mine = sorted(self._cases(hit.vendor_id), key=lambda case: not case.is_open)
        case = next((case for case in mine if case.in_play), None)
        return (case, HitEffect.JOIN, False) if case else (self._open(hit), HitEffect.NEW_CASE, False)

    def _open(self, hit: CaseHit) -> LeakCase:
        self._opened += 1
        return LeakCase(0, _UNNUMBERED + self._opened, CaseState.WATCHED, "", hit.at)

    def _at_common_supplier(self, hit: CaseHit) -> LeakCase | None:
        """Return the oldest case in play with the same campaign at a vendor that shares a supplier with this one.

        One leak of that supplier would explain both; without a common supplier two vendors are two cases.
        """
        sharing = self._history.sharing_supplier(hit.vendor_id, hit.at)
        if not sharing:
            return None
        now = {case for case in self._touched if not case.campaigns.get(hit.campaign, set()).isdisjoint(sharing)}
        then = set(self._history.hit_by_campaign(hit.campaign, sharing))
        return min((case for case in now | then if case.in_play), key=lambda case: case.order, default=None)

    def _cases(self, vendor: int) -> list[LeakCase]:
        if vendor not in self._of_vendor:
            mine = sorted(self._history.cases_of(vendor), key=lambda case: -case.order)
            self._of_vendor[vendor] = mine
        return self._of_vendor[vendor]

    def _join(self, vendor: int, case: LeakCase) -> None:
        mine = self._cases(vendor)
        mine.append(case)
        mine.sort(key=lambda case: -case.order)

    def _has_canary(self, case: LeakCase, canary: int) -> bool:
        return canary in case.canaries or (case.number > 0 and self._history.has_canary(case.number, canary))

    def _with_campaign(self, cases: Sequence[LeakCase], campaign: int) -> set[LeakCase]:
        if not campaign:
            return set()
        numbers = self._history.with_campaign([case.number for case in cases if case.number], campaign)
        return {case for case in cases if campaign in case.campaigns or (case.number and case.number in numbers)}
