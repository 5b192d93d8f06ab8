"""Canaries: issue, rotate, burn, find."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.address import Draw, Locale, locale_of, make_address
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.store import decoys
from canary.store.seals import seals_of
from canary.store.tables import CanaryRow, VendorRow
from canary.store.vendors import Unknown, vendor_row


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of a new address: for whom, at which domain, through which channel, in which style.

    `mailbox` is the base of plus addresses, `locale` that of the persona.
    """

    vendor: str
    domain: str
    channel: str = "signup"
    style: Style = Style.TAGGED
    mailbox: str = "me"
    locale: Locale = Locale.EN


def issue(session: Session, order: Order, draw: Draw, now: datetime, *, generation: int | None = None) -> Canary:
    """Issue a new address; raises Unknown for a vendor nobody added.

    Addresses issued side by side share the channel's newest generation; rotation names the next one.
    """
    owner = vendor_row(session, order.vendor)
    made = make_address(order.style, owner.name, order.domain, draw, order.mailbox, order.locale)
    row = CanaryRow(
        address=made.address,
        domain=order.domain.lower(),
        vendor_id=owner.id,
        channel=order.channel,
        generation=generation or _newest_generation(session, owner.id, order.channel),
        style=order.style.value,
        bits=made.bits,
        persona=asdict(made.persona),
        issued_at=now,
    )
    decoys.accompany(session, row, draw)
    session.add(row)
    session.flush()
    return _canary(session, row, owner.slug)


def rotate(session: Session, address: str, draw: Draw, now: datetime) -> Canary:
    """Issue the next generation to the same vendor and channel; the old address keeps listening."""
    row = _row(session, address)
    owner = session.get(VendorRow, row.vendor_id)
    if owner is None or seals_of(session).tell(row):
        raise Unknown(f"canary {address!r} is a decoy: it belongs to no vendor and cannot be rotated")
    generation = _newest_generation(session, owner.id, row.channel) + 1
    decoys.follow(session, row, draw, now)
    if row.state == CanaryState.ACTIVE:
        row.state = CanaryState.ROTATED.value
    row.rotated_at = now
    mailbox = row.address.partition("+")[0] if row.style == Style.PLUS else "me"
    locale = locale_of((row.persona or {}).get("phone", ""))
    order = Order(owner.slug, row.domain, row.channel, Style(row.style), mailbox, locale)
    return issue(session, order, draw, now, generation=generation)


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
    return {row.address: _canary(session, row, vendor) for row, vendor in rows}


def list_canaries(session: Session, vendor: str | None = None) -> list[Canary]:
    """Return all canaries that were issued, or those of one vendor, in order of issue."""
    return [canary for canary in issued_and_decoys(session, vendor) if canary.vendor is not None]


def issued_and_decoys(session: Session, vendor: str | None = None) -> list[Canary]:
    """Return all canaries with the decoys among them, which have no vendor; or those of one vendor and its decoys."""
    query = select(CanaryRow, VendorRow.slug).outerjoin(VendorRow).order_by(col(CanaryRow.id))
    if vendor is not None:
        query = query.where(VendorRow.slug == vendor)
    return [_canary(session, row, slug) for row, slug in session.exec(query).all()]


def newest_active(session: Session) -> str | None:
    """Return the address issued last that is still in use, or None while there is none."""
    tell = seals_of(session).tell
    wanted = select(CanaryRow).where(CanaryRow.state == CanaryState.ACTIVE).order_by(col(CanaryRow.id).desc())
    with session.exec(wanted.execution_options(yield_per=50)) as rows:
        return next((row.address for row in rows if not tell(row)), None)


def known_addresses(session: Session, mark: str) -> tuple[str, frozenset[str]] | None:
    """Return a mark and every issued address, or None while the mark says that nothing has changed.

    Addresses are only ever added, so their number and highest id are mark enough.
    """
    count, newest = session.exec(select(func.count(), func.max(CanaryRow.id)).select_from(CanaryRow)).one()
    now = f"{count}:{newest or 0}"
    if now == mark:
        return None
    return now, frozenset(session.exec(select(CanaryRow.address)).all())


def _newest_generation(session: Session, vendor_id: int | None, channel: str) -> int:
    same = select(func.max(CanaryRow.generation)).where(CanaryRow.vendor_id == vendor_id)
    return session.exec(same.where(CanaryRow.channel == channel)).one() or 1


def _row(session: Session, address: str) -> CanaryRow:
    row = session.exec(select(CanaryRow).where(CanaryRow.address == address.lower())).first()
    if row is None:
        raise Unknown(f"canary {address!r} was never issued: see `canary canaries`")
    return row


def _canary(session: Session, row: CanaryRow, vendor: str | None) -> Canary:
    owner = None if seals_of(session).tell(row) else vendor
    return Canary(
        id=row.id or 0, address=row.address, vendor=owner, channel=row.channel, generation=row.generation,
        style=Style(row.style), bits=row.bits, state=CanaryState(row.state), issued=row.issued_at,
        persona=Persona(**row.persona) if row.persona else None, published=row.published,
    )  # fmt: skip
