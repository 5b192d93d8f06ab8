"""When it leaked: hard bounds from who was hit and who was not, and the span that holds nine tenths of the belief."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inquiry import Inquiry
from canary.attribute.world import Source

_ENOUGH = 0.01


@dataclass(frozen=True, slots=True)
class Window:
    """When one event may have happened.

    After `earliest`, as the newest address that was hit was issued then, and before `latest`, the first hit; where the
    bounds cross there were two events, or somebody who stayed. `from_90` to `to_90` holds 90 % of the probability.
    """

    earliest: datetime
    latest: datetime
    from_90: datetime
    to_90: datetime

    @property
    def two_events(self) -> bool:
        """Whether no single moment explains all hits."""
        return self.earliest > self.latest


def window(inquiry: Inquiry, among: frozenset[str], singles: Mapping[Source, float]) -> Window | None:
    """Return the window of the sendings that belong to a leak, the sources weighed by their probability."""
    likely = {source: p for source, p in singles.items() if p >= _ENOUGH * max(singles.values())} if singles else {}
    theirs = _behind(inquiry, among, max(likely, key=lambda s: likely[s])) if likely else frozenset()
    if not theirs:
        return None
    times = sum(
        (p * inquiry.evidence(source, inquiry.within(source) & among).times for source, p in likely.items()),
        np.zeros(len(inquiry.days)),
    )
    earliest, latest = _bounds(inquiry, theirs)
    low, high = _quantiles(times, inquiry.edges)
    return Window(earliest, latest, _at(inquiry, low), _at(inquiry, high))


def behind(inquiry: Inquiry, among: frozenset[str], source: Source, sending: str) -> float:
    """Return the probability that a source is behind a sending, given that it leaked."""
    every = inquiry.within(source) & among
    if sending not in every:
        return 0.0
    without = inquiry.evidence(source, every - {sending}).log_ratio - inquiry.evidence(source, every).log_ratio
    return float(1 - np.exp(min(0.0, without)))


def _behind(inquiry: Inquiry, among: frozenset[str], source: Source) -> frozenset[str]:
    return frozenset(name for name in among if behind(inquiry, among, source, name) > 0.5)


def _bounds(inquiry: Inquiry, theirs: Iterable[str]) -> tuple[datetime, datetime]:
    chosen = set(theirs)
    sendings = [s for s in inquiry.sendings if s.id in chosen]
    hit = frozenset[str]().union(*(s.mark for s in sendings))
    return max(c.issued for c in inquiry.world.canaries if c.id in hit), min(s.at for s in sendings)


def _quantiles(times: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    grown = np.concatenate(([0.0], np.cumsum(times / times.sum())))
    low, high = np.interp([0.05, 0.95], grown, edges)
    return float(low), float(high)


def _at(inquiry: Inquiry, day: float) -> datetime:
    return inquiry.start + timedelta(days=day)
