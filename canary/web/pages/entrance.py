"""How people come in: by name and password, or by a link that logs in once; and how they leave."""

import re

from fastapi import Request, Response

from canary.store.users import check_password, use_token
from canary.web.frame import Field, Frame
from canary.web.route import Role, Route

WRONG = "Name or password is wrong."
TOO_OFTEN = "Too many tries. Wait a quarter of an hour, then try again."
SPENT = "This link was used already or is too old. Ask for a new one, or log in with your password."
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}")


class Entrance:
    """The login."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame, self._door = frame, frame.door

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (
            Route("GET", "/login", Role.PUBLIC, self.login),
            Route("POST", "/login", Role.PUBLIC, self.log_in),
            Route("GET", "/login/once/{token}", Role.PUBLIC, self.once),
            Route("POST", "/login/once/{token}", Role.PUBLIC, self.spend),
            Route("POST", "/logout", Role.VIEWER, self.log_out),
        )

    def login(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        """Ask for name and password."""
        return self._frame.show(request, "login.html", next=_own(next), fault="")

    def log_in(
        self,
        request: Request,
        name: Field = "",
        password: Field = "",
        next: Field = "/",  # noqa: A002
    ) -> Response:
        """Begin a session, or say no in the same words whoever asks."""
        client = request.client.host if request.client else "?"
        key = f"{client} {name.strip().lower()}"
        if not self._door.throttle.enter({key: 10, client: 100}):
            return self._frame.show(request, "login.html", 429, next=_own(next), fault=TOO_OFTEN)
        with self._frame.database.reading() as session:
            user = check_password(session, name, password)
        if user is None:
            return self._frame.show(request, "login.html", 401, next=_own(next), fault=WRONG)
        self._door.throttle.clear(key)
        return self._door.let_in(request, user.id or 0, _own(next))

    def once(self, request: Request) -> Response:
        """Show a button, so that the preview of a link does not spend it."""
        return self._frame.show(request, "once.html", fault="")

    def spend(self, request: Request, token: str) -> Response:
        """Begin the session that a one-time link is good for."""
        with self._frame.database.writing() as session:
            user = use_token(session, token, "login", self._frame.clock())
        if user is None:
            return self._frame.show(request, "once.html", 410, fault=SPENT)
        return self._door.let_in(request, user.id or 0, "/")

    def log_out(self, request: Request) -> Response:
        """End the session."""
        return self._door.let_out(request)


def _own(path: str) -> str:
    return path if _OWN_PATH.fullmatch(path) else "/"
