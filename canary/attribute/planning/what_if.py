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
from statistics import fmean

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
_NEAR = 20
"""Of a large installation only so many vendors are rehearsed with, those in question first."""

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


def rehearse(
    world: World, sources: Sequence[Source], additions: Sequence[Addition], q: float, rates: Rates
) -> WhatIfOutcome:
    """Return how well leaks of each of the sources would be told if these addresses were added."""
    near = _concerned(world, sources)
    added = [a for a in additions if a.vendor in near]
    there = around(world, sources, added)
    present = frozenset(c.id for c in there.canaries)
    after = replace(extended(there, added), now=world.now + _END)
    found = [
        _told(replace(after, hits=hits), source, rates)
        for source in sources
        for number in range(_SCENARIOS)
        if (hits := tuple(_strikes(after, source, present, number, q, rates)))
    ]
    if not found:
        return WhatIfOutcome(0.0, 0.0)
    return WhatIfOutcome(fmean(p for p, _ in found), fmean(days for _, days in found))


def around(world: World, sources: Sequence[Source], additions: Sequence[Addition] = ()) -> World:
    """Return the part of a world that matters to some sources, without what has hit it so far."""
    vendors = {s.id for s in sources if s.kind is SuspectKind.VENDOR} | {a.vendor for a in additions}
    concerned = _concerned(world, sources)
    told = [p.id for p in world.vendors if p.id in concerned and p.id not in vendors]
    rest = [p.id for p in world.vendors if p.id not in concerned and p.id not in vendors]
    kept = vendors | set([*told, *rest][: max(0, _NEAR - len(vendors))])
    rivals = {s.supplier for p in world.vendors if p.id in kept & (concerned | vendors) for s in p.suppliers}
    parties = tuple(
        replace(p, suppliers=tuple(s for s in p.suppliers if s.supplier in rivals))
        for p in world.vendors
        if p.id in kept
    )
    decoys = [c for c in world.canaries if c.vendor is None][:_DECOYS]
    return World(
        world.now, parties, (*(c for c in world.canaries if c.vendor in kept), *decoys), guess_counts=world.guess_counts
    )


def _concerned(world: World, sources: Sequence[Source]) -> set[str]:
    """The vendors in question, and those that use the suppliers in question."""
    suppliers = {s.id for s in sources if s.kind is SuspectKind.SUPPLIER}
    users = {p.id for p in world.vendors if suppliers & {s.supplier for s in p.suppliers}}
    return users | {s.id for s in sources if s.kind is SuspectKind.VENDOR}


def extended(world: World, additions: Sequence[Addition]) -> World:
    """Return a world with further addresses; what vendors handed on so far stays with the channels there were."""
    concerned = {a.vendor for a in additions}
    channels = {v: frozenset(c.channel for c in world.canaries if c.vendor == v) for v in concerned}
    parties = tuple(
        _pinned(party, channels[party.id], [a for a in additions if a.vendor == party.id])
        if party.id in concerned
        else party
        for party in world.vendors
    )
    domain = next((c.domain for c in world.canaries), "domain.invalid")
    new = (CanaryFacts(f"new {i}", domain, a.vendor, a.issued, a.channel, 2) for i, a in enumerate(additions))
    return replace(world, vendors=parties, canaries=(*world.canaries, *new))


def _pinned(party: VendorFacts, channels: frozenset[str], additions: Sequence[Addition]) -> VendorFacts:
    new = {(a.supplier, a.channel) for a in additions if a.supplier is not None}
    kept = (p if p.channels else replace(p, channels=channels or frozenset({"signup"})) for p in party.suppliers)
    return VendorFacts(party.id, (*kept, *(SupplyFacts(s, frozenset({channel})) for s, channel in sorted(new))))


def _strikes(
    world: World, source: Source, present: frozenset[str], number: int, q: float, rates: Rates
) -> Iterator[CampaignHit]:
    leak = world.now - _END + _LEAK
    held = next((h.members for h in holdings(world, rates) if h.source == source), {})
    drawn = {n: _luck(number, n) for n, h in sorted(held.items()) if h.listed and h.since <= leak}
    first = min(drawn.keys() & present or drawn, key=lambda n: (drawn[n], n), default=None)
    if first is None:
        return
    dump = [n for n, luck in drawn.items() if luck < q or n == first]
    for k, later in enumerate(_SENDINGS):
        for name in dump:
            if _luck(number, f"{k} {name}") < _REACH or (k == 0 and name == first):
                yield CampaignHit(name, leak + later, f"rehearsed {k}", "spam", _CONFIDENCE)


def _luck(number: int, name: str) -> float:
    """A number from 0 to 1, spread evenly over the scenarios, in an order and with a shift that each name has for itself."""
    order = sorted(range(_SCENARIOS), key=lambda n: sha256(f"{n} {name}".encode()).digest())
    shift = int.from_bytes(sha256(name.encode()).digest()[:4]) / 2**32
    return (order.index(number) + shift) / _SCENARIOS


def _told(world: World, source: Source, rates: Rates) -> tuple[float, float]:
    model = EvidenceModel(world, replace(rates, pair=0.0))
    posterior = compute_posterior(model)
    every = frozenset(s.id for s in model.sendings)
    found = leak_window(model, every, {source: 1.0})
    return posterior.marginals[source], (found.to_90 - found.from_90) / _DAY if found else model.span
