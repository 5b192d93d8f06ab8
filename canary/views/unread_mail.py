"""Mail that was judged by its envelope alone, as its content took too much to read or brought the worker down."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy import select as choose
from sqlmodel import Session, col, select

from canary.mail.text import clean
from canary.store.codec import envelope_of
from canary.store.queries.mails import rows
from canary.store.tables import CanaryRow, HitRow, MailRow, UnreadMailRow
from canary.views.list_filter import EVERYTHING, ListFilter

PAGE = 50


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A mail that was not read: from whom and to whom by its envelope, its octets, and the oddity that says why.

    No address in it holds what a terminal would obey.
    """

    mail: int
    at: datetime
    why: str
    sender: str
    client: str
    to: tuple[str, ...]
    size: int


def unread_mail(
    session: Session, before: int | None = None, among: ListFilter = EVERYTHING
) -> tuple[tuple[UnreadLine, ...], int | None]:
    """Read mail that was not read, newest first, older than a key; and the key to continue with if there are more.

    Of a vendor is what came to its addresses.
    """
    query = select(UnreadMailRow).join(MailRow, col(MailRow.id) == UnreadMailRow.mail_id)
    query = query.where(*among.within(MailRow.received_at), *_at_vendor(among))
    if before is not None:
        query = query.where(col(UnreadMailRow.mail_id) < before)
    found = session.exec(query.order_by(col(UnreadMailRow.mail_id).desc()).limit(PAGE + 1)).all()
    stored = rows(session, [each.mail_id for each in found[:PAGE]])
    lines = tuple(_line(each.why, stored[each.mail_id]) for each in found[:PAGE])
    return lines, lines[-1].mail if len(found) > PAGE else None


def _at_vendor(among: ListFilter) -> list[ColumnElement[bool]]:
    if not among.vendor:
        return []
    hits = choose(HitRow).join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
    return [hits.where(col(HitRow.mail_id) == UnreadMailRow.mail_id, *among.owned(CanaryRow.vendor_id)).exists()]


def _line(why: str, row: MailRow) -> UnreadLine:
    envelope = envelope_of(row.envelope, row.received_at)
    return UnreadLine(
        row.id or 0,
        row.received_at,
        why,
        clean(envelope.mail_from),
        envelope.client.ip,
        tuple(map(clean, envelope.rcpt_to)),
        row.size,
    )
