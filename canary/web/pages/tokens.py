"""API tokens: how programs may act in a user's name."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.store.queries.user_admin import end, grant, passes
from canary.store.queries.users import SCOPES
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Days = Annotated[int, Form(ge=1, le=3660)]


class Tokens:
    """A user's own API tokens; each is shown once, when it is made."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/setup/tokens", Role.VIEWER, self.tokens),
            WebRoute("POST", "/setup/tokens", Role.VIEWER, self.make),
            WebRoute("POST", "/setup/tokens/end", Role.VIEWER, self.end),
        )

    def tokens(self, request: Request) -> Response:
        """Show the valid tokens of a user."""
        return self._show(request)

    def make(self, request: Request, name: Field = "", scope: Field = "read", days: Days = 90) -> Response:
        """Make a token and show it, only this once."""
        user = request.state.user
        with map_store_errors(), self._frame.writing(request) as session:
            secret = grant(session, user.id, name, scope, days, self._frame.clock())
            self._frame.audit(session, request, "token-made", name.strip(), f"{scope}, {days} days")
        return self._show(request, secret, scope)

    def end(self, request: Request, token: Field) -> Response:
        """End a token."""
        user = request.state.user
        with self._frame.writing(request) as session:
            if not end(session, user.id, self._frame.clock(), kinds=("api",), only=token):
                raise HTTPException(404, "This token has ended already.")
            self._frame.audit(session, request, "token-ended", token[:8])
        return RedirectResponse("/setup/tokens", 303)

    def _show(self, request: Request, secret: str = "", made: str = "") -> Response:
        with self._frame.database.reading() as session:
            lines = passes(session, request.state.user.id, self._frame.clock(), "api")
        return self._frame.show(
            request, "tokens.html", lines=lines, secret=secret, scopes=SCOPES, made=made, url=self._frame.door.url
        )
