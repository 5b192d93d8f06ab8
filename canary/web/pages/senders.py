"""Senders: who writes for a vendor, and who waits for a decision."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.cases.answers import approve, deny
from canary.senders.profile import list_senders
from canary.store.queries.vendors import Unknown
from canary.web.pages.login import own_path
from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute

SENDERS = 500


class SendersPage:
    """The questions that only the owner can answer."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/senders", Role.VIEWER, self.senders),
            WebRoute("POST", "/senders", Role.ANALYST, self.decide),
        )

    def senders(self, request: Request) -> Response:
        """Show undecided and decided senders."""
        with self._frame.database.reading() as session:
            found = list_senders(session, limit=SENDERS + 1)
        return self._frame.show(request, "senders.html", lines=found[:SENDERS], more=len(found) > SENDERS)

    def decide(
        self, request: Request, vendor: Field = "", sender: Field = "", answer: Field = "",
        next: Field = "/senders",  # noqa: A002 - the name in the form
    ) -> Response:  # fmt: skip
        """Approve or refuse a sender, then show the list."""
        say = {"approve": approve, "deny": deny}.get(answer)
        if say is None:
            raise HTTPException(400)
        try:
            with self._frame.writing(request) as session:
                say(session, vendor, sender, request.state.user.name, self._frame.clock())
        except Unknown:
            raise HTTPException(404) from None
        except ValueError:
            raise HTTPException(400) from None
        return RedirectResponse(own_path(next), 303)
