"""The ground of a simulated world before anything happens: who was given what, and who really holds it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from canary.attribute.evaluation.scenarios import PopulationParams
from canary.attribute.world import CanaryFacts, Source, SupplyFacts, VendorFacts
from canary.model.case import SuspectKind

Kept = NDArray[np.bool_]
"""One flag for each planted address, in the order of the world."""
ACCOUNT, NEWSLETTER, BOTH = "account", "newsletter", "signup"
PERSONA = frozenset({"name", "phone", "street"})
PASSED_ON = frozenset({"name"})
"""Fields that vendors hand on to suppliers; the rest stays with them."""


@dataclass(frozen=True, slots=True)
class Population:
    """Parties as the model is told, `edges` (vendor, supplier) as they really are, and the addresses with their days."""

    days: float
    vendors: tuple[str, ...]
    suppliers: tuple[str, ...]
    edges: frozenset[tuple[str, str]]
    parties: tuple[VendorFacts, ...]
    planted: tuple[CanaryFacts, ...]
    issued: NDArray[np.float64]
    guessable: Kept
    domain: NDArray[np.int_]

    def fields_at(self, source: Source) -> frozenset[str]:
        """Return the persona fields that a source was ever told."""
        told = frozenset().union(*(c.fields for c in self.planted))
        return told & PASSED_ON if source.kind in (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT) else told


@dataclass(frozen=True, slots=True)
class _Slot:
    vendor: str | None
    channel: str
    generation: int
    day: float
    guessable: bool


def build_population(knobs: PopulationParams, begin: datetime, rng: Generator) -> Population:
    """Set up vendors, suppliers, canaries and decoys; days count from `begin`."""
    days = knobs.years * 365.25
    vendors = tuple(f"v{n + 1:02}" for n in range(knobs.vendors))
    suppliers = tuple(f"e{n + 1}" for n in range(knobs.suppliers))
    edges, parties = _edges(knobs, vendors, suppliers, rng)
    slots = [slot for vendor in vendors for slot in _slots(knobs, vendor, days, rng)]
    slots += [_Slot(None, BOTH, 1, 0.0, n % 2 == 0) for n in range(knobs.decoys)]
    domain = rng.integers(knobs.domains, size=len(slots))
    planted = tuple(_planted(knobs, n, slot, f"d{domain[n] + 1}.example", begin, rng) for n, slot in enumerate(slots))
    issued = np.array([slot.day for slot in slots])
    guessable = np.array([slot.guessable for slot in slots])
    return Population(days, vendors, suppliers, edges, parties, planted, issued, guessable, domain)


def held(ground: Population, source: Source) -> Kept:
    """Return which addresses a source really holds, whenever they were issued."""
    supplier, _, vendor = source.id.partition("/")
    passed = {v for v, e in ground.edges if e == supplier and vendor in ("", v)}
    rules: dict[SuspectKind, Callable[[CanaryFacts], bool]] = {
        SuspectKind.VENDOR: lambda c: c.vendor == source.id,
        SuspectKind.SUPPLIER: lambda c: c.vendor in passed and c.channel != ACCOUNT,
        SuspectKind.ACCOUNT: lambda c: c.vendor in passed and c.channel != ACCOUNT,
        SuspectKind.OWNER: lambda _: True,
        SuspectKind.PUBLISHED: lambda c: c.published and c.vendor == source.id,
    }
    rule = rules[source.kind]
    return np.array([rule(c) for c in ground.planted], dtype=np.bool_)


def _edges(
    knobs: PopulationParams, vendors: tuple[str, ...], suppliers: tuple[str, ...], rng: Generator
) -> tuple[frozenset[tuple[str, str]], tuple[VendorFacts, ...]]:
    weights = np.arange(1, len(suppliers) + 1) ** -knobs.popularity
    channels = frozenset({NEWSLETTER} if knobs.account_canaries else ())
    real, parties = set(), []
    for vendor in vendors:
        least, most = knobs.suppliers_per_vendor
        count = min(int(rng.integers(least, most + 1)), len(suppliers))
        chosen = rng.choice(len(suppliers), count, replace=False, p=weights / weights.sum())
        told = []
        for name in sorted(suppliers[n] for n in chosen):
            p = knobs.edge_p if rng.random() < knobs.edges_inferred else 1.0
            if rng.random() < p:
                real.add((vendor, name))
            if rng.random() >= knobs.edges_missing:
                told.append(SupplyFacts(name, channels, p=p))
        parties.append(VendorFacts(vendor, tuple(told)))
    return frozenset(real), tuple(parties)


def _slots(knobs: PopulationParams, vendor: str, days: float, rng: Generator) -> list[_Slot]:
    day = float(rng.uniform(0, days)) if rng.random() < knobs.late_share else 0.0
    channel = NEWSLETTER if knobs.account_canaries else BOTH
    found = [_Slot(vendor, ACCOUNT, 1, day, _chance(knobs, rng)) for _ in range(knobs.account_canaries)]
    for _ in range(knobs.canaries):
        guessable = _chance(knobs, rng)
        found += [
            _Slot(vendor, channel, n + 1, when, guessable) for n, when in enumerate(_rotated(knobs, day, days, rng))
        ]
    return found


def _rotated(knobs: PopulationParams, day: float, days: float, rng: Generator) -> list[float]:
    every = knobs.rotation_days
    if not every:
        return [day]
    following = day + rng.uniform(0, every) if knobs.staggered else (day // every + 1) * every
    return [day, *np.arange(following, days, every).tolist()]


def _chance(knobs: PopulationParams, rng: Generator) -> bool:
    return bool(rng.random() < knobs.guessable_share)


def _planted(
    knobs: PopulationParams, number: int, slot: _Slot, domain: str, begin: datetime, rng: Generator
) -> CanaryFacts:
    bits = rng.uniform(*(knobs.guessable_bits if slot.guessable else knobs.random_bits))
    shown, named = rng.random(2)
    return CanaryFacts(
        id=f"a{number + 1:04}",
        domain=domain,
        vendor=slot.vendor,
        issued=begin + timedelta(days=slot.day),
        channel=slot.channel,
        generation=slot.generation,
        bits=round(float(bits), 1),
        published=slot.vendor is not None and bool(shown < knobs.published_share),
        fields=PERSONA if slot.vendor is not None and named < knobs.persona_share else frozenset(),
    )
