"""Tentative canaries: made by a program, confirmed by nobody yet; and which addresses are out of the lists.

Password managers make an address whenever their generator opens, and most of these are never given away. Such an address
listens like any other and is evidence of nothing, until its vendor's own mail or a person confirms it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, select

from canary.model.canary import Hiding
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.canaries import get_canary_row
from canary.store.queries.vendors import Unknown
from canary.store.tables import CanaryRow, HitRow, VendorRow
from canary.store.tables.base import metadata

RESTS_AFTER = timedelta(days=14)
MAX_NOTE = 200

_CANARY, _HIT = metadata.tables["canary"], metadata.tables["hit"]


def confirm_row(session: Session, row: CanaryRow) -> None:
    """Let a tentative canary, and its vendor with it, count from now on."""
    row.tentative, row.hidden, row.hidden_at = False, Hiding.NOT.value, None
    owner = session.get_one(VendorRow, row.vendor_id)
    owner.unconfirmed = False
    session.add_all((row, owner))
    session.flush()


def dismiss(session: Session, address: str, now: datetime) -> CanaryRow:
    """Put a tentative canary out of the lists, as nobody was given it; raises Unknown for a confirmed one."""
    row = get_canary_row(session, address)
    if not row.tentative:
        raise Unknown(f"canary {address!r} is confirmed: it can be burned or rotated, and not dismissed")
    return hide(session, row, Hiding.DISMISSED, now)


def hide(session: Session, row: CanaryRow, why: Hiding, now: datetime) -> CanaryRow:
    """Put an address out of the lists for every day, or back into them; it keeps listening."""
    row.hidden, row.hidden_at = why.value, now if why else None
    session.add(row)
    session.flush()
    return row


def describe(session: Session, row: CanaryRow, note: str) -> CanaryRow:
    """Keep what a program says of an address, cut to a few words."""
    row.note = " ".join(note.split())[:MAX_NOTE]
    session.add(row)
    session.flush()
    return row


def issued_row(session: Session, number: int) -> CanaryRow:
    """Return the row of an issued address by its number; raises Unknown for any other, and for a decoy."""
    row = session.get(CanaryRow, number)
    if row is None or decoy_mac_of(session).is_decoy(row):
        raise Unknown(f"address {number}: there is none with this number")
    return row


def wake(session: Session, canaries: Collection[int]) -> None:
    """Show tentative canaries again that got mail."""
    if canaries:
        mine = update(_CANARY).where(_CANARY.c.id.in_(canaries), _CANARY.c.tentative, _CANARY.c.hidden != "")
        session.execute(mine.values(hidden="", hidden_at=None))


def rest(session: Session, before: datetime, now: datetime) -> int:
    """Put tentative canaries out of the lists that were made before a time and got no mail; return how many."""
    mail: Any = select(HitRow.id).where(_HIT.c.canary_id == _CANARY.c.id).exists()
    quiet = update(_CANARY).where(_CANARY.c.tentative, _CANARY.c.hidden == "", _CANARY.c.issued_at < before, ~mail)
    return session.connection().execute(quiet.values(hidden=Hiding.RESTED.value, hidden_at=now)).rowcount


def refuse_tentative(row: CanaryRow, what: str) -> None:
    """Raise Unknown for a tentative canary, to which only what is given away can happen."""
    if row.tentative:
        raise Unknown(f"canary {row.address!r} is tentative and cannot be {what}: confirm it first")
