"""How far confidences can be relied on, from pairs of (confidence, whether the verdict was right)."""

import math
from collections.abc import Iterator, Sequence

BINS = 10
SMALLEST = 1e-6
"""No outcome counts as less likely than this in the log loss."""


def bins(sure: Sequence[tuple[float, bool]]) -> Iterator[tuple[int, float, float]]:
    """Yield for each of ten bins that holds any: how many, how sure on average, and the share that was right."""
    sorted_in: dict[int, list[tuple[float, bool]]] = {}
    for each in sure:
        sorted_in.setdefault(min(int(each[0] * BINS), BINS - 1), []).append(each)
    for _, held in sorted(sorted_in.items()):
        yield len(held), sum(p for p, _ in held) / len(held), sum(hit for _, hit in held) / len(held)


def calibration_error(sure: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error: how far confidence is from the share that is right, over ten bins."""
    return sum(abs(mean - share) * count for count, mean, share in bins(sure)) / len(sure) if sure else 0.0


def log_loss(sure: Sequence[tuple[float, bool]]) -> float:
    """Return the mean of -ln of the probability that was given to what turned out to be so."""
    losses = (-math.log(max(p if hit else 1 - p, SMALLEST)) for p, hit in sure)
    return sum(losses) / len(sure) if sure else 0.0
