"""Every address that was issued, page by page."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col

from canary.model.canary import CanaryState
from canary.store.queries.canaries import in_order_of_issue
from canary.store.tables import CanaryCountRow, CanaryRow, HitRow, VendorRow
from canary.views.models import CanaryLine, HitLine
from canary.views.view_queries import PAGE, canaries_after, canary_query, choose, hit_query, read_canaries, read_hits


@dataclass(frozen=True, slots=True)
class CanaryFilter:
    """A filter of canaries: of a vendor by its slug, of a channel, in a state, those that were hit."""

    vendor: str = ""
    channel: str = ""
    state: str = ""
    hit: bool = False


LATEST = 25
EVERY = CanaryFilter()
STATES = tuple(state.value for state in CanaryState)


def canary_list(
    session: Session, after: int = 0, wanted: CanaryFilter = EVERY
) -> tuple[tuple[CanaryLine, ...], int | None]:
    """Read canaries in order of issue, after the one with a number; and the number to continue from, if there are more."""
    query = canaries_after(canary_query(), after)
    named = ((VendorRow.slug, wanted.vendor), (CanaryRow.channel, wanted.channel), (CanaryRow.state, wanted.state))
    query = query.where(*(col(column) == value for column, value in named if value))
    if wanted.hit:
        query = query.join(CanaryCountRow).where(col(CanaryCountRow.outside) > 0)
    found = read_canaries(session, query, PAGE + 1)
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


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
    return next((each for each in later if each.state == CanaryState.ACTIVE), later[0] if later else None)


def last_issued_before(session: Session, at: datetime) -> int:
    """Return the number of the newest canary that was issued before a time, 0 where there is none."""
    newest_first = (column.desc() for column in in_order_of_issue())
    query = choose(CanaryRow.id).where(col(CanaryRow.issued_at) < at).order_by(*newest_first).limit(1)
    return session.execute(query).scalar() or 0
