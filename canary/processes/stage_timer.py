"""How long the stages of the pipeline take, for the log."""

import logging
import time

log = logging.getLogger("canary.processes.stage_timer")


class StageTimer:
    """Adds up how long the stages of the pipeline take, and says so from time to time."""

    def __init__(self) -> None:
        """Start at zero."""
        self.last = time.perf_counter()
        self.spent: dict[str, tuple[int, float]] = {}

    def passed(self, stage: str) -> None:
        """Count a stage that has just ended."""
        now = time.perf_counter()
        count, seconds = self.spent.get(stage, (0, 0.0))
        self.spent[stage] = (count + 1, seconds + now - self.last)
        self.last = now

    def report(self) -> None:
        """Log the mean time of each stage since the last time."""
        spent, self.spent = self.spent, {}
        if spent:
            log.info("stages: %s", ", ".join(f"{s} {n} x {t / n * 1000:.1f} ms" for s, (n, t) in spent.items()))
