"""Canaries: issue, rotate, burn, say that one is shown in public."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, update
from sqlmodel import Session, select

from canary.canaries import decoys
from canary.canaries.tentative import MAX_NOTE, refuse_tentative
from canary.evidence.entries import EntryKind, rotation_entry
from canary.evidence.leaves import log_entry, log_issue
from canary.model.address import Draw, Locale, locale_of, make_address, parts_of, with_parts
from canary.model.canary import Canary, CanaryState, Style
from canary.model.postal_address import PersonaPart
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.canaries import find_canaries, get_canary_row
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CanaryRow, VendorRow
from canary.store.tables.base import draw_canary_id, metadata


@dataclass(frozen=True, slots=True)
class IssueOrder:
    """What is wanted of a new address: for whom, at which domain, through which channel, in which style.

    `mailbox` is the base of plus addresses, `locale` that of the persona, which has the further `parts`, `published` whether it will
    be shown in public, None for what holds for its vendor. A program makes it `tentative`, with a `note`, and may choose
    the `hint` before the random part.
    """

    vendor: str
    domain: str
    channel: str = "signup"
    style: Style = Style.TAGGED
    mailbox: str = "me"
    locale: Locale = Locale.EN
    published: bool | None = None
    parts: frozenset[PersonaPart] = frozenset()
    tentative: bool = False
    note: str = ""
    hint: str = ""


def issue(session: Session, order: IssueOrder, draw: Draw, now: datetime, *, generation: int | None = None) -> Canary:
    """Issue a new address; raises Unknown for a vendor nobody added.

    Addresses issued side by side share the channel's newest generation; rotation names the next one.
    """
    owner = vendor_row(session, order.vendor)
    made = make_address(order.style, order.hint or owner.name, order.domain, draw, order.mailbox, order.locale)
    row = CanaryRow(
        id=draw_canary_id(draw),
        address=made.address,
        domain=order.domain.lower(),
        vendor_id=owner.id or 0,
        channel=order.channel,
        generation=generation or _newest_generation(session, owner.id or 0, order.channel),
        style=order.style.value,
        bits=made.bits,
        published=order.published,
        persona=asdict(with_parts(made.persona, order.parts, draw)),
        issued_at=now,
        tentative=order.tentative,
        note=" ".join(order.note.split())[:MAX_NOTE],
    )
    if not order.tentative:
        decoys.add_decoy_beside(session, row, draw)
        owner.unconfirmed = False
    session.add(row)
    log_issue(session, row, owner.slug)
    session.flush()
    return find_canaries(session, [row.address])[row.address]


def rotate(session: Session, address: str, draw: Draw, now: datetime) -> Canary:
    """Issue the next generation to the same vendor and channel; the old address keeps listening."""
    row = _issued_row(session, address, "rotated")
    refuse_tentative(row, "rotated")
    owner = session.get_one(VendorRow, row.vendor_id)
    generation = _newest_generation(session, owner.id or 0, row.channel) + 1
    decoys.rotate_decoys_beside(session, row, draw, now)
    if row.state == CanaryState.ACTIVE:
        row.state = CanaryState.ROTATED.value
    row.rotated_at = now
    log_entry(session, EntryKind.ROTATION, row.id or 0, lambda: rotation_entry(row.address, now))
    mailbox = row.address.partition("+")[0] if row.style == Style.PLUS else "me"
    locale = locale_of((row.persona or {}).get("phone", ""))
    order = IssueOrder(
        owner.slug, row.domain, row.channel, Style(row.style), mailbox, locale, row.published, parts_of(row.persona)
    )
    return issue(session, order, draw, now, generation=generation)


def burn(session: Session, address: str, now: datetime) -> Canary:
    """Mark an address as leaked; it keeps listening."""
    row = get_canary_row(session, address)
    refuse_tentative(row, "burned")
    row.state, row.burned_at, row.burned_by_owner = CanaryState.BURNED.value, row.burned_at or now, True
    session.flush()
    return find_canaries(session, [address])[row.address]


def set_published(session: Session, address: str, published: bool | None, draw: Draw) -> CanaryRow:
    """Set whether an address is shown in public, None for what holds for its vendor; return its row."""
    row = _issued_row(session, address, "shown in public")
    if row.published is not published:
        decoys.publish_decoys_beside(session, row, published, draw)
        row.published = published
        session.flush()
    return row


def mark_burned_by_leaks(session: Session, since: Mapping[int, datetime]) -> None:
    """Mark canaries as burned by leaks since a time, unless they were burned before it or by their owner."""
    if since:
        burned = [{"canary": canary, "at": at} for canary, at in sorted(since.items())]
        session.connection().execute(_BURN, burned)


def set_burned_by_leaks(session: Session, canary_id: int, since: datetime | None) -> None:
    """Say since when a canary counts as burned by leaks, None for never; one that its owner burned stays burned."""
    row = session.get_one(CanaryRow, canary_id)
    if row.burned_by_owner:
        return
    row.burned_at = since
    row.state = (CanaryState.BURNED if since else CanaryState.ROTATED if row.rotated_at else CanaryState.ACTIVE).value


_CANARY = metadata.tables["canary"]
_AT = bindparam("at", type_=_CANARY.c.burned_at.type)
_BURN = (
    update(_CANARY)
    .where(_CANARY.c.id == bindparam("canary"), _CANARY.c.burned_by_owner.is_(False))
    .where(_CANARY.c.burned_at.is_(None) | (_CANARY.c.burned_at > _AT))
    .values(state=CanaryState.BURNED.value, burned_at=_AT)
)


def _issued_row(session: Session, address: str, what: str) -> CanaryRow:
    row = get_canary_row(session, address)
    if decoy_mac_of(session).is_decoy(row):
        raise Unknown(f"canary {address!r} is a decoy: it belongs to no vendor and cannot be {what}")
    return row


def _newest_generation(session: Session, vendor_id: int, channel: str) -> int:
    same = select(func.max(CanaryRow.generation)).where(CanaryRow.vendor_id == vendor_id)
    return session.exec(same.where(CanaryRow.channel == channel)).one() or 1
