"""The user's own account: sessions and password."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.store.queries import login_attempts
from canary.store.queries.user_admin import end, passes, set_password
from canary.store.queries.users import check_password
from canary.web.pages.login import BY_NAME, DIFFERENT, TOO_OFTEN
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

NOT_YOURS = "The current password is wrong."


class Account:
    """A user's own password and sessions."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/account", Role.VIEWER, self.account),
            WebRoute("POST", "/account/password", Role.VIEWER, self.password),
            WebRoute("POST", "/account/sessions/end", Role.VIEWER, self.end),
        )

    def account(self, request: Request) -> Response:
        """Show where a user is logged in."""
        return self._show(request)

    def password(self, request: Request, present: Field = "", password: Field = "", again: Field = "") -> Response:
        """Change the user's own password; every other session ends."""
        user, now = request.state.user, self._frame.clock()
        if password != again:
            return self._show(request, 400, DIFFERENT)
        with self._frame.writing(request) as session:
            may = login_attempts.enter(session, {f"password {user.id}": BY_NAME}, now)
        if not may:
            return self._show(request, 429, TOO_OFTEN)
        with self._frame.database.reading() as session:
            proven = check_password(session, user.name, present)
        if proven is None:
            return self._show(request, 422, NOT_YOURS)
        with map_store_errors(), self._frame.writing(request) as session:
            set_password(session, user.id, password, now, keep=user.token)
            login_attempts.clear(session, [f"password {user.id}"])
            self._frame.audit(session, request, "password", user.name, "by itself")
        return RedirectResponse("/account?done=password", 303)

    def end(self, request: Request, token: Field = "") -> Response:
        """End one of the user's sessions, or all but this one."""
        user, now = request.state.user, self._frame.clock()
        with self._frame.writing(request) as session:
            ended = end(session, user.id, now, only=token) if token else end(session, user.id, now, keep=user.token)
            if token and not ended:
                raise HTTPException(404, "This session has ended already.")
            self._frame.audit(session, request, "sessions-ended", user.name, f"{ended} of its own")
        return RedirectResponse("/account", 303)

    def _show(self, request: Request, status: int = 200, fault: str = "") -> Response:
        user = request.state.user
        with self._frame.database.reading() as session:
            lines = passes(session, user.id, self._frame.clock(), "session")
        done = request.query_params.get("done") == "password"
        return self._frame.show(request, "account.html", status, lines=lines, fault=fault, done=done)
