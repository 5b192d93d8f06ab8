"""Between an inlet in a thread of its own and the spool in the event loop: mails go over in batches, states are noted.

Stored mail goes to the spool only while that is worked off, so that years of mail need no second place on the disk.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from canary.importing.envelope_recovery import Origin
from canary.inlets.faults import InletFault
from canary.inlets.intake import Intake, IntakeResult
from canary.inlets.ledger import InletLedger, Phase
from canary.inlets.stored_mail import MailboxSide, recovered_envelope
from canary.model.mail import Envelope
from canary.spool.spool_file import SpoolFault

log = logging.getLogger("canary.inlets")

T = TypeVar("T")
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MailboxMail:
    """A mail as it lies in a mailbox, and when the mailbox says that it came; `id` is whatever names it there.

    `envelope` is there where somebody who is believed said it, so that nothing has to be recovered.
    """

    id: str
    content: bytes
    delivered: datetime | None = None
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of a mail, and its key where it was kept."""

    result: IntakeResult
    key: str = ""


class MailPlace(Protocol):
    """Where mail lies: the name of the inlet, what it is called in states and logs, and how mail in it is looked at.

    `own` are addresses of the mailbox itself, to which mail is no guess.
    """

    @property
    def inlet(self) -> str:
        """The name of the inlet."""

    @property
    def label(self) -> str:
        """What this place is called."""

    @property
    def side(self) -> MailboxSide:
        """Whose mailbox it is."""

    @property
    def own(self) -> tuple[str, ...]:
        """Its own addresses."""


class Stopped(Exception):
    """The process ends."""


class InletDesk:
    """What the threads of all inlets share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        intake: Intake,
        ledger: InletLedger,
        backlog: int,
        clock: Callable[[], datetime],
    ) -> None:
        """Hand over into this loop, while fewer mails than `backlog` wait to be judged."""
        self.loop, self.intake, self.ledger, self.backlog, self.clock = loop, intake, ledger, backlog, clock
        self.stopping = threading.Event()

    def another(self) -> "InletDesk":
        """Return a desk with the same spool and ledger, whose inlets stop by themselves."""
        return InletDesk(self.loop, self.intake, self.ledger, self.backlog, self.clock)

    def hand_over(self, place: MailPlace, mails: Sequence[MailboxMail]) -> dict[str, HandedOver]:
        """Store mails durably, and return what became of each; raises InletFault if any could not be stored for now."""
        results: dict[str, IntakeResult] = {}
        keys: dict[str, str] = {}
        wanted = []
        for mail in mails:
            found = self._origin(place, mail)
            results[mail.id] = IntakeResult.ELSEWHERE
            if found is not None:
                wanted.append((mail, found))

        async def accept_all() -> list[IntakeResult]:
            # Together, so that one write to the disk is enough for all of them.
            every = (
                self.intake.accept(o.envelope, mail.content, o.ranks, place.own, partial(keys.__setitem__, mail.id))
                for mail, o in wanted
            )
            return list(await asyncio.gather(*every))

        if wanted:
            try:
                accepted = self._ask(accept_all())
            except SpoolFault as fault:
                raise InletFault(f"{fault}: mail stays where it is and is fetched again") from None
            results |= {mail.id: result for (mail, _), result in zip(wanted, accepted, strict=True)}
        self._note(place.label, results.values())
        return {name: HandedOver(result, keys.get(name, "")) for name, result in results.items()}

    def _origin(self, place: MailPlace, mail: MailboxMail) -> Origin | None:
        if mail.envelope:
            return Origin(mail.envelope, ())
        return recovered_envelope(mail.content, place.inlet, mail.delivered, place.side, self.clock)

    def wait_for_room(self) -> None:
        """Wait while many mails wait to be judged; raises InletFault when it is time to stop or the spool is gone."""
        try:
            while self.intake.spool.backlog() >= self.backlog:
                if self.stopping.wait(_LOOK_SECONDS):
                    raise Stopped
        except SpoolFault as fault:
            raise InletFault(f"{fault}: it is tried again") from None
        if self.stopping.is_set():
            raise Stopped

    def note_phase(self, label: str, phase: Phase, said: str = "") -> None:
        """Write how it goes with an inlet, and log what is new."""
        if self.ledger.note_phase(label, phase, self.clock(), said):
            level = logging.WARNING if phase is Phase.TROUBLE else logging.INFO
            log.log(level, "inlet %s: %s%s", label, phase.value, f": {said}" if said else "")

    def note_progress(self, label: str, done: int, whole: int) -> None:
        """Write how much of what lay there at first was read."""
        self.ledger.note_phase(label, Phase.CATCHING_UP, self.clock(), f"{100 * done // max(1, whole)} % is read")

    def _note(self, label: str, results: Collection[IntakeResult]) -> None:
        kept = sum(result is IntakeResult.KEPT for result in results)
        self.ledger.note_mails(label, kept, len(results) - kept, self.clock())

    def _ask(self, question: Coroutine[object, object, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(question, self.loop).result()
        except (CancelledError, RuntimeError):
            raise Stopped from None
