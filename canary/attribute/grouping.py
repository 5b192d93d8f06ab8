"""Addresses that behave alike, as groups with a count, so that a world of a million addresses is weighed like a small one.

Nothing tells apart two addresses of one vendor and channel that nothing hit and that were issued in the same week, but
on which days of that week they were there already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from canary.attribute.world import CanaryFacts, World

WEEK = timedelta(days=7)
"""How far apart addresses of one group are issued at most."""

_BEGIN = datetime(2000, 1, 3, tzinfo=UTC)


def grouped(world: World) -> World:
    """Return a world with the addresses that nothing hit in groups; the first one issued begins it, and stays alone."""
    hit = {hit.canary for hit in world.hits}
    first = min(world.canaries, key=lambda canary: canary.issued, default=None)
    alike: dict[object, list[CanaryFacts]] = defaultdict(list)
    for canary in world.canaries:
        single = canary is first or canary.id in hit
        alike[canary.id if single else _kind(canary)].append(canary)
    return replace(world, canaries=tuple(map(_group, alike.values())))


def expanded(canaries: Iterable[CanaryFacts]) -> Iterator[CanaryFacts]:
    """Yield every address of some groups by itself."""
    for canary in canaries:
        yield replace(canary, count=1)
        yield from (replace(canary, id=f"{canary.id} ({i})", count=1) for i in range(2, canary.count + 1))


def _kind(canary: CanaryFacts) -> object:
    week = (canary.issued - _BEGIN) // WEEK
    return canary.vendor, canary.channel, canary.domain, canary.bits, canary.published, canary.fields, week


def _group(alike: Sequence[CanaryFacts]) -> CanaryFacts:
    """Addresses as one group, dated as they were issued in the mean."""
    first, number = alike[0], sum(canary.count for canary in alike)
    if len(alike) == 1:
        return first
    later = sum((canary.count * (canary.issued - first.issued) for canary in alike), timedelta())
    return replace(first, issued=first.issued + later / number, count=number)
