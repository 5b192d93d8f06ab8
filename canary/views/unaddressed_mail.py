"""Mail that reached no canary, such as mail to postmaster and abuse (RFC 5321 4.5.1)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from canary.store.codec import envelope_of
from canary.store.tables import HitRow, MailRow
from canary.views.list_filter import EVERYTHING, ListFilter

PAGE = 50
_WINDOW = 50_000  # mails read for one page, so that a store full of hits answers soon too


@dataclass(frozen=True, slots=True)
class UnaddressedLine:
    """A mail that reached no canary; sender and subject are as hostile as the mail."""

    mail: int
    at: datetime
    to: tuple[str, ...]
    subject: str
    sender: str
    proven: str


def unaddressed_mail(
    session: Session, before: int | None = None, among: ListFilter = EVERYTHING
) -> tuple[tuple[UnaddressedLine, ...], int | None]:
    """Read mails that reached no canary, newest first, older than a key; and the key to continue with if there are more."""
    top = before or int(session.execute(select(func.max(col(MailRow.id)))).scalar() or 0) + 1
    bottom = max(0, top - _WINDOW)
    hit = select(HitRow).where(col(HitRow.mail_id) == col(MailRow.id)).exists()
    window = col(MailRow.id) >= bottom, col(MailRow.id) < top
    query = select(MailRow).where(*window, ~hit, *among.within(MailRow.received_at))
    rows = list(session.execute(query.order_by(col(MailRow.id).desc()).limit(PAGE + 1)).scalars())
    lines = tuple(
        UnaddressedLine(
            row.id or 0, row.received_at, envelope_of(row.envelope, row.received_at).rcpt_to, row.subject, row.sender,
            row.identity_domain,
        )
        for row in rows[:PAGE]
    )  # fmt: skip
    return lines, lines[-1].mail if len(rows) > PAGE else bottom or None
