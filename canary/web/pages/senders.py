"""Senders: who writes for a vendor, and who waits for a decision."""

from fastapi import Request, Response

from canary.senders.profile import list_senders
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

SENDERS = 500


class SendersPage:
    """The questions that only the owner can answer."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/senders", Role.VIEWER, self.senders),)

    def senders(self, request: Request) -> Response:
        """Show undecided and decided senders."""
        with self._frame.database.reading() as session:
            found = list_senders(session, limit=SENDERS + 1)
        return self._frame.show(request, "senders.html", lines=found[:SENDERS], more=len(found) > SENDERS)
