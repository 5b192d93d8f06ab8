"""What further addresses would be worth: leaks that may come are played through with and without them.

A rehearsal puts a leak of one source half a year ahead, lets it bring three sendings, and asks the likelihood who it
was. What is in the dump and what each sending meets is drawn by name, so that both worlds see the same luck, and evenly; at
least one of the addresses that are there already is hit, if there is any, as otherwise there is nothing to ask. As one
leak at a time is played through, pairs are left out of the answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from statistics import fmean

from canary.attribute.grouping import expanded
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.inference.window import leak_window
from canary.attribute.priors import Rates
from canary.attribute.sources import holdings
from canary.attribute.world import CampaignHit, CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind

_DAY = timedelta(days=1)
_LEAK, _SENDINGS, _END = 180 * _DAY, (20 * _DAY, 60 * _DAY, 130 * _DAY), 365 * _DAY
"""When the leak happens, how long after it each sending comes, and when it is asked who it was."""

_REACH, _CONFIDENCE = 0.6, 0.95
_SCENARIOS = 8
_VENDORS = 20
"""Of a large installation only so many vendors are played with, those in question first."""

_DECOYS = 30


@dataclass(frozen=True, slots=True)
class Addition:
    """An address to issue: to which vendor, through which channel, when, and which supplier alone gets to see it.

    Without a supplier a channel that the vendor has already goes where it went, and a new one to nobody.
    """

    vendor: str
    channel: str
    issued: datetime
    supplier: str | None = None


@dataclass(frozen=True, slots=True)
class WhatIfOutcome:
    """How well leaks were told: the mean probability of the right source, and of the days of the 90 % window."""

    right: float
    days: float


def play_leaks(
    world: World, sources: Sequence[Source], additions: Sequence[Addition], q: float, rates: Rates
) -> WhatIfOutcome:
    """Return how well leaks of each of the sources would be told if these addresses were added."""
    affected = _affected_vendors(world, sources)
    added = [a for a in additions if a.vendor in affected]
    before = relevant_part(world, sources, added)
    present = frozenset(c.id for c in before.canaries)
    after = replace(with_additions(before, added), now=world.now + _END)
    outcomes = [
        _score_answer(replace(after, hits=hits), source, rates)
        for source in sources
        for number in range(_SCENARIOS)
        if (hits := tuple(_draw_hits(after, source, present, number, q, rates)))
    ]
    if not outcomes:
        return WhatIfOutcome(0.0, 0.0)
    return WhatIfOutcome(fmean(p for p, _ in outcomes), fmean(days for _, days in outcomes))


def relevant_part(world: World, sources: Sequence[Source], additions: Sequence[Addition] = ()) -> World:
    """Return the part of a world that matters to some sources, without what has hit it so far."""
    asked = {s.id for s in sources if s.kind is SuspectKind.VENDOR} | {a.vendor for a in additions}
    affected = _affected_vendors(world, sources)
    others = [v.id for v in world.vendors if v.id in affected and v.id not in asked]
    others += [v.id for v in world.vendors if v.id not in affected and v.id not in asked]
    chosen = asked | set(others[: max(0, _VENDORS - len(asked))])
    rivals = {s.supplier for v in world.vendors if v.id in chosen & (affected | asked) for s in v.suppliers}
    vendors = tuple(
        replace(v, suppliers=tuple(s for s in v.suppliers if s.supplier in rivals))
        for v in world.vendors
        if v.id in chosen
    )
    decoys = islice(expanded(c for c in world.canaries if c.vendor is None), _DECOYS)
    canaries = (*expanded(c for c in world.canaries if c.vendor in chosen), *decoys)
    return World(world.now, vendors, canaries, guess_counts=world.guess_counts)


def _affected_vendors(world: World, sources: Sequence[Source]) -> set[str]:
    """The vendors in question, and those that use the suppliers in question."""
    suppliers = {s.id for s in sources if s.kind is SuspectKind.SUPPLIER}
    users = {v.id for v in world.vendors if suppliers & {s.supplier for s in v.suppliers}}
    return users | {s.id for s in sources if s.kind is SuspectKind.VENDOR}


def with_additions(world: World, additions: Sequence[Addition]) -> World:
    """Return a world with further addresses; what vendors handed on so far stays with the channels there were."""
    given = {a.vendor for a in additions}
    channels = {v: frozenset(c.channel for c in world.canaries if c.vendor == v) for v in given}
    vendors = tuple(
        _pin_channels(vendor, channels[vendor.id], [a for a in additions if a.vendor == vendor.id])
        if vendor.id in given
        else vendor
        for vendor in world.vendors
    )
    domain = next((c.domain for c in world.canaries), "domain.invalid")
    new = (CanaryFacts(f"new {i}", domain, a.vendor, a.issued, a.channel, 2) for i, a in enumerate(additions))
    return replace(world, vendors=vendors, canaries=(*world.canaries, *new))


def _pin_channels(vendor: VendorFacts, channels: frozenset[str], additions: Sequence[Addition]) -> VendorFacts:
    """Tie each supplier to the channels that it is handed today, so that a new channel goes only where it should."""
    new = {(a.supplier, a.channel) for a in additions if a.supplier is not None}
    today = (s if s.channels else replace(s, channels=channels or frozenset({"signup"})) for s in vendor.suppliers)
    return VendorFacts(vendor.id, (*today, *(SupplyFacts(s, frozenset({channel})) for s, channel in sorted(new))))


def _draw_hits(
    world: World, source: Source, present: frozenset[str], number: int, q: float, rates: Rates
) -> Iterator[CampaignHit]:
    leak = world.now - _END + _LEAK
    held = next((h.members for h in holdings(world, rates) if h.source == source), {})
    draws = {name: _even_draw(number, name) for name, h in sorted(held.items()) if h.listed and h.since <= leak}
    first = min(draws.keys() & present or draws, key=lambda name: (draws[name], name), default=None)
    if first is None:
        return
    dump = [name for name, draw in draws.items() if draw < q or name == first]
    for k, later in enumerate(_SENDINGS):
        for name in dump:
            if _even_draw(number, f"{k} {name}") < _REACH or (k == 0 and name == first):
                yield CampaignHit(name, leak + later, f"rehearsed {k}", "spam", _CONFIDENCE)


def _even_draw(number: int, name: str) -> float:
    """A number from 0 to 1, spread evenly over the scenarios, in an order and with a shift that each name has for itself."""
    order = sorted(range(_SCENARIOS), key=lambda n: sha256(f"{n} {name}".encode()).digest())
    shift = int.from_bytes(sha256(name.encode()).digest()[:4]) / 2**32
    return (order.index(number) + shift) / _SCENARIOS


def _score_answer(world: World, source: Source, rates: Rates) -> tuple[float, float]:
    """The probability of the source that really leaked, and the width of the window in days."""
    model = EvidenceModel(world, replace(rates, pair=0.0))
    posterior = compute_posterior(model)
    every = frozenset(s.id for s in model.sendings)
    window = leak_window(model, every, {source: 1.0})
    return posterior.marginals[source], (window.to_90 - window.from_90) / _DAY if window else model.span
