"""A person's decision about what the program concluded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, when, and why."""

    who: str
    at: datetime
    note: str = ""
