"""Mails that a server lists by name: those that are new are fetched one by one, stored in batches, and noted."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from canary.inlets.api_client import AnswerTooBig
from canary.inlets.desk import InletDesk, MailboxMail, MailPlace
from canary.inlets.imap import BATCH, BATCH_OCTETS

log = logging.getLogger("canary.inlets")


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A mail by the name that its server has for it; `at` is where it is, `size` is 0 where nobody says it."""

    id: str
    at: str
    delivered: datetime | None = None
    size: int = 0


FetchMail = Callable[[ListedMail], bytes | None]
"""Fetches a mail, None where it is gone; raises InletFault and AnswerTooBig."""


def store_listed(desk: InletDesk, place: MailPlace, listed: Sequence[ListedMail], fetch: FetchMail) -> None:
    """Store those mails that were not dealt with, and note them once they are durable; raises InletFault and Stopped."""
    by_id = {mail.id: mail for mail in listed}
    fresh = [by_id[name] for name in desk.ledger.untaken(place.inlet, list(by_id))]
    for batch in _batches(desk, place, fresh, fetch):
        if mails := [mail for mail in batch.values() if mail]:
            desk.hand_over(place, mails)
        desk.ledger.note_files(place.inlet, list(batch), [])


def _batches(
    desk: InletDesk, place: MailPlace, listed: Sequence[ListedMail], fetch: FetchMail
) -> Iterator[dict[str, MailboxMail | None]]:
    """Yield mails by name, so that few octets are in memory at once; None are those that are gone or too big."""
    batch, octets = dict[str, MailboxMail | None](), 0
    for mail in listed:
        if not batch:
            desk.wait_for_room()
        content = _content(desk, place, mail, fetch)
        batch[mail.id] = None if content is None else MailboxMail(mail.id, content, mail.delivered)
        octets += len(content or b"")
        if len(batch) >= BATCH or octets > BATCH_OCTETS:
            yield batch
            batch, octets = {}, 0
    if batch:
        yield batch


def _content(desk: InletDesk, place: MailPlace, mail: ListedMail, fetch: FetchMail) -> bytes | None:
    most = desk.intake.policy.max_size
    try:
        if mail.size <= most:
            return fetch(mail)
    except AnswerTooBig:
        pass
    log.warning("inlet %s: a mail of more than %d octets is not read", place.label, most)
    return None


def moment(text: object) -> datetime | None:
    """Read a time as JSON has it (RFC 3339), None where it is none."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
