"""A Maildir that a mail server or a fetching program delivers into, watched without changing anything in it."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from canary.inlets.batches import BATCH, Progress, batches
from canary.inlets.desk import InletDesk, MailboxMail
from canary.inlets.faults import InletFault
from canary.inlets.intake import IntakeResult
from canary.inlets.ledger import Phase
from canary.inlets.stored_mail import MailboxSide

_SECONDS = re.compile(r"(\d{9,10})\.")
_FOLDERS = ("new", "cur")


@dataclass(frozen=True, slots=True)
class WatchedMaildir:
    """A Maildir, how mail in it is looked at, and whether what is stored here is removed from it."""

    inlet: str
    path: Path
    side: MailboxSide
    poll: float = 2.0
    remove: bool = False
    own: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in states and logs."""
        return self.inlet


@dataclass(frozen=True, slots=True)
class _File:
    """A mail in the Maildir; `name` is what stays when it moves from new to cur, and its flags change."""

    path: Path
    name: str
    size: int


class MaildirReader:
    """Reads every mail of a Maildir once, the oldest first."""

    def __init__(self, place: WatchedMaildir, desk: InletDesk, progress: Progress = lambda _done, _all: None) -> None:
        """Look at nothing yet."""
        self.place, self.desk, self.progress = place, desk, progress
        self._stamps: tuple[int, ...] = ()

    def run(self) -> None:
        """Read what is there and what comes, until stopped; raises InletFault and Stopped."""
        while not self.desk.stopping.is_set():
            self.run_once()
            self.desk.note_phase(self.place.inlet, Phase.WATCHING)
            self.desk.stopping.wait(self.place.poll)

    def run_once(self) -> None:
        """Read all that is there; raises InletFault and Stopped."""
        # Taken before looking: what is delivered meanwhile changes them again.
        stamps = self._changed()
        if stamps == self._stamps:
            return
        there, dealt_with = self._files(), self.desk.ledger.taken_files(self.place.inlet)
        fresh = [file for file in there if file.name not in dealt_with]
        if len(fresh) > BATCH:
            self.desk.note_phase(self.place.inlet, Phase.CATCHING_UP)
        done, missed = 0, False
        for batch in batches(fresh, self.desk.intake.policy.max_size):
            self.desk.wait_for_room()
            missed = self._read_batch(batch) or missed
            done += len(batch)
            if len(fresh) > BATCH:
                self.progress(done, len(fresh))
        gone = dealt_with - {file.name for file in there}
        self.desk.ledger.note_files(self.place.inlet, [], sorted(gone))
        self._stamps = () if missed else stamps

    def interrupt(self) -> None:
        """It waits for nothing but the desk."""

    def _read_batch(self, batch: Sequence[_File]) -> bool:
        """Read some mails; return whether one of them has moved meanwhile, so that it must be looked for again."""
        limit = self.desk.intake.policy.max_size
        read = {file.name: content for file in batch if file.size <= limit and (content := _content(file)) is not None}
        mails = [MailboxMail(name, content, _delivered(name)) for name, content in read.items()]
        results = self.desk.hand_over(self.place, mails)
        done = [file.name for file in batch if file.name in read or file.size > limit]
        self.desk.ledger.note_files(self.place.inlet, done, [])
        if self.place.remove:
            for file in batch:
                if file.name in results and results[file.name].result is IntakeResult.KEPT:
                    file.path.unlink(missing_ok=True)
        return len(done) < len(batch)

    def _changed(self) -> tuple[int, ...]:
        try:
            return tuple((self.place.path / name).stat().st_mtime_ns for name in _FOLDERS)
        except OSError as fault:
            line = f"{self.place.path}: {fault.strerror}: name a Maildir, with new and cur in it, that can be read"
            raise InletFault(line, by_settings=True) from None

    def _files(self) -> list[_File]:
        found: dict[str, _File] = {}
        for folder in _FOLDERS:
            with os.scandir(self.place.path / folder) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name).decode("latin-1").partition(":2,")[0]
                    if not name.startswith(".") and entry.is_file(follow_symlinks=False):
                        with suppress(FileNotFoundError):
                            size = entry.stat(follow_symlinks=False).st_size
                            found[name] = _File(Path(entry.path), name, size)
        return sorted(found.values(), key=lambda file: file.name)


def _content(file: _File) -> bytes | None:
    """Return the octets of a file, None if it has moved; a reader may set its flags at any time."""
    try:
        return file.path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise InletFault(f"{file.path}: {fault.strerror}: let this user read the Maildir") from None


def _delivered(name: str) -> datetime | None:
    match = _SECONDS.match(name)
    return datetime.fromtimestamp(int(match[1]), UTC) if match else None
