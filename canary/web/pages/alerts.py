"""Alerts: what was sent, and whether it arrived."""

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.model.alert import HAPPENED
from canary.store.queries.outbox import DeliveryFilter, DeliveryStatus, deliveries, retry
from canary.store.queries.vendors import Unknown
from canary.views.list_filter import ListFilter
from canary.web.list_forms import Narrowed, Word, asked, list_file
from canary.web.rendering import Id, Key, PageContext
from canary.web.routes import Role, WebRoute

PAGE = 50
COLUMNS = ("at", "kind", "case", "vendor", "destination", "state", "attempts", "sent", "error", "joined")
_NEWEST: int | None = None
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
            WebRoute("GET", "/alerts.csv", Role.VIEWER, self.file),
            WebRoute("POST", "/alerts/{delivery_id}/retry", Role.ANALYST, self.retry),
        )

    def alerts(
        self, request: Request, among: Narrowed, before: Key = None, state: State = "", kind: Word = "", to: Word = ""
    ) -> Response:
        """Show what was sent where, the newest first."""
        with self._frame.database.reading() as session:
            lines, older = _page(session, before, state, _narrowed(among, kind, to))
        return self._frame.show(
            request, "alerts.html", lines=lines, older=older, before=before, among=among, kinds_of_alerts=HAPPENED,
            asked=asked(among, state=state, kind=kind, to=to),
            destinations=self._frame.destinations(),
        )  # fmt: skip

    def file(self, among: Narrowed, state: State = "", kind: Word = "", to: Word = "") -> Response:
        """Return the same as a table."""
        wanted = _narrowed(among, kind, to)
        return list_file(
            self._frame.database,
            "alerts",
            COLUMNS,
            _row,
            lambda session, before: _page(session, before, state, wanted),
            _NEWEST,
        )

    def retry(self, request: Request, delivery_id: Id) -> Response:
        """Send what did not arrive again."""
        try:
            with self._frame.writing(request) as session:
                retry(session, delivery_id, self._frame.clock())
                self._frame.audit(session, request, "alert-retried", f"delivery {delivery_id}")
        except Unknown:
            raise HTTPException(404) from None
        return RedirectResponse("/alerts", 303)


def _narrowed(among: ListFilter, kind: str, to: str) -> DeliveryFilter:
    return DeliveryFilter(kind, to, among.vendor, among.begins, among.ends)


def _page(
    session: Session, before: int | None, state: str, wanted: DeliveryFilter
) -> tuple[list[DeliveryStatus], int | None]:
    found = deliveries(session, before, state=state or None, limit=PAGE + 1, among=wanted)
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def _row(line: DeliveryStatus) -> tuple[object, ...]:
    fact = line.fact
    return (
        fact.at, fact.kind, fact.case or "", fact.vendor, line.destination, line.state, line.tries, line.sent, line.fault,
        line.joined,
    )  # fmt: skip
