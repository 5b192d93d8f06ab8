"""Canaries: issue, rotate, burn, find."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.address import Draw, make_address
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.store.tables import CanaryRow, VendorRow
from canary.store.vendors import Unknown, vendor_row


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of a new address: for whom, at which domain, through which channel, in which style.

    `mailbox` is the base of plus addresses.
    """

    vendor: str
    domain: str
    channel: str = "signup"
    style: Style = Style.TAGGED
    mailbox: str = "me"


def issue(session: Session, order: Order, draw: Draw, now: datetime, *, next_generation: bool = False) -> Canary:
    """Issue a new address; raises Unknown for a vendor nobody added.

    Addresses issued side by side share the channel's newest generation; rotation begins the next one.
    """
    owner = vendor_row(session, order.vendor)
    made = make_address(order.style, owner.name, order.domain, draw, order.mailbox)
    same = select(func.max(CanaryRow.generation)).where(CanaryRow.vendor_id == owner.id)
    newest = session.exec(same.where(CanaryRow.channel == order.channel)).one() or 0
    row = CanaryRow(
        address=made.address,
        domain=order.domain.lower(),
        vendor_id=owner.id,
        channel=order.channel,
        generation=max(1, newest + next_generation),
        style=order.style.value,
        bits=made.bits,
        persona=asdict(made.persona),
        issued_at=now,
    )
    session.add(row)
    session.flush()
    return _canary(row, owner.slug)


def rotate(session: Session, address: str, draw: Draw, now: datetime) -> Canary:
    """Issue the next generation to the same vendor and channel; the old address keeps listening."""
    row = _row(session, address)
    owner = session.get(VendorRow, row.vendor_id)
    if owner is None:
        raise Unknown(f"canary {address!r} is a decoy: it belongs to no vendor and cannot be rotated")
    if row.state == CanaryState.ACTIVE:
        row.state = CanaryState.ROTATED.value
    row.rotated_at = now
    mailbox = row.address.partition("+")[0] if row.style == Style.PLUS else "me"
    order = Order(owner.slug, row.domain, row.channel, Style(row.style), mailbox)
    return issue(session, order, draw, now, next_generation=True)


def burn(session: Session, address: str, now: datetime) -> Canary:
    """Mark an address as leaked; it keeps listening."""
    row = _row(session, address)
    row.state, row.burned_at = CanaryState.BURNED.value, row.burned_at or now
    session.flush()
    return find(session, [address])[row.address]


def mark_hit(session: Session, canary: int, at: datetime) -> None:
    """Mark a canary as burned by a leak, unless it was before."""
    row = session.get_one(CanaryRow, canary)
    if row.burned_at is None:
        row.state, row.burned_at = CanaryState.BURNED.value, at


def find(session: Session, addresses: Iterable[str]) -> dict[str, Canary]:
    """Return the canaries among some recipients, by lower-case address; case is all that is ignored."""
    wanted = {address.lower() for address in addresses}
    rows = session.exec(
        select(CanaryRow, VendorRow.slug).outerjoin(VendorRow).where(col(CanaryRow.address).in_(wanted))
    ).all()
    return {row.address: _canary(row, vendor) for row, vendor in rows}


def list_canaries(session: Session, vendor: str | None = None) -> list[Canary]:
    """Return all canaries, or those of one vendor, in order of issue."""
    query = select(CanaryRow, VendorRow.slug).outerjoin(VendorRow).order_by(col(CanaryRow.id))
    if vendor is not None:
        query = query.where(VendorRow.slug == vendor)
    return [_canary(row, slug) for row, slug in session.exec(query).all()]


def newest_active(session: Session) -> str | None:
    """Return the address issued last that is still in use, or None while there is none."""
    wanted = select(CanaryRow.address).where(
        CanaryRow.state == CanaryState.ACTIVE, col(CanaryRow.vendor_id).is_not(None)
    )
    return session.exec(wanted.order_by(col(CanaryRow.id).desc()).limit(1)).first()


def known_addresses(session: Session, mark: str) -> tuple[str, frozenset[str]] | None:
    """Return a mark and every issued address, or None while the mark says that nothing has changed.

    Addresses are only ever added, so their number and highest id are mark enough.
    """
    count, newest = session.exec(select(func.count(), func.max(CanaryRow.id)).select_from(CanaryRow)).one()
    now = f"{count}:{newest or 0}"
    if now == mark:
        return None
    return now, frozenset(session.exec(select(CanaryRow.address)).all())


def _row(session: Session, address: str) -> CanaryRow:
    row = session.exec(select(CanaryRow).where(CanaryRow.address == address.lower())).first()
    if row is None:
        raise Unknown(f"canary {address!r} was never issued: see `canary canaries`")
    return row


def _canary(row: CanaryRow, vendor: str | None) -> Canary:
    return Canary(
        id=row.id or 0, address=row.address, vendor=vendor, channel=row.channel, generation=row.generation,
        style=Style(row.style), bits=row.bits, state=CanaryState(row.state), issued=row.issued_at,
        persona=Persona(**row.persona) if row.persona else None, published=row.published,
    )  # fmt: skip
