"""A queue of Amazon SQS by which SES hands mail over: no port is open here, and no address of ours is known there.

A message is deleted only after its mail is on the disk. One that came twice is recognised: by its name while it waits to
be deleted, and later as every mail that came before (`canary.pipeline.copies`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from canary.inlets.api_client import AnswerTooBig
from canary.inlets.aws_queue import AwsPlace, AwsQueue, QueuedMessage
from canary.inlets.batches import BATCH_OCTETS
from canary.inlets.desk import InletDesk, MailboxMail, Stopped
from canary.inlets.faults import InletFault
from canary.inlets.http.posted_mail import digest
from canary.inlets.http.ses import ReceivedNotice, client_of
from canary.inlets.ledger import Phase
from canary.inlets.queued_mail import BadMessage, BelievedSources, mails_in
from canary.inlets.set_aside import SetAsideFolder
from canary.inlets.stored_mail import MailboxSide
from canary.model.mail import Envelope, Trust

log = logging.getLogger("canary.inlets")


@dataclass(frozen=True, slots=True)
class SqsInlet:
    """A queue, what of it is believed, and how often what cannot be read is tried."""

    inlet: str
    queue: AwsPlace
    sources: BelievedSources
    side: MailboxSide
    apart: Path
    tries: int = 5
    own: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in states and logs."""
        return self.inlet


@dataclass(frozen=True, slots=True)
class _ReadMessages:
    """Messages whose mails are in memory: what was read of each, by the name of the mail."""

    messages: list[QueuedMessage] = field(default_factory=list)
    mails: dict[str, MailboxMail | None] = field(default_factory=dict)

    @property
    def octets(self) -> int:
        return sum(len(mail.content) for mail in self.mails.values() if mail)


class SqsReader:
    """Reads every mail that a queue names once."""

    def __init__(self, place: SqsInlet, desk: InletDesk, open_queue: Callable[[AwsPlace], AwsQueue] = AwsQueue) -> None:
        """Connect to nothing yet."""
        self.place, self.desk, self._open = place, desk, open_queue
        self._apart = SetAsideFolder(place.apart)

    def run(self) -> None:
        """Read what is there and what comes, until stopped; raises InletFault and Stopped."""
        self._read(until_stopped=True)

    def run_once(self) -> None:
        """Read until the queue gives nothing more; raises InletFault and Stopped."""
        self._read(until_stopped=False)

    def interrupt(self) -> None:
        """It waits for the queue, for some seconds at most."""

    def _read(self, *, until_stopped: bool) -> None:
        queue = self._open(self.place.queue)
        try:
            more = True
            while more or until_stopped:
                self.desk.wait_for_room()
                messages = queue.receive()
                self._deal_with(queue, messages)
                self.desk.note_phase(self.place.label, Phase.WATCHING)
                more = bool(messages)
        finally:
            queue.close()

    def _deal_with(self, queue: AwsQueue, messages: Sequence[QueuedMessage]) -> None:
        held = self.desk.clock()
        left = list(messages)
        for batch in self._batches(queue, messages):
            if mails := [mail for mail in batch.mails.values() if mail]:
                self.desk.hand_over(self.place, mails)
            self.desk.ledger.note_files(self.place.inlet, list(batch.mails), [])
            queue.delete(batch.messages)
            self.desk.ledger.note_files(self.place.inlet, [], list(batch.mails))
            left = [each for each in left if each not in batch.messages]
            if self.desk.clock() - held > timedelta(seconds=self.place.queue.visibility / 2):
                queue.hold(left)
                held = self.desk.clock()

    def _batches(self, queue: AwsQueue, messages: Sequence[QueuedMessage]) -> Iterator[_ReadMessages]:
        """Yield messages with their mails, so that few octets are in memory at once; what cannot be read is in none."""
        batch = _ReadMessages()
        for message in messages:
            if self.desk.stopping.is_set():
                raise Stopped
            try:
                mails = self._mails(queue, message)
            except BadMessage as fault:
                if self._is_kept_apart(message, str(fault)):
                    batch.messages.append(message)
                continue
            batch.messages.append(message)
            batch.mails.update(mails)
            if batch.octets > BATCH_OCTETS:
                yield batch
                batch = _ReadMessages()
        yield batch

    def _mails(self, queue: AwsQueue, message: QueuedMessage) -> dict[str, MailboxMail | None]:
        """Return the mails of a message that were not dealt with, by name; None are those that are too big."""
        named = {digest(notice.id or message.id): notice for notice in mails_in(message.body, self.place.sources)}
        fresh = self.desk.ledger.untaken(self.place.inlet, list(named))
        return {name: self._mail(queue, name, named[name]) for name in fresh}

    def _mail(self, queue: AwsQueue, name: str, notice: ReceivedNotice) -> MailboxMail | None:
        most, content = self.desk.intake.policy.max_size, notice.content
        try:
            if notice.stored:
                content = self._stored(queue, *notice.stored, most)
        except AnswerTooBig:
            content = b""
        if not 0 < len(content) <= most:
            log.warning("inlet %s: a mail that is empty or has more than %d octets is not read", self.place.label, most)
            return None
        envelope = envelope_of(notice, content, self.place.inlet, self.desk.clock()) if notice.recipients else None
        return MailboxMail(name, content, None, envelope)

    def _stored(self, queue: AwsQueue, bucket: str, name: str, most: int) -> bytes:
        content = queue.read(bucket, name, most)
        if content is None:
            raise BadMessage(f"{bucket}/{name[:100]} is not there")
        return content

    def _is_kept_apart(self, message: QueuedMessage, why: str) -> bool:
        """Whether a message that cannot be read was tried so often that it is kept apart now, which is said once."""
        if message.times < self.place.tries:
            return False
        file = self._apart.put(message.id, message.body)
        if file is None:
            raise InletFault(f"{self.place.apart} is full of what cannot be read: look into it and empty it")
        log.warning("inlet %s: a message cannot be read (%s): it is kept in %s", self.place.label, why, file)
        return True


def envelope_of(notice: ReceivedNotice, content: bytes, inlet: str, now: datetime) -> Envelope:
    """Return the envelope that a notification says; the client is in the line that SES wrote on the mail."""
    return Envelope(notice.sender, notice.recipients, client_of(content), now, Trust.RECEIVER, inlet)
