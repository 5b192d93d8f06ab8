"""What a piece of work costs in processor time, judged alike on slow, fast and busy machines."""

import gc
import re
import time
from collections.abc import Callable

REFERENCE_SECONDS = 0.007
"""What the yardstick takes on the machine for which the bounds in tests are written."""

_TEXT = "a1 " * 2_000


def cpu_seconds(work: Callable[[], object], *, runs: int = 1) -> float:
    """Return the processor seconds of this thread that `work` would take on the machine of the bounds.

    The best of some runs counts; work that remembers what it has done must be measured by one. What others do on the
    machine slows the yardstick down as well, and the collector of garbage looks at everything that other tests left.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return min(_spent(work) for _ in range(runs)) / min(_spent(_yardstick) for _ in range(3)) * REFERENCE_SECONDS
    finally:
        if collecting:
            gc.enable()


def _spent(work: Callable[[], object]) -> float:
    before = time.thread_time()
    work()
    return time.thread_time() - before


def _yardstick() -> None:
    """Python and regular expressions by halves, as in most of what is measured."""
    sum(number * number % 7 for number in range(100_000))
    for _ in range(32):
        re.findall(r"[a-z]\d", _TEXT)
