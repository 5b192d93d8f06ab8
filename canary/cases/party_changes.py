"""What vendors and suppliers have in common when their owner renames, merges or removes them."""

from collections.abc import Iterable
from typing import Protocol

from sqlmodel import Session

from canary.cases.past_mail import OwnerWord
from canary.cases.rejudge import RejudgeOutcome

MAX_NAME = 100


class Holdings(Protocol):
    """What hangs on a party; as a string in words."""

    @property
    def stays(self) -> str:
        """Why the party cannot be removed, as the end of a sentence about it; empty where it can."""


class PartyChanges(Protocol):
    """The decisions on parties of a kind, each about one that has a short name; a module is one."""

    def holdings(self, session: Session, party: str, /) -> Holdings:
        """Return what hangs on a party; raises Unknown."""

    def rename(self, session: Session, party: str, name: str, word: OwnerWord, /) -> RejudgeOutcome:
        """Give it another name, under the same short name; raises Unknown, Duplicate, and ValueError for no name."""

    def merge(self, session: Session, party: str, into: str, word: OwnerWord, /) -> RejudgeOutcome:
        """Let all that hangs on it be another's; raises Unknown and ValueError."""

    def remove(self, session: Session, party: str, word: OwnerWord, /) -> RejudgeOutcome:
        """Remove it where nothing hangs on it that has to stay; raises Unknown, and ValueError for another."""


def checked_name(name: str) -> str:
    """Return a name with single blanks; raises ValueError for one that is none."""
    plain = " ".join(name.split())
    if not plain or len(plain) > MAX_NAME or not plain.isprintable():
        raise ValueError(f"name {plain[:40]!r}: give one of 1 to {MAX_NAME} characters")
    return plain


def counted(counts: Iterable[tuple[int, str, str]]) -> str:
    """Return numbers with their words, each in the singular and the plural, without those that are 0."""
    return ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n) or "nothing"
