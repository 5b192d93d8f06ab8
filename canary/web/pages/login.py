"""Logging in, by name and password or by a link that works once, and logging out."""

import logging
import re
from typing import Annotated

from fastapi import Path, Request, Response

from canary.store.queries import login_attempts
from canary.store.queries.audit import audit
from canary.store.queries.user_admin import set_password
from canary.store.queries.users import check_password, renew_hash, use_token
from canary.web.auth import client_of, network_of
from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute

log = logging.getLogger("canary.web")

WRONG = "Name or password is wrong."
TOO_OFTEN = "Too many attempts. Wait 15 minutes, then try again."
SPENT = "This link has been used already or has expired. Ask for a new one, or log in with your password."
DIFFERENT = "The two passwords differ. Type the new password twice."
BY_NAME, BY_CLIENT = 10, 100
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}")

Secret = Annotated[str, Path(max_length=200)]


class LoginPage:
    """The login."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame, self._door = frame, frame.address

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/login", Role.PUBLIC, self.login),
            WebRoute("POST", "/login", Role.PUBLIC, self.log_in),
            WebRoute("GET", "/login/once/{token}", Role.PUBLIC, self.once),
            WebRoute("POST", "/login/once/{token}", Role.PUBLIC, self.spend),
            WebRoute("GET", "/login/reset/{token}", Role.PUBLIC, self.choose),
            WebRoute("POST", "/login/reset/{token}", Role.PUBLIC, self.chosen),
            WebRoute("POST", "/logout", Role.VIEWER, self.log_out),
        )

    def login(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        """Ask for name and password."""
        return self._frame.show(request, "login.html", next=own_path(next), fault="")

    def log_in(
        self,
        request: Request,
        name: Field = "",
        password: Field = "",
        next: Field = "/",  # noqa: A002
    ) -> Response:
        """Begin a session, or refuse in the same words whether or not the user exists."""
        key, limits = self._counted(request, name)
        with self._frame.writing(request) as session:
            may = login_attempts.enter(session, limits, self._frame.clock())
        if not may:
            return self._frame.show(request, "login.html", 429, next=own_path(next), fault=TOO_OFTEN)
        with self._frame.database.reading() as session:
            user = check_password(session, name, password)
        if user is None:
            log.warning("login refused for %r from %s", name[:64], client_of(request))
            return self._frame.show(request, "login.html", 401, next=own_path(next), fault=WRONG)
        with self._frame.writing(request) as session:
            login_attempts.clear(session, key)
            renew_hash(session, user.id or 0, password)
            audit(session, self._frame.clock(), user.name, "login", user.name, "by password")
            return self._door.let_in(session, request, user.id or 0, own_path(next))

    def once(self, request: Request, token: Secret) -> Response:  # noqa: ARG002 - spent by the button only
        """Show a button, so that the preview of a link does not use it up."""
        return self._frame.show(request, "once.html", fault="")

    def spend(self, request: Request, token: Secret) -> Response:
        """Begin the session of a one-time link."""
        with self._frame.writing(request) as session:
            user = use_token(session, token, "login", self._frame.clock())
            if user is not None:
                audit(session, self._frame.clock(), user.name, "login", user.name, "by one-time link")
                return self._door.let_in(session, request, user.id, "/")
        return self._frame.show(request, "once.html", 410, fault=SPENT)

    def choose(self, request: Request, token: Secret) -> Response:  # noqa: ARG002
        """Ask for a new password, twice."""
        return self._frame.show(request, "reset.html", fault="", spent=False)

    def chosen(self, request: Request, token: Secret, password: Field = "", again: Field = "") -> Response:
        """Set the password that was chosen, end every other session, and begin one."""
        if password != again:
            return self._frame.show(request, "reset.html", 400, fault=DIFFERENT, spent=False)
        now = self._frame.clock()
        try:
            with self._frame.writing(request) as session:
                user = use_token(session, token, "reset", now)
                if user is not None:
                    set_password(session, user.id, password, now)
                    audit(session, now, user.name, "password", user.name, "by one-time link")
                    return self._door.let_in(session, request, user.id, "/")
        except ValueError as fault:
            # The transaction is rolled back, and with it the use of the link.
            return self._frame.show(request, "reset.html", 400, fault=str(fault), spent=False)
        return self._frame.show(request, "reset.html", 410, fault=SPENT, spent=True)

    def log_out(self, request: Request) -> Response:
        """End the session."""
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "logout", request.state.user.name)
            return self._door.let_out(session, request)

    @staticmethod
    def _counted(request: Request, name: str) -> tuple[str, dict[str, int]]:
        network = network_of(request)
        key = f"{network} {name.strip().lower()}"
        return key, {key: BY_NAME, network: BY_CLIENT}


def own_path(path: str) -> str:
    """Return a path of our own as it is, and the first page for anything else."""
    return path if _OWN_PATH.fullmatch(path) else "/"
