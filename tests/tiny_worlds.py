"""Tiny random worlds, small enough to list everything."""

from datetime import UTC, datetime, timedelta
from random import Random

from canary.attribute.priors import Rates
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, VendorFacts, World

BEGIN = datetime(2010, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def tiny_world(random: Random) -> World:
    """At most three vendors, two suppliers, five addresses and three sendings."""
    suppliers = ["x", "y"][: random.randint(1, 2)]
    parties = tuple(
        VendorFacts(f"v{i}", tuple(SupplyFacts(s) for s in suppliers if random.random() < 0.7))
        for i in range(random.randint(1, 3))
    )
    canaries = [_planted(f"c{p.id}", p.id, random) for p in parties] + [_planted("d", None, random)]
    hits = [s for k in range(random.randint(0, 3)) for s in _sending(f"k{k}", canaries, random)]
    return World(BEGIN + 500 * DAY, parties, tuple(canaries), tuple(hits))


def tiny_rates(random: Random) -> Rates:
    """Few nodes, so that listing them is quick; everything the fast path has to get right is in."""
    return Rates(
        coverage=((0.1, 0.4), (random.uniform(0.2, 0.9), 0.6)),
        reach=((0.3, 0.5), (random.uniform(0.4, 0.9), 0.5)),
        campaigns=((2.0, 0.5), (random.uniform(1.0, 9.0), 0.5)),
        tenants=((1.0, 0.6), (0.3, 0.4)),
        unlisted=random.choice((((0.0, 1.0),), ((0.02, 0.7), (0.2, 0.3)))),
    )


def _planted(name: str, vendor: str | None, random: Random) -> CanaryFacts:
    issued = BEGIN + random.choice((0, 0, 90, 200)) * DAY
    return CanaryFacts(name, "example.net", vendor, issued, bits=random.choice((18.0, 60.0)))


def _sending(name: str, canaries: list[CanaryFacts], random: Random) -> list[CampaignHit]:
    at = BEGIN + random.uniform(60, 480) * DAY
    mark = random.sample(canaries, random.randint(1, min(2, len(canaries))))
    verdict = random.choice(("spam", "third-party"))
    return [CampaignHit(c.id, at, name, verdict, random.uniform(0.6, 0.99)) for c in mark if c.issued < at]
