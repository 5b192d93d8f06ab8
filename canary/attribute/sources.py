"""Who held which address since when: the sources that a world has, and what each of them could have leaked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from canary.attribute.priors import Rates
from canary.attribute.world import CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind

OWNER = Source(SuspectKind.OWNER)


class Held(NamedTuple):
    """One address in a source's hands, or a group of them: since when, how likely at all, in whose account, with what.

    What is not `listed` is only thought possible, with a chance that is one for all such addresses (`unlisted`).
    """

    since: datetime
    p: float = 1.0
    account: str = ""
    fields: frozenset[str] = frozenset()
    listed: bool = True
    number: int = 1


@dataclass(frozen=True, slots=True)
class Holding:
    """What one source held, and the yearly hazards that it loses it, or passes it on on purpose.

    `members` are those that it is known to hold; `others`, the same for all suppliers, are what it may hold besides.
    """

    source: Source
    hazard: float
    members: Mapping[str, Held]
    passing: float = 0.0
    others: Mapping[str, Held] = field(default_factory=dict)

    def listed(self) -> frozenset[str]:
        """Return the addresses that it is known to hold, a group of them by its one name."""
        return frozenset(self.members)

    def number(self) -> int:
        """Return how many addresses it is known to hold."""
        return sum(held.number for held in self.members.values())

    def every(self) -> dict[str, Held]:
        """Return all that it holds or may hold."""
        return {**self.others, **self.members}


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


def indistinguishable(held: Iterable[Holding]) -> Iterator[tuple[Source, ...]]:
    """Yield the vendors and suppliers that hold just the same addresses since the same times: no data tells them apart."""
    groups: dict[object, list[Source]] = defaultdict(list)
    for holding in held:
        if holding.source.kind in (SuspectKind.VENDOR, SuspectKind.SUPPLIER) and holding.members:
            groups[frozenset((name, member.since) for name, member in holding.members.items())].append(holding.source)
    return (tuple(sources) for sources in groups.values() if len(sources) > 1)


def _owner(world: World, rates: Rates) -> Iterator[Holding]:
    # The store, the mailbox, the backup: they hold the decoys too, and nobody else does.
    yield Holding(OWNER, rates.owner, {c.id: _given(c) for c in world.canaries})


def _given(canary: CanaryFacts) -> Held:
    return Held(canary.issued, fields=canary.fields, number=canary.count)


def _vendors(world: World, by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    for vendor in world.vendors:
        canaries = by_vendor.get(vendor.id, [])
        members = {c.id: _given(c) for c in canaries}
        yield Holding(Source(SuspectKind.VENDOR, vendor.id), rates.vendor, members, rates.passing)


def _suppliers(world: World, by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    accounts_by_supplier: dict[str, dict[str, dict[str, Held]]] = defaultdict(dict)
    for vendor in world.vendors:
        for supply in vendor.suppliers:
            account = accounts_by_supplier[supply.supplier].setdefault(vendor.id, {})
            account.update(_supplied_to_account(vendor, supply, by_vendor.get(vendor.id, []), rates))
    unlisted = _unlisted(world, rates)
    for supplier, accounts in accounts_by_supplier.items():
        sure = {canary: held for account in accounts.values() for canary, held in account.items()}
        yield Holding(Source(SuspectKind.SUPPLIER, supplier), rates.supplier, sure, rates.supplier_passing, unlisted)
        for vendor_id, account in accounts.items():
            if account:
                yield Holding(Source(SuspectKind.ACCOUNT, f"{supplier}/{vendor_id}"), rates.account, account)


def _supplied_to_account(
    vendor: VendorFacts, supply: SupplyFacts, canaries: list[CanaryFacts], rates: Rates
) -> dict[str, Held]:
    """What a supplier holds of one vendor: it keeps what it once had, and gets nothing new after the end."""
    fields = rates.passed_on if supply.fields is None else supply.fields
    return {
        c.id: Held(
            max(c.issued, supply.since) if supply.since else c.issued,
            supply.p,
            vendor.id,
            c.fields & fields,
            number=c.count,
        )
        for c in canaries
        if (not supply.channels or c.channel in supply.channels) and (not supply.until or c.issued <= supply.until)
    }


def _unlisted(world: World, rates: Rates) -> dict[str, Held]:
    if not any(p for p, _ in rates.unlisted):
        return {}
    return {c.id: Held(c.issued, listed=False, number=c.count) for c in world.canaries if c.vendor is not None}


def _published(by_vendor: dict[str, list[CanaryFacts]], rates: Rates) -> Iterator[Holding]:
    for vendor, canaries in by_vendor.items():
        shown = {c.id: Held(c.issued, number=c.count) for c in canaries if c.published}
        if shown:
            yield Holding(Source(SuspectKind.PUBLISHED, vendor), rates.published, shown)
