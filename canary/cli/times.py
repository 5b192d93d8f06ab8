"""Days and times as people type them; in UTC unless they have a zone."""

import re
from datetime import UTC, date, datetime, time

from canary.cli.context import CliError

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")


def read_day(option: str, text: str) -> datetime:
    """Return the beginning of a day; raises CliError for anything but YYYY-MM-DD."""
    try:
        # The library also reads 20260501 and 2026-W18-5, which nobody means.
        if _DAY.fullmatch(text):
            return midnight(date.fromisoformat(text))
    except ValueError:
        pass
    raise CliError(f"{option} {text!r}: not a date; write it like 2026-05-01", 2)


def read_time(option: str, text: str) -> datetime:
    """Return a time of RFC 3339, or the beginning of a day; raises CliError for anything else."""
    try:
        if _DAY.fullmatch(text):
            return midnight(date.fromisoformat(text))
        if _TIME.fullmatch(text):
            return in_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    raise CliError(f"{option} {text!r}: not a time; write it like 2026-05-01 or 2026-05-01T09:30:00Z", 2)


def in_utc(at: datetime) -> datetime:
    """Return a time in UTC; one without a zone is UTC already."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def midnight(day: date) -> datetime:
    """Return the beginning of a day."""
    return datetime.combine(day, time(), UTC)
