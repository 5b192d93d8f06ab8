"""Every address that was issued, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from canary.model.canary import CanaryState
from canary.store.queries.canaries import in_order_of_issue
from canary.store.tables import CanaryCountRow, CanaryRow, HitRow, VendorRow
from canary.views.list_filter import EVERYTHING, ListFilter
from canary.views.models import CanaryLine, HitLine
from canary.views.view_queries import PAGE, canaries_after, canary_query, choose, hit_query, read_canaries, read_hits


@dataclass(frozen=True, slots=True)
class CanaryFilter:
    """A filter of canaries: of a vendor and issued in some days, of a channel, in a state, those that were hit."""

    among: ListFilter = EVERYTHING
    channel: str = ""
    state: str = ""
    hit: bool = False


LATEST = 25
EVERY = CanaryFilter()
TENTATIVE, HIDDEN = "tentative", "hidden"
STATES = (*(state.value for state in CanaryState), TENTATIVE, HIDDEN)
"""What a list can be of: confirmed addresses in a state, those that nobody has confirmed, and those out of the lists."""


def canary_list(
    session: Session, after: int = 0, wanted: CanaryFilter = EVERY
) -> tuple[tuple[CanaryLine, ...], int | None]:
    """Read canaries in order of issue, after the one with a number; and the number to continue from, if there are more.

    Those that nobody has confirmed, and those out of the lists, come only where they are asked for.
    """
    query = canaries_after(canary_query(), after).where(*_in_state(wanted.state))
    query = query.where(*wanted.among.owned(CanaryRow.vendor_id), *wanted.among.within(CanaryRow.issued_at))
    if wanted.channel:
        query = query.where(col(CanaryRow.channel) == wanted.channel)
    if wanted.hit:
        query = query.join(CanaryCountRow, col(CanaryCountRow.canary_id) == CanaryRow.id).where(
            col(CanaryCountRow.outside) > 0
        )
    found = read_canaries(session, query, PAGE + 1)
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def tentative_list(session: Session, vendor: str = "", *, hit: bool = False) -> tuple[CanaryLine, ...]:
    """Read the newest addresses that nobody has confirmed, of one vendor or all, or those that outsiders wrote to."""
    newest_first = (column.desc() for column in in_order_of_issue())
    query = canary_query().order_by(None).order_by(*newest_first).where(*_in_state(TENTATIVE))
    if vendor:
        query = query.where(col(VendorRow.slug) == vendor)
    if hit:
        query = query.join(CanaryCountRow, col(CanaryCountRow.canary_id) == CanaryRow.id).where(
            col(CanaryCountRow.outside) > 0
        )
    return read_canaries(session, query, LATEST)


def _in_state(state: str) -> Sequence[ColumnElement[bool]]:
    tentative: Any = col(CanaryRow.tentative)
    hidden = col(CanaryRow.hidden)
    if state == HIDDEN:
        return (col(CanaryRow.hidden_at).is_not(None),)  # which an index has
    if state == TENTATIVE:
        return (tentative, hidden == "")
    confirmed = (tentative.is_(False), hidden == "")
    return (*confirmed, col(CanaryRow.state) == state) if state else confirmed


def canary_page(session: Session, number: int) -> tuple[CanaryLine, tuple[HitLine, ...]] | None:
    """Read one issued address and its newest hits, or None for an unknown number."""
    found = read_canaries(session, canary_query().where(col(CanaryRow.id) == number), 1)
    if not found:
        return None
    query = hit_query().where(col(HitRow.canary_id) == number)
    return found[0], read_hits(session, query.order_by(col(HitRow.at).desc(), col(HitRow.id).desc()).limit(LATEST))


def successor_of(session: Session, line: CanaryLine) -> CanaryLine | None:
    """Return the address that its vendor was given later in place of one, for the same channel; the newest in use leads."""
    if line.slug is None or line.state == CanaryState.ACTIVE:
        return None
    query = canary_query().where(
        col(VendorRow.slug) == line.slug,
        col(CanaryRow.channel) == line.channel,
        col(CanaryRow.generation) > line.generation,
    )
    later = read_canaries(session, query.order_by(None).order_by(col(CanaryRow.generation).desc()), LATEST)
    given = [each for each in later if not each.tentative and not each.hidden]
    return next((each for each in given if each.state == CanaryState.ACTIVE), given[0] if given else None)


def last_issued_before(session: Session, at: datetime) -> int:
    """Return the number of the newest canary that was issued before a time, 0 where there is none."""
    newest_first = (column.desc() for column in in_order_of_issue())
    query = choose(CanaryRow.id).where(col(CanaryRow.issued_at) < at).order_by(*newest_first).limit(1)
    return session.execute(query).scalar() or 0
