"""Hits that arrived after another, and the newest address that a program made, for open pages."""

from sqlalchemy import func
from sqlmodel import Session, col

from canary.store.queries.canaries import in_order_of_issue
from canary.store.tables import CanaryRow, HitRow
from canary.views.models import HitLine
from canary.views.view_queries import choose, hit_query, read_hits

MOST = 100
"""The most hits that are read at once; of more, the newest."""


def newest(session: Session) -> int:
    """Return the number of the newest hit, 0 while there is none."""
    return int(session.execute(choose(func.max(col(HitRow.id)))).scalar() or 0)


def newest_made(session: Session) -> int:
    """Return the number of the newest tentative address, 0 while there is none."""
    newest_first = (column.desc() for column in in_order_of_issue())
    query = choose(CanaryRow.id).where(col(CanaryRow.tentative)).order_by(*newest_first).limit(1)
    return int(session.execute(query).scalar() or 0)


def news(session: Session, after: int) -> tuple[HitLine, ...]:
    """Read the hits after a number, oldest first; if there are very many, only the newest."""
    query = hit_query().where(col(HitRow.id) > after).order_by(col(HitRow.id).desc())
    return tuple(reversed(read_hits(session, query.limit(MOST))))
