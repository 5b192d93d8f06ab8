"""Issued addresses as the programs see them that speak the interfaces of other services: newest first, by numbered page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col

from canary.model.canary import Hiding
from canary.store.queries.canaries import in_order_of_issue
from canary.store.tables import CanaryRow, VendorRow
from canary.views.models import CanaryLine
from canary.views.view_queries import canary_query, choose, read_canaries

LAST_PAGE = 500
_LISTED = (Hiding.NOT.value, Hiding.SWITCHED_OFF.value)


@dataclass(frozen=True, slots=True)
class AliasFilter:
    """Which addresses to list: switched on or off, None for both; those that are out of the lists as well or alone."""

    active: bool | None = None
    listed: bool = True
    unlisted: bool = False
    search: str = ""


ALL = AliasFilter()


def alias_page(
    session: Session, page: int, size: int, wanted: AliasFilter = ALL
) -> tuple[tuple[CanaryLine, ...], bool]:
    """Read one page of addresses, the first being 0, and whether there is another."""
    newest_first = (column.desc() for column in in_order_of_issue())
    query = canary_query().order_by(None).order_by(*newest_first).where(*_among(wanted))
    found = read_canaries(session, query, size + 1, page * size)
    return found[:size], len(found) > size


def made_since(session: Session, since: datetime) -> int:
    """Count the tentative addresses that were made since a time."""
    query = (
        choose(func.count()).select_from(CanaryRow).where(col(CanaryRow.tentative), col(CanaryRow.issued_at) > since)
    )
    return int(session.execute(query).scalar_one())


def _among(wanted: AliasFilter) -> Sequence[ColumnElement[bool]]:
    hidden = col(CanaryRow.hidden)
    found: list[ColumnElement[bool]] = []
    if not wanted.unlisted:
        found.append(hidden.in_(_LISTED))
    if not wanted.listed:
        found.append(hidden.not_in(_LISTED))
    if wanted.active is not None:
        found.append(hidden == Hiding.NOT if wanted.active else hidden != Hiding.NOT)
    if wanted.search:
        columns = (CanaryRow.address, CanaryRow.note, VendorRow.name)
        found.append(or_(*(col(column).icontains(wanted.search, autoescape=True) for column in columns)))
    return found
