"""Canaries as they are stored: found by address, listed, counted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, text
from sqlmodel import Session, col, select

from canary.model.canary import Canary, CanaryState, Hiding, Persona, Style
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.vendors import Unknown
from canary.store.tables import CanaryRow, VendorRow


def in_order_of_issue() -> tuple[Any, Any]:
    """Return the columns that put canaries in the order in which they were issued; their numbers are random."""
    return col(CanaryRow.issued_at), col(CanaryRow.id)


def shown_in_public() -> ColumnElement[bool]:
    """Return the column that says whether a canary is shown in public: the owner's word on it, or else on its vendor.

    The query has `CanaryRow` and `VendorRow`.
    """
    return func.coalesce(col(CanaryRow.published), col(VendorRow.publishes))


def find_canaries(session: Session, addresses: Iterable[str]) -> dict[str, Canary]:
    """Return the canaries among some recipients, by lower-case address; only case is ignored."""
    wanted = {address.lower() for address in addresses}
    rows = session.exec(_with_vendor().where(col(CanaryRow.address).in_(wanted))).all()
    return {row.address: _read_canary(session, row, *of_vendor) for row, *of_vendor in rows}


def as_published_now(session: Session, found: Mapping[str, Canary]) -> dict[str, Canary]:
    """Return canaries with whether they are shown in public as it is decided now."""
    numbers = [canary.id for canary in found.values()]
    query: Any = select(CanaryRow.id).join(VendorRow).where(col(CanaryRow.id).in_(numbers), shown_in_public())
    shown = set(session.exec(query))
    return {address: replace(canary, published=canary.id in shown) for address, canary in found.items()}


def list_canaries(session: Session, vendor: str | None = None) -> list[Canary]:
    """Return all canaries that were issued, or those of one vendor, in order of issue."""
    return [canary for canary in issued_and_decoys(session, vendor) if canary.vendor is not None]


def issued_and_decoys(session: Session, vendor: str | None = None) -> list[Canary]:
    """Return all canaries with the decoys among them, which have no vendor; or those of one vendor and its decoys."""
    query = _with_vendor().order_by(*in_order_of_issue())
    if vendor is not None:
        query = query.where(VendorRow.slug == vendor)
    return [_read_canary(session, row, *of_vendor) for row, *of_vendor in session.exec(query).all()]


def newest_active(session: Session) -> str | None:
    """Return the address issued last that is still in use, or None while there is none."""
    is_decoy = decoy_mac_of(session).is_decoy
    newest_first = (column.desc() for column in in_order_of_issue())
    wanted = select(CanaryRow).where(CanaryRow.state == CanaryState.ACTIVE).order_by(*newest_first)
    with session.exec(wanted.execution_options(yield_per=50)) as rows:
        return next((row.address for row in rows if not is_decoy(row)), None)


def get_canary_row(session: Session, address: str) -> CanaryRow:
    """Return the row of an address; raises Unknown."""
    row = session.exec(select(CanaryRow).where(CanaryRow.address == address.lower())).first()
    if row is None:
        raise Unknown(f"canary {address!r} was never issued: see `canary canaries`")
    return row


def _with_vendor() -> Any:
    return select(CanaryRow, VendorRow.slug, shown_in_public()).outerjoin(VendorRow)


def _read_canary(session: Session, row: CanaryRow, vendor: str | None, published: bool) -> Canary:
    """Return a row as a canary; a decoy has no vendor."""
    owner = None if decoy_mac_of(session).is_decoy(row) else vendor
    return Canary(
        id=row.id or 0, address=row.address, vendor=owner, channel=row.channel, generation=row.generation,
        style=Style(row.style), bits=row.bits, state=CanaryState(row.state), issued=row.issued_at,
        persona=Persona(**row.persona) if row.persona else None, published=published,
        published_set=row.published, undated=row.undated, tentative=row.tentative, hidden=Hiding(row.hidden), note=row.note,
    )  # fmt: skip


def merge_address_index(session: Session) -> None:
    """Let the full-text index of SQLite forget which addresses were added together."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO words_canary (words_canary) VALUES ('optimize')"))
