"""Mail that was judged by its envelope alone, as its content took too much to read or brought the worker down."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from canary.store.codec import envelope_of
from canary.store.tables import MailRow, UnreadMailRow

PAGE = 50


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A mail that was not read: from whom and to whom by its envelope, its octets, and the oddity that says why."""

    mail: int
    at: datetime
    why: str
    sender: str
    client: str
    to: tuple[str, ...]
    size: int


def unread_mail(session: Session, before: int | None = None) -> tuple[tuple[UnreadLine, ...], int | None]:
    """Read mail that was not read, newest first, older than a key; and the key to continue with if there are more."""
    query = select(UnreadMailRow.why, MailRow).join(MailRow, col(MailRow.id) == col(UnreadMailRow.mail_id))  # type: ignore[call-overload]
    if before is not None:
        query = query.where(col(UnreadMailRow.mail_id) < before)
    rows = session.execute(query.order_by(col(UnreadMailRow.mail_id).desc()).limit(PAGE + 1)).all()
    lines = tuple(_line(why, row) for why, row in rows[:PAGE])
    return lines, lines[-1].mail if len(rows) > PAGE else None


def _line(why: str, row: MailRow) -> UnreadLine:
    envelope = envelope_of(row.envelope, row.received_at)
    return UnreadLine(
        row.id or 0, row.received_at, why, envelope.mail_from, envelope.client.ip, envelope.rcpt_to, row.size
    )
