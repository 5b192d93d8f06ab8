"""Who held which address since when: the sources that a world has, and what each of them could have leaked."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from canary.attribute.priors import Rates
from canary.attribute.world import CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind

OWNER = Source(SuspectKind.OWNER)


@dataclass(frozen=True, slots=True)
class Held:
    """One address in a source's hands: since when, how likely at all, in whose account, and with which fields.

    What is not `listed` is only thought possible, with a chance that is one for all such addresses (`unlisted`).
    """

    since: datetime
    p: float = 1.0
    account: str = ""
    fields: frozenset[str] = frozenset()
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Holding:
    """What one source held, and the yearly hazard that it leaks."""

    source: Source
    hazard: float
    members: dict[str, Held]


def holdings(world: World, rates: Rates) -> tuple[Holding, ...]:
    """Return every source of a world with what it held; a supplier may hold what nobody told us of (`unlisted`)."""
    by_vendor: dict[str, list[CanaryFacts]] = defaultdict(list)
    for canary in world.canaries:
        if canary.vendor is not None:
            by_vendor[canary.vendor].append(canary)
    return (
        *_owner(world, rates),
        *_vendors(world, by_vendor, rates),
        *_suppliers(world, by_vendor, rates),
        *_published(by_vendor, rates),
    )


def _owner(world: World, rates: Rates) -> Iterator[Holding]:
    # The store, the mailbox, the backup: they hold the decoys too, and nobody else does.
    yield Holding(OWNER, rates.owner, {c.id: Held(c.issued, fields=c.fields) for c in world.canaries})


def _vendors(world: World, by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    for party in world.vendors:
        mine = by_vendor.get(party.id, [])
        members = {c.id: Held(c.issued, fields=c.fields) for c in mine}
        yield Holding(Source(SuspectKind.VENDOR, party.id), rates.vendor, members)


def _suppliers(world: World, by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    passed: dict[str, dict[str, dict[str, Held]]] = defaultdict(dict)
    for party in world.vendors:
        for passing in party.suppliers:
            account = passed[passing.supplier].setdefault(party.id, {})
            account.update(_account(party, passing, by_vendor.get(party.id, []), rates))
    unlisted = _unlisted(world, rates)
    for supplier, accounts in passed.items():
        sure = {canary: held for account in accounts.values() for canary, held in account.items()}
        yield Holding(Source(SuspectKind.SUPPLIER, supplier), rates.supplier, unlisted | sure)
        for vendor, account in accounts.items():
            if account:
                yield Holding(Source(SuspectKind.ACCOUNT, f"{supplier}/{vendor}"), rates.account, account)


def _account(party: VendorFacts, passing: SupplyFacts, canaries: list[CanaryFacts], rates: Rates) -> dict[str, Held]:
    """What a supplier holds of one vendor: it keeps what it once had, and gets nothing new after the end."""
    told = rates.passed_on if passing.fields is None else passing.fields
    return {
        c.id: Held(max(c.issued, passing.since) if passing.since else c.issued, passing.p, party.id, c.fields & told)
        for c in canaries
        if (not passing.channels or c.channel in passing.channels) and (not passing.until or c.issued <= passing.until)
    }


def _unlisted(world: World, rates: Rates) -> dict[str, Held]:
    if not any(p for p, _ in rates.unlisted):
        return {}
    return {c.id: Held(c.issued, listed=False) for c in world.canaries if c.vendor is not None}


def _published(by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    for vendor, canaries in by_vendor.items():
        shown = {c.id: Held(c.issued) for c in canaries if c.published}
        if shown:
            yield Holding(Source(SuspectKind.PUBLISHED, vendor), rates.published, shown)
