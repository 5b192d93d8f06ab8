"""All mail at issued addresses, page by page, the newest first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col

from canary.model.verdict import Verdict
from canary.store.tables import CanaryRow, HitRow, MailRow
from canary.views.list_filter import EVERYTHING, ListFilter
from canary.views.models import HitLine
from canary.views.search import mails_with
from canary.views.view_queries import PAGE, hit_query, read_hits

VERDICTS = tuple(verdict.value for verdict in Verdict)

SEARCHED = 5_000
"""So many of the newest mails with the words of a sender are looked through for it."""

_FAR = 2**31 - 1


@dataclass(frozen=True, slots=True)
class MailFilter:
    """Which mails: of a verdict, from an address or domain that is claimed or proven, and as in any list."""

    verdict: str = ""
    sender: str = ""
    among: ListFilter = EVERYTHING


EVERY_MAIL = MailFilter()


def mail_list(
    session: Session, wanted: MailFilter = EVERY_MAIL, after: str = ""
) -> tuple[tuple[HitLine, ...], str | None]:
    """Read mails after a key, one line for each address that one reached; and the key of the next page."""
    query = hit_query().where(col(HitRow.mail_id).is_not(None), *wanted.among.within(HitRow.at), *_after(after))
    if wanted.verdict:
        query = query.where(col(HitRow.verdict) == wanted.verdict)
    if wanted.among.vendor:
        # A decoy was never given to the vendor that its row names.
        query = query.where(col(HitRow.verdict) != Verdict.GUESS, *wanted.among.owned(CanaryRow.vendor_id))
    if wanted.sender:
        query = query.where(*_sent_by(session, wanted.sender))
    newest = query.order_by(col(HitRow.at).desc(), col(HitRow.id).desc()).limit(PAGE + 1)
    found = read_hits(session, newest)
    return found[:PAGE], _key(found[PAGE - 1]) if len(found) > PAGE else None


def _sent_by(session: Session, sender: str) -> tuple[ColumnElement[bool], ...]:
    asked = sender.strip().lower()
    named: list[Any] = [func.lower(MailRow.sender), func.lower(MailRow.identity_domain)]
    is_it = or_(*(column.contains(asked, autoescape=True) for column in named))
    return col(HitRow.mail_id).in_(mails_with(session, asked, SEARCHED)), is_it


def _key(line: HitLine) -> str:
    return f"{line.at.timestamp()!r}:{line.id}"


def _after(key: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a key stands for; one that was made up stands for none."""
    seconds, _, number = key.partition(":")
    try:
        at, last = datetime.fromtimestamp(float(seconds), UTC), min(max(int(number), 0), _FAR)
    except (ValueError, OverflowError, OSError):
        return ()
    column = col(HitRow.at)
    # The first condition is what an index can begin with.
    return column <= at, or_(column < at, and_(column == at, col(HitRow.id) < last))
