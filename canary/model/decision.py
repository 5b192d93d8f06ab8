"""A person's word on what the machine concluded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Whose word it is, when it was given, and why."""

    who: str
    at: datetime
    note: str = ""
