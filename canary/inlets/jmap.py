"""Folders of a mailbox, read by JMAP: first all that they hold, then what changed since the state before (RFC 8621)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from canary.inlets.api_client import ApiClient
from canary.inlets.batches import Progress
from canary.inlets.desk import InletDesk
from canary.inlets.faults import InletFault
from canary.inlets.jmap_session import AT_ONCE, JmapAccount, JmapRefusal, JmapSession
from canary.inlets.ledger import Phase
from canary.inlets.listed_mail import PolledReader, store_listed
from canary.inlets.stored_mail import MailboxSide

_TOO_OLD, _ANCHOR_GONE = "cannotCalculateChanges", "anchorNotFound"


@dataclass(frozen=True, slots=True)
class JmapMailbox:
    """A mailbox by JMAP, its folders that are read, and how mail in it is looked at."""

    inlet: str
    account: JmapAccount
    folders: tuple[str, ...]
    side: MailboxSide
    poll: float = 30.0
    own: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in states and logs."""
        return self.inlet


class JmapReader(PolledReader[JmapMailbox]):
    """Reads every mail of some folders once; nothing in the mailbox is changed."""

    def __init__(
        self,
        place: JmapMailbox,
        desk: InletDesk,
        open_client: Callable[[], ApiClient],
        progress: Progress = lambda _done, _all: None,
    ) -> None:
        """Connect to nothing yet."""
        self.place, self.desk, self.progress, self.open_client = place, desk, progress, open_client
        # With other folders everything is looked at again; mail that was dealt with is known by its id.
        self._key = "\n".join(place.folders)

    def looking(self, client: ApiClient) -> Callable[[], None]:
        """Return what reads all that is new, in the folders that there are now."""
        session = JmapSession(self.place.account, client)
        return partial(self._read_new, session, session.folders(self.place.folders))

    def _read(self, *, until_stopped: bool) -> None:
        try:
            super()._read(until_stopped=until_stopped)
        except JmapRefusal as fault:
            raise InletFault(f"{self.place.account.url} answered {fault.kind!r}: it is tried again") from None

    def _read_new(self, session: JmapSession, folders: Sequence[str]) -> None:
        mark = self.desk.ledger.mark(self.place.inlet, self._key)
        if mark and self._read_changes(session, folders, mark):
            return
        # Taken before looking: what changes meanwhile is among the changes since.
        state = session.state()
        self._read_all(session, folders)
        self.desk.ledger.note_mark(self.place.inlet, self._key, state)

    def _read_changes(self, session: JmapSession, folders: Sequence[str], mark: str) -> bool:
        """Read what changed since a state; return False where the server no longer knows that state."""
        more = True
        while more:
            try:
                found = session.changes(mark)
            except JmapRefusal as refusal:
                if refusal.kind != _TOO_OLD:
                    raise
                return False
            if found.more and found.state == mark:
                raise InletFault("the server says that there is more, and names none of it: it is tried again")
            self._store(session, folders, found.touched)
            self.desk.ledger.note_files(self.place.inlet, [], list(found.gone))
            mark, more = found.state, found.more
            self.desk.ledger.note_mark(self.place.inlet, self._key, mark)
        return True

    def _read_all(self, session: JmapSession, folders: Sequence[str]) -> None:
        ids, total = session.page(folders)
        is_far_behind, done = total > AT_ONCE, 0
        if is_far_behind:
            self.desk.note_phase(self.place.label, Phase.CATCHING_UP)
        while ids:
            self._store(session, folders, ids)
            done += len(ids)
            if is_far_behind:
                self.progress(done, total)
            ids = self._next_page(session, folders, ids)

    def _next_page(self, session: JmapSession, folders: Sequence[str], ids: Sequence[str]) -> list[str]:
        """Return the ids after these; where the last of them was deleted meanwhile, those after one that is there."""
        self.desk.wait_for_room()
        for anchor in reversed(ids):
            try:
                found, _ = session.page(folders, anchor)
            except JmapRefusal as refusal:
                if refusal.kind != _ANCHOR_GONE:
                    raise
                continue
            if set(found) & set(ids):
                raise InletFault("the server lists the same mails again and again: it is tried again")
            return found
        raise InletFault(f"the server answered {_ANCHOR_GONE!r} for a whole page: it is tried again")

    def _store(self, session: JmapSession, folders: Sequence[str], ids: Sequence[str]) -> None:
        fresh = self.desk.ledger.untaken(self.place.inlet, ids)
        listed = session.listed(fresh, folders) if fresh else []
        most = self.desk.intake.policy.max_size
        store_listed(self.desk, self.place, listed, partial(session.content, most=most))
