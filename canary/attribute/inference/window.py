"""When it leaked: hard bounds from who was hit, and the span that holds nine tenths of the probability."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.subset_sum import Array
from canary.attribute.null_model import ObservedSending
from canary.attribute.world import Source
from canary.model.case import LeakWindow

_ENOUGH = 0.01
_TAILS = (0.05, 0.95)


def leak_window(model: EvidenceModel, among: frozenset[str], singles: Mapping[Source, float]) -> LeakWindow | None:
    """Return the window of the sendings that belong to a leak, the sources weighed by their probability."""
    likely = _likely_sources(singles)
    source = max(likely, key=lambda s: likely[s], default=None)
    explained = _explained(model, among, source) if source else []
    if not explained:
        return None
    hit = frozenset[str]().union(*(s.mark for s in explained))
    earliest = max(model.canaries[name].issued for name in hit)
    latest = min(model.world.now, *(s.at for s in explained))
    bounds = (earliest, latest) if earliest < latest else None
    return LeakWindow(earliest, latest, *credible_span(model, among, singles, bounds))


def _explained(model: EvidenceModel, among: frozenset[str], source: Source) -> list[ObservedSending]:
    """Return, of the sendings that a source is behind, the oldest and the one that met the newest address.

    These two give the bounds that all of them give; nearly always they are the first that are asked about.
    """
    asked = [sending for sending in model.sendings if sending.id in among]
    newest = sorted(asked, key=lambda sending: max(model.canaries[name].issued for name in sending.mark), reverse=True)
    found = (
        next((s for s in order if probability_behind(model, among, source, s.id) > 0.5), None)
        for order in (asked, newest)
    )
    return [sending for sending in found if sending]


def credible_span(
    model: EvidenceModel,
    among: frozenset[str],
    singles: Mapping[Source, float],
    bounds: tuple[datetime, datetime] | None = None,
) -> tuple[datetime, datetime]:
    """Return the span that holds 90 % of the probability of when it leaked, within bounds if there are any.

    The sources are weighed by their probabilities. It never passes now.
    """
    times = np.zeros(len(model.days))
    for source, p in _likely_sources(singles).items():
        times += p * model.source_evidence(source, model.plausible_sendings(source) & among).times
    daily, edges = _spread_by_dormancy(model, times)
    first, last = map(model.day_of, bounds or (model.start, model.world.now))
    if daily[edges[1:] > first].any():
        daily = np.where(edges[1:] > first, daily, 0.0)
    cumulative = np.concatenate(([0.0], np.cumsum(daily / max(daily.sum(), 1e-300))))
    # What falls on a day of which only minutes are within the bounds fell in these. Clocks differ, so that the belief
    # reaches over the first hit; what is said of it never does.
    within = np.clip(edges, first, max(first, last))
    low, high = (model.start + timedelta(days=float(day)) for day in np.interp(_TAILS, cumulative, within))
    # A day as a float is not exact to the microsecond.
    return (max(low, bounds[0]), min(high, bounds[1])) if bounds else (low, min(high, model.world.now))


def probability_behind(model: EvidenceModel, among: frozenset[str], source: Source, sending: str) -> float:
    """Return the probability that a source is behind a sending, given that it leaked."""
    plausible = model.plausible_sendings(source) & among
    if sending not in plausible:
        return 0.0
    whole = model.source_evidence(source, plausible).log_ratio
    without = model.source_evidence(source, plausible - {sending}).log_ratio
    return float(1 - np.exp(min(0.0, without - whole)))


def _likely_sources(singles: Mapping[Source, float]) -> dict[Source, float]:
    top = max(singles.values(), default=0.0)
    return {source: p for source, p in singles.items() if p >= _ENOUGH * top > 0}


def _spread_by_dormancy(model: EvidenceModel, times: Array) -> tuple[Array, Array]:
    """Spread the probability back in time, day by day: some who have a list wait before they first use it."""
    edges = np.arange(0.0, np.ceil(model.span) + 1)
    begun = np.diff(np.interp(edges, model.edges, np.concatenate(([0.0], np.cumsum(times)))))
    daily = np.zeros_like(begun)
    for mean, weight in model.rates.dormancy:
        slept = np.exp(-np.arange(len(begun)) / mean) if mean else np.eye(1, len(begun))[0]
        # Where the time before the first address was issued is cut off, what is left counts the more.
        scale = np.cumsum(slept)
        daily += weight * np.convolve((begun / scale)[::-1], slept)[: len(begun)][::-1]
    return daily, edges
