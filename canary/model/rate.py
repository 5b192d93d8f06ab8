"""An allowance of so many a minute that grows back evenly."""

from math import ceil


class Allowance:
    """So many a minute, all of which may be used at once; 0 sets no limit. Times are seconds of any steady clock."""

    def __init__(self, allowed: int, seconds: float = 60.0) -> None:
        """Begin with all of it."""
        self._allowed, self._seconds = allowed, seconds
        self._due = 0.0

    def wait(self, now: float) -> int:
        """Use one, and return 0; or return the seconds until there is one again."""
        if not self._allowed:
            return 0
        rest = max(self._due, now) + self._seconds / self._allowed
        if rest <= now + self._seconds + 1e-6:
            self._due = rest
            return 0
        return max(1, ceil(rest - now - self._seconds))
