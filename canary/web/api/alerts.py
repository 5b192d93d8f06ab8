"""Alerts over the API: what was sent where, and whether it arrived."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from canary.store.queries.outbox import DeliveryStatus, deliveries, put_test, retry
from canary.web.api.schema import LIMIT, Cursor, Limit, ListPage, Name, Number, RequestBody, call, counted_by, page
from canary.web.rendering import PageContext, map_store_errors
from canary.web.routes import Role, WebRoute


class DeliveryState(StrEnum):
    """The state of a message: dead ones wait for a person."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    MUTED = "muted"


class DeliveryOut(BaseModel):
    """One message to one destination; `joined` counts further facts in it."""

    id: int
    kind: str
    at: datetime
    case: int | None
    vendor: str
    destination: str
    state: str
    tries: int
    due: datetime
    sent: datetime | None
    fault: str
    joined: int


class DestinationOut(BaseModel):
    """A destination of alerts; neither its address nor its secret is ever shown."""

    name: str
    kind: str
    mode: str


class TestNew(RequestBody):
    """The name of a destination to test."""

    destination: Name


class Started(BaseModel):
    """The number of a delivery that was queued."""

    id: int


class AlertsApi:
    """The calls about alerts."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/alerts", Role.VIEWER, self.alerts),
            call("GET", "/alerts/destinations", Role.VIEWER, self.destinations),
            call("POST", "/alerts/test", Role.ADMIN, self.test, 202),
            call("POST", "/alerts/{delivery_id}/retry", Role.ANALYST, self.retry, 202),
        )

    def alerts(
        self, cursor: Cursor = None, limit: Limit = LIMIT, state: Annotated[DeliveryState | None, Query()] = None
    ) -> ListPage[DeliveryOut]:
        """List messages, newest first."""
        with self._frame.database.reading() as session:
            found = deliveries(session, counted_by(cursor), state=state.value if state else None, limit=limit + 1)
        return page(found, limit, _show, lambda delivery: delivery.id)

    def destinations(self) -> list[DestinationOut]:
        """List the destinations of alerts."""
        return [DestinationOut(name=d.name, kind=d.kind, mode=d.mode.value) for d in self._frame.destinations()]

    def test(self, request: Request, new: TestNew) -> Started:
        """Send a test to a destination, through the outbox like any alert."""
        if new.destination not in {known.name for known in self._frame.destinations()}:
            raise HTTPException(404, f"destination {new.destination!r} is not known: see /api/v1/alerts/destinations")
        with map_store_errors(), self._frame.writing(request) as session:
            number = put_test(session, new.destination, self._frame.clock())
            self._frame.audit(session, request, "alert-test", new.destination)
        return Started(id=number)

    def retry(self, request: Request, delivery_id: Number) -> Started:
        """Send a message again that could not be delivered."""
        with map_store_errors(), self._frame.writing(request) as session:
            retry(session, delivery_id, self._frame.clock())
            self._frame.audit(session, request, "alert-retry", f"delivery {delivery_id}")
        return Started(id=delivery_id)


def _show(delivery: DeliveryStatus) -> DeliveryOut:
    fact = delivery.fact
    return DeliveryOut(
        id=delivery.id, kind=fact.kind, at=fact.at, case=fact.case or None, vendor=fact.vendor,
        destination=delivery.destination, state=delivery.state, tries=delivery.tries, due=delivery.due,
        sent=delivery.sent, fault=delivery.fault, joined=delivery.joined,
    )  # fmt: skip
