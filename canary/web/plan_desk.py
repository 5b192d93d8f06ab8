"""What the page of the plan needs of the process that serves it."""

from typing import Protocol

from canary.model.plan_run import PlanRun


class PlanDesk(Protocol):
    """Works out one coverage plan at a time, outside of the process that serves pages."""

    def begin(self) -> None:
        """Begin to work out a plan, unless one is being worked out; raises OSError."""

    def look(self) -> PlanRun:
        """Return the newest plan, and whether one is being worked out."""
