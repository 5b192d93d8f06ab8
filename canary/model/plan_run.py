"""The coverage plan as it was last worked out, or why it could not be."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlanRun:
    """A plan in sentences with when it was made, and whether one is being worked out now; `fault` says why the last try failed."""

    lines: tuple[str, ...] = ()
    made: datetime | None = None
    running: bool = False
    fault: str = ""
