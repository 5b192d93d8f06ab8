"""What a check of the doctor is given, and what it finds."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from canary.processes.stores import open_store
from canary.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; a `note` is no fault, but something that cannot be known from here or may be meant so."""

    check: str
    fine: bool
    text: str
    note: bool = False


class Note(str):
    """The text of a finding that is a note."""

    __slots__ = ()


class CheckFailed(OSError):
    """Something is wrong; the text is one line with the cure."""


@dataclass(frozen=True, slots=True)
class Examined:
    """The installation that is looked at: its settings and their file, and the clock."""

    settings: Settings
    config: Path | None
    clock: Callable[[], datetime]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read in the store."""
        with closing(open_store(self.settings)) as store, store.reading() as session:
            yield session


Check = Callable[[Examined], str]
"""Returns what is fine, or a Note; raises CheckFailed, OSError, ValueError or an error of the store for what is not."""
