"""Every address that was issued, page by page."""

from dataclasses import dataclass

from sqlmodel import Session, col

from canary.model.canary import CanaryState
from canary.store.lines import CanaryLine
from canary.store.pages import PAGE, canary_query, read_canaries
from canary.store.tables import CanaryRow, VendorRow
from canary.store.tallies import CanaryTallyRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which canaries a list is narrowed to: of a vendor by its slug, of a channel, of a state, those that were hit."""

    vendor: str = ""
    channel: str = ""
    state: str = ""
    hit: bool = False


EVERY = Wanted()
STATES = tuple(state.value for state in CanaryState)


def canary_list(session: Session, after: int = 0, wanted: Wanted = EVERY) -> tuple[tuple[CanaryLine, ...], int | None]:
    """Read canaries in order of issue from a key on, and the key of the next page if there is one."""
    query = canary_query().where(col(CanaryRow.id) > after).order_by(None).order_by(col(CanaryRow.id))
    named = ((VendorRow.slug, wanted.vendor), (CanaryRow.channel, wanted.channel), (CanaryRow.state, wanted.state))
    query = query.where(*(col(column) == value for column, value in named if value))
    if wanted.hit:
        query = query.join(CanaryTallyRow).where(col(CanaryTallyRow.outside) > 0)
    found = read_canaries(session, query, PAGE + 1)
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None
