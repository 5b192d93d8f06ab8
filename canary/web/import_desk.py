"""What the page of imports needs of the process that serves it."""

from collections.abc import Sequence
from typing import Protocol

from canary.model.import_run import ImportRun


class ImportDesk(Protocol):
    """Runs one import at a time, of what lies in one folder of the machine."""

    @property
    def folder(self) -> str:
        """The folder, as its path is written."""

    def offered(self) -> Sequence[str]:
        """Return what lies in the folder, by name."""

    def begin(self, name: str, adopt: Sequence[str], trust: Sequence[str], *, accept: bool) -> None:
        """Begin to import something that is offered, or go on with it; raises ValueError in one line.

        What the servers `trust` wrote about a sender when a mail came is believed. Addresses at the domains `adopt` become canaries; unless that is accepted they are proposed and nothing is changed.
        """

    def look(self) -> ImportRun | None:
        """Return the import that runs, or the last one."""
