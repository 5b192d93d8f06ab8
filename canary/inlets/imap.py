"""A folder of a mailbox, read by IMAP: first all that it holds, then what comes, as soon as the server says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from canary.inlets.batches import BATCH, Progress, batches
from canary.inlets.desk import InletDesk, MailboxMail
from canary.inlets.imap_session import FolderStatus, ImapAccount, ImapSession, MailItem
from canary.inlets.intake import IntakeResult
from canary.inlets.ledger import FolderPosition, Phase
from canary.inlets.stored_mail import MailboxSide

_WINDOW, _LARGEST_WINDOW = 1000, 50_000

Verdicts = Callable[[Sequence[str]], Mapping[str, bool]]
"""Returns of mails by key whether they were charged to a vendor, of those that are judged."""

_VERDICT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ImapFolder:
    """One folder that is read: the name of its inlet, how to get there, and how mail in it is looked at."""

    inlet: str
    label: str
    account: ImapAccount
    folder: str
    side: MailboxSide
    poll: float = 30.0
    idle: bool = True
    mark_seen: bool = False
    move_to: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The address of the mailbox itself, to which mail is no guess."""
        return (self.account.user.lower(),)


class ImapReader:
    """Reads one folder, over one connection at a time."""

    def __init__(
        self,
        place: ImapFolder,
        desk: InletDesk,
        progress: Progress = lambda _done, _all: None,
        verdicts: Verdicts = lambda _: {},
    ) -> None:
        """Connect to nothing yet."""
        self.place, self.desk, self.progress, self.verdicts = place, desk, progress, verdicts
        self._session: ImapSession | None = None

    def run_once(self) -> None:
        """Read all that is there and end; raises InletFault and Stopped."""
        self._session = session = ImapSession(self.place.account)
        try:
            self._read_all(session)
        finally:
            self._session = None
            session.close()

    def run(self) -> None:
        """Read what is there and what comes, until the connection ends; raises InletFault and Stopped."""
        self._session = session = ImapSession(self.place.account)
        try:
            while not self.desk.stopping.is_set():
                self._read_all(session)
                seconds = min(self.place.poll, _VERDICT_SECONDS) if self._move_judged(session) else self.place.poll
                self.desk.note_phase(self.place.label, Phase.WATCHING)
                if self.place.idle and session.is_able_to_idle:
                    session.wait(seconds)
                else:
                    self.desk.stopping.wait(seconds)
        finally:
            self._session = None
            session.close()

    def interrupt(self) -> None:
        """End what it waits for, as the process ends."""
        if (session := self._session) is not None:
            session.interrupt()

    def _read_all(self, session: ImapSession) -> None:
        # Looked at again until nothing is new: what came meanwhile would not be reported a second time.
        while self._read_new(session, session.open(self.place.folder, writable=self._is_writing)):
            pass

    @property
    def _is_writing(self) -> bool:
        return self.place.mark_seen or bool(self.place.move_to)

    def _move_judged(self, session: ImapSession) -> bool:
        """Move what was charged to a vendor; return whether more is to be judged."""
        if not self.place.move_to:
            return False
        inlet, folder, ledger = self.place.inlet, self.place.folder, self.desk.ledger
        awaited = ledger.awaited(inlet, folder, session.validity)
        verdicts = self.verdicts(list(awaited.values())) if awaited else {}
        if charged := sorted(uid for uid, key in awaited.items() if verdicts.get(key)):
            session.move(charged, self.place.move_to)
        judged = [uid for uid, key in awaited.items() if key in verdicts]
        ledger.have_judged(inlet, folder, judged)
        return len(judged) < len(awaited)

    def _read_new(self, session: ImapSession, status: FolderStatus) -> int:
        """Read what is new; return how many mails that was."""
        at = self._position(status)
        if status.mails == 0 or (status.next_uid and at.upto + 1 >= status.next_uid):
            return 0
        is_far_behind = self._is_far_behind(at, status)
        if is_far_behind:
            self.desk.note_phase(self.place.label, Phase.CATCHING_UP)
        read = 0
        for items, upto in _windows(session, at.upto + 1, status.next_uid - 1):
            for batch in batches(items, self.desk.intake.policy.max_size):
                self.desk.wait_for_room()
                self._read_batch(session, status, batch)
                read += len(batch)
                self._move_on(status, batch[-1].uid)
                if is_far_behind:
                    self.progress(batch[-1].uid - at.upto, status.next_uid - 1 - at.upto)
            if upto:
                self._move_on(status, upto)
        return read

    def _position(self, status: FolderStatus) -> FolderPosition:
        at = self.desk.ledger.position(self.place.inlet, self.place.folder)
        # Another UIDVALIDITY means that all numbers are new; mail that is here already is recognised by its content.
        return at if at.validity == status.validity else FolderPosition(status.validity, 0)

    def _is_far_behind(self, at: FolderPosition, status: FolderStatus) -> bool:
        return status.next_uid - at.upto > BATCH and status.mails > BATCH

    def _move_on(self, status: FolderStatus, upto: int) -> None:
        self.desk.ledger.move_on(self.place.inlet, self.place.folder, FolderPosition(status.validity, upto))

    def _read_batch(self, session: ImapSession, status: FolderStatus, batch: Sequence[MailItem]) -> None:
        limit = self.desk.intake.policy.max_size
        wanted = [item for item in batch if item.size <= limit]
        contents = session.contents([item.uid for item in wanted]) if wanted else {}
        mails = [
            MailboxMail(str(item.uid), contents[item.uid], item.delivered) for item in wanted if item.uid in contents
        ]
        results = self.desk.hand_over(self.place, mails)
        kept = {int(uid): each.key for uid, each in results.items() if each.result is IntakeResult.KEPT}
        if kept and self.place.move_to:
            self.desk.ledger.await_verdicts(self.place.inlet, self.place.folder, status.validity, kept)
        if kept and self.place.mark_seen:
            session.mark_seen(list(kept))


def _windows(session: ImapSession, first: int, last: int) -> Iterator[tuple[list[MailItem], int]]:
    """Yield the mails from one UID to another in steps, with the last UID of each; large gaps are passed quickly.

    Without a last UID, as the server names none, there is one step, and no UID is known to be its end.
    """
    if last < first:
        yield session.items(first, 0), 0
        return
    size = _WINDOW
    while first <= last:
        end = min(last, first + size - 1)
        items = session.items(first, end)
        yield items, end
        first, size = end + 1, _WINDOW if len(items) > _WINDOW // 4 else min(size * 4, _LARGEST_WINDOW)
