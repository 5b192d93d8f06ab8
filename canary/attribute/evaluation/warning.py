"""How long before the first spam a leak was worth watching: lists are tried out before they are used."""

from collections.abc import Callable
from datetime import datetime, timedelta

from canary.attribute.evaluation.scoring import LIKELY, EarlyWarning, ScoredAnswer, world_at
from canary.attribute.evaluation.simulate import Truth
from canary.attribute.world import NO_LEAK, World

_LOOKS = 12
"""How many moments of a world are looked at, at most."""


def early_warning(weigh: Callable[[World], ScoredAnswer], world: World, truth: Truth) -> EarlyWarning | None:
    """Return how early a method warned of the leak that was seen first; None where none was ever seen."""
    seen = [(leak.first, leak.hinted) for leak in truth.leaks if leak.first is not None]
    if not seen:
        return None
    first, hinted = min(seen, key=lambda times: times[0])
    if hinted is None or hinted >= first:
        return EarlyWarning()
    times = sorted({hit.at for hit in world.hits if hinted <= hit.at < first})
    for moment in times[-_LOOKS:]:
        if weigh(world_at(world, moment)).posterior.hypotheses.get(NO_LEAK, 0.0) <= 1 - LIKELY:
            return EarlyWarning(_days(hinted, first), _days(moment, first))
    return EarlyWarning(_days(hinted, first))


def _days(since: datetime, until: datetime) -> float:
    return (until - since) / timedelta(days=1)
