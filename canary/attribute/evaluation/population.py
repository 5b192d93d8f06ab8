"""The ground of a simulated world before anything happens: who was given what, and who really holds it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from canary.attribute.evaluation.scenarios import PopulationParams
from canary.attribute.world import CanaryFacts, Source, SupplyFacts, VendorFacts
from canary.model.case import SuspectKind

Flags = NDArray[np.bool_]
"""One flag for each planted address, in the order of the world."""
ACCOUNT, NEWSLETTER, BOTH = "account", "newsletter", "signup"
PERSONA = frozenset({"name", "phone", "street"})
PASSED_ON = frozenset({"name"})
"""Fields that vendors hand on to suppliers; the rest stays with them."""


@dataclass(frozen=True, slots=True)
class Population:
    """Parties as the model is told, `edges` (vendor, supplier) as they really are, and the addresses with their days.

    Addresses that a program made and that were `never_given` away are held by the owner alone; those that nobody has
    confirmed to have been given away are `tentative`.
    """

    days: float
    vendors: tuple[str, ...]
    suppliers: tuple[str, ...]
    edges: frozenset[tuple[str, str]]
    vendor_facts: tuple[VendorFacts, ...]
    canaries: tuple[CanaryFacts, ...]
    issued: NDArray[np.float64]
    guessable: Flags
    domain: NDArray[np.int_]
    never_given: Flags
    tentative: Flags

    def fields_at(self, source: Source) -> frozenset[str]:
        """Return the persona fields that a source was ever told."""
        told_suppliers = frozenset().union(*(c.fields for c in self.canaries))
        return (
            told_suppliers & PASSED_ON if source.kind in (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT) else told_suppliers
        )


@dataclass(frozen=True, slots=True)
class _AddressSlot:
    vendor: str | None
    channel: str
    generation: int
    day: float
    guessable: bool


def build_population(params: PopulationParams, begin: datetime, rng: Generator) -> Population:
    """Set up vendors, suppliers, canaries and decoys; days count from `begin`."""
    days = params.years * 365.25
    vendors = tuple(f"v{n + 1:02}" for n in range(params.vendors))
    suppliers = tuple(f"e{n + 1}" for n in range(params.suppliers))
    edges, vendor_facts = _draw_edges(params, vendors, suppliers, rng)
    slots = [slot for vendor in vendors for slot in _address_slots(params, vendor, days, rng)]
    slots += [_AddressSlot(None, BOTH, 1, 0.0, n % 2 == 0) for n in range(params.decoys)]
    given = len(slots)
    slots += [spare for slot in tuple(slots) for spare in _spare_slots(params, slot, rng)]
    never_given = np.arange(len(slots)) >= given
    domain = rng.integers(params.domains, size=len(slots))
    canaries = tuple(
        _canary_facts(params, n, slot, f"d{domain[n] + 1}.example", begin, rng) for n, slot in enumerate(slots)
    )
    issued = np.array([slot.day for slot in slots])
    guessable = np.array([slot.guessable for slot in slots])
    tentative = never_given | _unconfirmed(params, canaries, rng)
    return Population(
        days, vendors, suppliers, edges, vendor_facts, canaries, issued, guessable, domain, never_given, tentative
    )


def held_by(population: Population, source: Source) -> Flags:
    """Return which addresses a source really holds, whenever they were issued."""
    supplier, _, vendor = source.id.partition("/")
    passed = {v for v, e in population.edges if e == supplier and vendor in ("", v)}
    rules: dict[SuspectKind, Callable[[CanaryFacts], bool]] = {
        SuspectKind.VENDOR: lambda c: c.vendor == source.id,
        SuspectKind.SUPPLIER: lambda c: c.vendor in passed and c.channel != ACCOUNT,
        SuspectKind.ACCOUNT: lambda c: c.vendor in passed and c.channel != ACCOUNT,
        SuspectKind.OWNER: lambda _: True,
        SuspectKind.PUBLISHED: lambda c: c.published and c.vendor == source.id,
    }
    rule = rules[source.kind]
    held = np.array([rule(c) for c in population.canaries], dtype=np.bool_)
    return held if source.kind is SuspectKind.OWNER else held & ~population.never_given


def _draw_edges(
    params: PopulationParams, vendors: tuple[str, ...], suppliers: tuple[str, ...], rng: Generator
) -> tuple[frozenset[tuple[str, str]], tuple[VendorFacts, ...]]:
    weights = np.arange(1, len(suppliers) + 1) ** -params.popularity
    channels = frozenset({NEWSLETTER} if params.account_canaries else ())
    real_edges, vendor_facts = set(), []
    for vendor in vendors:
        least, most = params.suppliers_per_vendor
        count = min(int(rng.integers(least, most + 1)), len(suppliers))
        chosen = rng.choice(len(suppliers), count, replace=False, p=weights / weights.sum())
        told_suppliers = []
        for name in sorted(suppliers[n] for n in chosen):
            p = params.edge_p if rng.random() < params.edges_inferred else 1.0
            if rng.random() < p:
                real_edges.add((vendor, name))
            if rng.random() >= params.edges_missing:
                told_suppliers.append(SupplyFacts(name, channels, p=p))
        vendor_facts.append(VendorFacts(vendor, tuple(told_suppliers)))
    return frozenset(real_edges), tuple(vendor_facts)


def _address_slots(params: PopulationParams, vendor: str, days: float, rng: Generator) -> list[_AddressSlot]:
    day = float(rng.uniform(0, days)) if rng.random() < params.late_share else 0.0
    channel = NEWSLETTER if params.account_canaries else BOTH
    slots = [_AddressSlot(vendor, ACCOUNT, 1, day, _is_guessable(params, rng)) for _ in range(params.account_canaries)]
    for _ in range(params.canaries):
        guessable = _is_guessable(params, rng)
        slots += [
            _AddressSlot(vendor, channel, n + 1, when, guessable)
            for n, when in enumerate(_issue_days(params, day, days, rng))
        ]
    return slots


def _spare_slots(params: PopulationParams, slot: _AddressSlot, rng: Generator) -> Iterator[_AddressSlot]:
    """Addresses that a program made at the same sign-up as the one that was given away: it makes one whenever it is opened."""
    if params.never_given and slot.vendor is not None:
        for _ in range(int(rng.geometric(1 - params.never_given)) - 1):
            yield replace(slot, guessable=_is_guessable(params, rng))


def _unconfirmed(params: PopulationParams, canaries: tuple[CanaryFacts, ...], rng: Generator) -> Flags:
    if not params.never_given:
        return np.zeros(len(canaries), dtype=np.bool_)
    issued = np.array([c.vendor is not None for c in canaries], dtype=np.bool_)
    return issued & (rng.random(len(canaries)) >= params.confirmed)


def _issue_days(params: PopulationParams, day: float, days: float, rng: Generator) -> list[float]:
    every = params.rotation_days
    if not every:
        return [day]
    following = day + rng.uniform(0, every) if params.staggered else (day // every + 1) * every
    return [day, *np.arange(following, days, every).tolist()]


def _is_guessable(params: PopulationParams, rng: Generator) -> bool:
    return bool(rng.random() < params.guessable_share)


def _canary_facts(
    params: PopulationParams, number: int, slot: _AddressSlot, domain: str, begin: datetime, rng: Generator
) -> CanaryFacts:
    bits = rng.uniform(*(params.guessable_bits if slot.guessable else params.random_bits))
    shown, named = rng.random(2)
    return CanaryFacts(
        id=f"a{number + 1:04}",
        domain=domain,
        vendor=slot.vendor,
        issued=begin + timedelta(days=slot.day),
        channel=slot.channel,
        generation=slot.generation,
        bits=round(float(bits), 1),
        published=slot.vendor is not None and bool(shown < params.published_share),
        fields=PERSONA if slot.vendor is not None and named < params.persona_share else frozenset(),
    )
