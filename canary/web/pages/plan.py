"""The plan: which sources cannot be told apart today, and which further addresses would help most."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.web.plan_desk import PlanDesk
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute


class PlanPage:
    """The sentences of `canary plan`, as they were last worked out."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/plan", Role.ANALYST, self.page),
            WebRoute("POST", "/plan", Role.ANALYST, self.begin),
            WebRoute("GET", "/plan/state", Role.ANALYST, self.state),
        )

    def page(self, request: Request) -> Response:
        """Show the newest plan, and whether one is being worked out."""
        return self._frame.show(request, "plan.html", run=self._desk().look())

    def begin(self, request: Request) -> Response:
        """Begin to work out a plan."""
        self._desk().begin()
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "plan-begun", "plan")
        return RedirectResponse("/plan", 303)

    def state(self, request: Request) -> Response:
        """Show the same as a part that asks again until the plan is there."""
        return self._frame.show(request, "_plan_state.html", run=self._desk().look())

    def _desk(self) -> PlanDesk:
        if self._frame.config.plan is None:
            raise HTTPException(404, "Nothing is planned here.")
        return self._frame.config.plan
