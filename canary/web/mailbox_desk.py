"""What the page of mailboxes needs of the process that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class InletLine:
    """How it goes with a folder of a mailbox, or a service that posts mail, whose name is `inlet`.

    `problem` is one line with the cure, empty where all is well; `about` what it is doing. `posted` says that it is a service.
    """

    inlet: str
    label: str
    phase: str
    problem: str = ""
    about: str = ""
    looked: datetime | None = None
    arrived: datetime | None = None
    kept: int = 0
    skipped: int = 0
    posted: bool = False


@dataclass(frozen=True, slots=True)
class MailboxTrial:
    """A test of a mailbox: what was found there, and after how many seconds a self-test was judged, or what went wrong."""

    name: str
    running: bool = True
    there: str = ""
    seconds: float | None = None
    note: str = ""
    fault: str = ""


class MailboxDesk(Protocol):
    """Follows the mailboxes in force, and tests them."""

    def lines(self, session: Session) -> Sequence[InletLine]:
        """Return how it goes with each; raises OSError in one line."""

    def begin(self, session: Session, name: str) -> None:
        """Begin to test a mailbox, without waiting for it; raises ValueError in one line."""

    def look(self, name: str) -> MailboxTrial | None:
        """Return the last test of a mailbox."""
