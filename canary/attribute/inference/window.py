"""When it leaked: hard bounds from who was hit, and the span that holds nine tenths of the belief."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.subset_sum import Array
from canary.attribute.world import Source
from canary.model.case import LeakWindow

_ENOUGH = 0.01
_TAILS = (0.05, 0.95)


def window(inquiry: EvidenceModel, among: frozenset[str], singles: Mapping[Source, float]) -> LeakWindow | None:
    """Return the window of the sendings that belong to a leak, the sources weighed by their probability."""
    likely = _likely(singles)
    source = max(likely, key=lambda s: likely[s], default=None)
    theirs = [s for s in inquiry.sendings if source and behind(inquiry, among, source, s.id) > 0.5]
    if not theirs:
        return None
    hit = frozenset[str]().union(*(s.mark for s in theirs))
    earliest, latest = max(c.issued for c in inquiry.world.canaries if c.id in hit), min(s.at for s in theirs)
    return LeakWindow(earliest, latest, *believed(inquiry, among, singles, earliest if earliest < latest else None))


def believed(
    inquiry: EvidenceModel, among: frozenset[str], singles: Mapping[Source, float], after: datetime | None = None
) -> tuple[datetime, datetime]:
    """Return the span that holds 90 % of the probability of when it leaked, after a time if one is given.

    The sources are weighed by their probabilities.
    """
    times = np.zeros(len(inquiry.days))
    for source, p in _likely(singles).items():
        times += p * inquiry.evidence(source, inquiry.within(source) & among).times
    daily, edges = _dormant(inquiry, times)
    if after is not None and daily[edges[1:] > inquiry.day(after)].any():
        daily = np.where(edges[1:] > inquiry.day(after), daily, 0.0)
    grown = np.concatenate(([0.0], np.cumsum(daily / daily.sum())))
    low, high = (float(day) for day in np.interp(_TAILS, grown, edges))
    return inquiry.start + timedelta(days=low), inquiry.start + timedelta(days=high)


def behind(inquiry: EvidenceModel, among: frozenset[str], source: Source, sending: str) -> float:
    """Return the probability that a source is behind a sending, given that it leaked."""
    every = inquiry.within(source) & among
    if sending not in every:
        return 0.0
    without = inquiry.evidence(source, every - {sending}).log_ratio - inquiry.evidence(source, every).log_ratio
    return float(1 - np.exp(min(0.0, without)))


def _likely(singles: Mapping[Source, float]) -> dict[Source, float]:
    top = max(singles.values(), default=0.0)
    return {source: p for source, p in singles.items() if p >= _ENOUGH * top > 0}


def _dormant(inquiry: EvidenceModel, times: Array) -> tuple[Array, Array]:
    """Spread the belief back in time, day by day: some who have a list sit on it before they first use it."""
    edges = np.arange(0.0, np.ceil(inquiry.span) + 1)
    begun = np.diff(np.interp(edges, inquiry.edges, np.concatenate(([0.0], np.cumsum(times)))))
    daily = np.zeros_like(begun)
    for mean, weight in inquiry.rates.dormancy:
        slept = np.exp(-np.arange(len(begun)) / mean) if mean else np.eye(1, len(begun))[0]
        # Where the time before the first address was issued is cut off, what is left counts the more.
        scale = np.cumsum(slept)
        daily += weight * np.convolve((begun / scale)[::-1], slept)[: len(begun)][::-1]
    return daily, edges
