"""An import that was begun in the browser: how far it is, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What is imported, and how far: so much `done` of `total` in a stage (`read`: octets, `judge`: batches, `weigh`: cases).

    `proposed` are addresses that would be adopted, each with address, name, channel, basis and mails; nothing was changed
    then. `lines` say what came of it, `fault` why it ended.
    """

    name: str
    adopt: str = ""
    trust: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    running: bool = True
    proposed: Sequence[Mapping[str, object]] = ()
    lines: Sequence[str] = ()
    fault: str = ""

    @property
    def share(self) -> int:
        """How much of the stage is done, in percent."""
        return min(100, 100 * self.done // self.total) if self.total else 0
