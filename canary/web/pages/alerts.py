"""Alerts: what was sent, and whether it arrived."""

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.store.queries.outbox import deliveries, retry
from canary.store.queries.vendors import Unknown
from canary.web.rendering import Id, Key, PageContext
from canary.web.routes import Role, WebRoute

PAGE = 50
State = Annotated[str, Query(pattern="^(waiting|sent|dead|muted)?$")]


class AlertsPage:
    """The list of messages, and sending again those that did not arrive."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/alerts", Role.VIEWER, self.alerts),
            WebRoute("POST", "/alerts/{delivery_id}/retry", Role.ANALYST, self.retry),
        )

    def alerts(self, request: Request, before: Key = None, state: State = "") -> Response:
        """Show what was sent where, the newest first."""
        with self._frame.database.reading() as session:
            found = deliveries(session, before, state=state or None, limit=PAGE + 1)
        older = found[PAGE - 1].id if len(found) > PAGE else None
        return self._frame.show(
            request, "alerts.html", lines=found[:PAGE], older=older, before=before, state=state,
            destinations=self._frame.destinations(),
        )  # fmt: skip

    def retry(self, request: Request, delivery_id: Id) -> Response:
        """Send what did not arrive again."""
        try:
            with self._frame.writing(request) as session:
                retry(session, delivery_id, self._frame.clock())
                self._frame.audit(session, request, "alert-retried", f"delivery {delivery_id}")
        except Unknown:
            raise HTTPException(404) from None
        return RedirectResponse("/alerts", 303)
