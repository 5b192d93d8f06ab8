"""Mails that a server lists by name: those that are new are fetched one by one, stored in batches, and noted."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from canary.inlets.api_client import AnswerTooBig, ApiClient
from canary.inlets.batches import BATCH, BATCH_OCTETS
from canary.inlets.desk import InletDesk, MailboxMail, MailPlace
from canary.inlets.faults import InletFault
from canary.inlets.ledger import Phase

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


class PolledPlace(MailPlace, Protocol):
    """A mailbox that is asked again and again."""

    @property
    def poll(self) -> float:
        """The seconds between two looks."""


Place = TypeVar("Place", bound=PolledPlace)


class PolledReader(Generic[Place]):
    """Reads a mailbox whose server is asked by HTTP, again and again; nothing in the mailbox is changed."""

    place: Place
    desk: InletDesk
    open_client: Callable[[], ApiClient]

    def run(self) -> None:
        """Read what is there and what comes, until stopped; raises InletFault and Stopped."""
        self._read(until_stopped=True)

    def run_once(self) -> None:
        """Read all that is there and end; raises InletFault and Stopped."""
        self._read(until_stopped=False)

    def interrupt(self) -> None:
        """It waits for nothing but the desk, and for answers that come soon."""

    def looking(self, client: ApiClient) -> Callable[[], None]:
        """Return what reads all that is new at each call."""
        raise NotImplementedError

    def _read(self, *, until_stopped: bool) -> None:
        client = self.open_client()
        try:
            look = self.looking(client)
            look()
            while until_stopped and not self.desk.stopping.is_set():
                self.desk.note_phase(self.place.label, Phase.WATCHING)
                self.desk.stopping.wait(self.place.poll)
                look()
        except AnswerTooBig as fault:
            raise InletFault(f"{fault}: it is tried again") from None
        finally:
            client.close()


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
