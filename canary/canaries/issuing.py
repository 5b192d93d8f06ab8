"""Many addresses at once: made and written together, with decoys among them that are drawn as they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import chain, islice, repeat
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.canaries.lifecycle import IssueOrder, issue
from canary.evidence.entries import EntryKind, issue_entry
from canary.evidence.leaves import log_entry
from canary.model.address import Draw, make_address, with_parts
from canary.model.canary import Canary, CanaryState, Persona
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac, decoy_mac_of
from canary.store.queries.vendors import rows_by_slug, vendor_row
from canary.store.tables import CanaryRow, VendorRow
from canary.store.tables.base import draw_canary_id, metadata, random_mac
from canary.store.upsert import insert_for

PART = 5000
"""So many addresses are written in one transaction by those who can go on later: others that write wait for it."""

_STEP, _PLACES = 1000, 12
_CANARY = metadata.tables["canary"]


@dataclass(frozen=True, slots=True)
class IssueSet:
    """A number of addresses that are alike but for what is drawn."""

    order: IssueOrder
    count: int = 1


@dataclass(frozen=True, slots=True)
class _DrawnAddress:
    """A row to write, and the order it is issued by, or None for a decoy."""

    row: dict[str, Any]
    persona: Persona
    order: IssueOrder | None


@dataclass(frozen=True, slots=True)
class _IssueContext:
    """What the addresses of one go have in common: `places` are those of the orders, `lone` the orders of one address.

    `generations` are the newest by vendor and channel. One decoy is made for `every` addresses.
    """

    session: Session
    orders: Sequence[IssueOrder]
    lone: frozenset[IssueOrder]
    places: frozenset[tuple[str, str]]
    owners: Mapping[str, VendorRow]
    generations: Mapping[tuple[int, str], int]
    mac: DecoyMac
    every: int
    draw: Draw
    now: datetime

    def draw_beside(self, order: IssueOrder) -> Iterator[_DrawnAddress]:
        """Draw an address by an order, and now and then a decoy beside it."""
        yield self._draw(order, decoy=False)
        if self.every and self.mac.key() is not None and self.draw(self.every) == 0:
            yield self._draw(self._place_beside(order), decoy=True)

    def _draw(self, order: IssueOrder, *, decoy: bool) -> _DrawnAddress:
        owner = self.owners[order.vendor].id or 0
        made = make_address(
            order.style, self.owners[order.vendor].name, order.domain, self.draw, order.mailbox, order.locale
        )
        persona = with_parts(made.persona, order.parts, self.draw)
        row = {
            "id": draw_canary_id(self.draw), "address": made.address, "domain": order.domain.lower(),
            "vendor_id": owner, "channel": order.channel, "style": order.style.value, "bits": made.bits,
            "generation": self.generations.get((owner, order.channel), 1), "published": order.published,
            "persona": asdict(persona), "issued_at": self.now,
            "mac": self.mac.mac(made.address) if decoy else random_mac(),
        }  # fmt: skip
        return _DrawnAddress(row, persona, None if decoy else order)

    def _place_beside(self, order: IssueOrder) -> IssueOrder:
        """Return the order for a decoy: the same, or where that address is alone in its place another free place."""
        if order not in self.lone:
            return order
        for _ in range(_PLACES):
            vendor, channel = (self.orders[self.draw(len(self.orders))] for _ in range(2))
            placed = replace(order, vendor=vendor.vendor, channel=channel.channel)
            if self._is_free(placed):
                return placed
        return order

    def _is_free(self, placed: IssueOrder) -> bool:
        vendor = self.owners[placed.vendor].id or 0
        here = select(CanaryRow.id).where(CanaryRow.vendor_id == vendor, CanaryRow.channel == placed.channel).limit(1)
        return (placed.vendor, placed.channel) not in self.places and self.session.exec(here).first() is None


def issue_in_parts(
    store: Database, order: IssueOrder, count: int, draw: Draw, clock: Callable[[], datetime]
) -> Iterator[list[Canary]]:
    """Issue a number of addresses and yield them part by part, each committed; what was yielded stays issued."""
    for first in range(0, count, PART):
        with store.writing() as session:
            made = issue_sets(session, [IssueSet(order, min(PART, count - first))], draw, clock())
        yield made


def issue_sets(session: Session, wanted: Sequence[IssueSet], draw: Draw, now: datetime) -> list[Canary]:
    """Issue sets of addresses in this transaction, in their order; raises Unknown for a vendor nobody added.

    The first address is issued as any single one. The others come in one go with it: decoys among them are of the same
    vendors, channels and time. An address that is in use already is drawn again.
    """
    orders = chain.from_iterable(repeat(each.order, each.count) for each in wanted)
    first = next(orders, None)
    if first is None:
        return []
    made = [issue(session, first, draw, now)]
    context = _context(session, wanted, draw, now)
    while step := list(islice(orders, _STEP)):
        written, again = _write(context, step)
        made += written
        orders = chain(again, orders)
    return made


def _context(session: Session, wanted: Sequence[IssueSet], draw: Draw, now: datetime) -> _IssueContext:
    orders = list(dict.fromkeys(each.order for each in wanted))
    owners = {row.slug: row for row in rows_by_slug(session, [order.vendor for order in orders])}
    for order in orders:
        if order.vendor not in owners:
            owners[order.vendor] = vendor_row(session, order.vendor)
    for owner in owners.values():
        owner.unconfirmed = False
    places = select(CanaryRow.vendor_id, CanaryRow.channel, func.max(CanaryRow.generation)).where(
        col(CanaryRow.vendor_id).in_([row.id for row in owners.values()]),
        col(CanaryRow.channel).in_({order.channel for order in orders}),
    )
    newest = session.exec(places.group_by(col(CanaryRow.vendor_id), col(CanaryRow.channel)))
    generations = {(vendor, channel): number for vendor, channel, number in newest}
    lone = frozenset(each.order for each in wanted if each.count == 1)
    mac = decoy_mac_of(session)
    taken = frozenset((order.vendor, order.channel) for order in orders)
    return _IssueContext(session, orders, lone, taken, owners, generations, mac, mac.one_in(session), draw, now)


def _write(context: _IssueContext, orders: Sequence[IssueOrder]) -> tuple[list[Canary], list[IssueOrder]]:
    """Write addresses by some orders; return what is issued, and the orders whose address or number was in use."""
    drawn = [each for order in orders for each in context.draw_beside(order)]
    statement = insert_for(context.session, _CANARY).on_conflict_do_nothing().returning(_CANARY.c.id)
    written = set(context.session.connection().execute(statement, [each.row for each in drawn]).scalars())
    made = [_canary(context, each.order, each) for each in drawn if each.order and each.row["id"] in written]
    for each in drawn:
        if each.order and each.row["id"] in written:
            _log(context, each.row, context.owners[each.order.vendor].slug)
    return made, [each.order for each in drawn if each.order and each.row["id"] not in written]


def _log(context: _IssueContext, row: Mapping[str, Any], vendor: str) -> None:
    log_entry(context.session, EntryKind.ISSUE, row["id"], lambda: issue_entry(CanaryRow(**row), vendor))


def _canary(context: _IssueContext, order: IssueOrder, drawn: _DrawnAddress) -> Canary:
    owner, row = context.owners[order.vendor], drawn.row
    return Canary(
        id=row["id"], address=row["address"], vendor=owner.slug, channel=order.channel, generation=row["generation"],
        style=order.style, bits=row["bits"], state=CanaryState.ACTIVE, issued=row["issued_at"], persona=drawn.persona,
        published=owner.publishes if order.published is None else order.published, published_set=order.published,
    )  # fmt: skip
