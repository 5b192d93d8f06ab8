"""The times at which a source may have leaked, in cells that are fine where something happened."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from canary.attribute.inference.subset_sum import Array, Ints
from canary.attribute.priors import Rates
from canary.attribute.world import CanaryFacts

DAY = timedelta(days=1)

_MOST_EDGES = 56
_EVEN_CELLS = 20
_REFINED_BEFORE = (0.0, 2.0, 7.0, 21.0, 60.0)
"""Days before a sending at which the time grid is refined, as quick thieves need but days."""

_SHORTEST_CELL = 0.2


def time_edges(span: float, hits: Iterable[tuple[float, float]]) -> Array:
    """The edges of the time grid: even, and finer before each sending, those named first if there are too many.

    Sendings are given with the day on which the newest of their addresses was issued: only after it can they have leaked.
    """
    edges = list(np.linspace(0.0, span, _EVEN_CELLS + 1))
    for day, newest in dict.fromkeys(hits):
        if len(edges) < _MOST_EDGES:
            edges += [day - before for before in _REFINED_BEFORE if 0 < day - before < span]
            edges += [newest] if newest > 0 and day - newest < _REFINED_BEFORE[1] else []
    apart = [0.0]
    for edge in sorted(edges):
        if edge - apart[-1] >= _SHORTEST_CELL and span - edge >= _SHORTEST_CELL:
            apart.append(edge)
    return np.array([*apart, span])


def share_sent(rates: Rates, age: Array) -> Array:
    """The part of a leak's sendings that has come so many days after it."""
    total = sum(weight for _, weight in rates.delays)
    ages = np.maximum(age, 0.0)
    sent: Array = np.sum([weight / total * -np.expm1(-ages / mean) for mean, weight in rates.delays], axis=0)
    return sent


class FirstCells(dict[datetime, int]):
    """The first cell of the time grid at which something is held that is held since then."""

    def __init__(self, days: Array, start: datetime, canaries: Iterable[CanaryFacts]) -> None:
        """Look all times of issue up at once; days are counted from the start."""
        self._days, self._start = days, start
        times = list({canary.issued for canary in canaries})
        super().__init__(zip(times, self._look_up(times).tolist(), strict=True))

    def __missing__(self, since: datetime) -> int:
        """Look another time up."""
        self[since] = int(self._look_up([since])[0])
        return self[since]

    def _look_up(self, times: Sequence[datetime]) -> Ints:
        return np.searchsorted(self._days, np.maximum(0.0, [(at - self._start) / DAY for at in times]))
