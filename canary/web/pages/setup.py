"""Setting up: what there is to do, and whether it is done."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from canary.authenticate.dns_records import CheckedRecord
from canary.store.queries.outbox import put_test
from canary.web.pages.alert_setup import BACK
from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute


class Setup:
    """DNS records with a live check, destinations of alerts with a test, retention, and links to users and tokens."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/setup", Role.VIEWER, self.setup),
            WebRoute("POST", "/setup/alerts/test", Role.ADMIN, self.test),
        )

    async def setup(self, request: Request, check: Annotated[bool, Query()] = False, sent: str = "") -> Response:
        """Show what to set up; DNS is asked only on request."""
        arranged = self._frame.config.arranged
        asked = await arranged.check() if check and arranged.check else None
        lines = asked if asked is not None else [CheckedRecord(record) for record in arranged.records]
        return await run_in_threadpool(
            self._frame.show, request, "setup.html", lines=lines, checked=asked is not None, sent=sent[:64],
            destinations=self._frame.destinations(), retention=self._frame.retention(),
        )  # fmt: skip

    def test(self, request: Request, destination: Field = "", back: Field = "") -> Response:
        """Send a test to a destination, through the outbox like any alert."""
        if destination not in {known.name for known in self._frame.destinations()}:
            raise HTTPException(
                404, f"Destination {destination[:64]!r} is not known: name one under `alert.destinations`."
            )
        with self._frame.writing(request) as session:
            number = put_test(session, destination, self._frame.clock())
            self._frame.audit(session, request, "alert-test", destination)
        if back in BACK:
            return RedirectResponse(f"{back}?{urlencode({'delivery': number})}#sent", 303)
        return RedirectResponse(f"/setup?{urlencode({'sent': destination})}", 303)
