"""What came since: hits by their number, for those who watch."""

from sqlalchemy import func
from sqlmodel import Session, col

from canary.store.lines import HitLine
from canary.store.pages import choose, hit_query, read_hits
from canary.store.tables import HitRow

MOST = 100
"""After a long while only so many of the newest are told."""


def newest(session: Session) -> int:
    """Return the number of the newest hit, 0 while there is none."""
    return int(session.execute(choose(func.max(col(HitRow.id)))).scalar() or 0)


def news(session: Session, after: int) -> tuple[HitLine, ...]:
    """Read the hits after a number, oldest first; of very many only the newest."""
    query = hit_query().where(col(HitRow.id) > after).order_by(col(HitRow.id).desc())
    return tuple(reversed(read_hits(session, query.limit(MOST))))
