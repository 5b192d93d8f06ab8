"""The machines of an installation, and what runs on each."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SILENT = timedelta(minutes=3)
"""After so long a role counts as not heard of: each reports every minute."""


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A role that runs in a data folder of a machine: its version, since when, and when it was last heard of.

    `backlog` is how many mails wait in its spool, None for a role that has none.
    """

    machine: str
    folder: str
    role: str
    version: str
    since: datetime
    seen: datetime
    backlog: int | None = None

    def heard_of(self, now: datetime) -> bool:
        """Whether it was heard of lately."""
        return now - self.seen < SILENT
