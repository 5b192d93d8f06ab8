"""Logging in, by name and password or by a link that works once, and logging out."""

import logging
import re
from functools import partial
from typing import Annotated

from anyio import CapacityLimiter, to_thread
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
BY_NAME, BY_CLIENT, BY_ANYBODY = 10, 100, 50
"""Wrong passwords in a quarter of an hour: for one name from one client, from one client, for one name from all."""

AT_ONCE = 4
"""So many logins are looked at at once; the others wait without a thread, as each password costs 19 MB."""

_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}(\?[A-Za-z0-9=&%+._~-]{0,4000})?")

Secret = Annotated[str, Path(max_length=200)]


class LoginPage:
    """The login."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame, self._door = frame, frame.door
        self._places = CapacityLimiter(AT_ONCE)

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

    async def log_in(
        self,
        request: Request,
        name: Field = "",
        password: Field = "",
        next: Field = "/",  # noqa: A002
    ) -> Response:
        """Begin a session, or refuse in the same words whether or not the user exists."""
        check = partial(self._log_in, request, name, password, own_path(next))
        return await to_thread.run_sync(check, limiter=self._places)

    def _log_in(self, request: Request, name: str, password: str, to: str) -> Response:
        cleared, limits = self._counted(request, name)
        with self._frame.writing(request) as session:
            may = login_attempts.enter(session, limits, self._frame.clock())
        if not may:
            return self._frame.show(request, "login.html", 429, next=to, fault=TOO_OFTEN)
        with self._frame.database.reading() as session:
            user = check_password(session, name, password)
        if user is None:
            log.warning("login refused for %r from %s", name[:64], client_of(request))
            return self._frame.show(request, "login.html", 401, next=to, fault=WRONG)
        with self._frame.writing(request) as session:
            login_attempts.clear(session, cleared)
            renew_hash(session, user.id or 0, password)
            audit(session, self._frame.clock(), user.name, "login", user.name, "by password")
            return self._door.let_in(session, request, user, to)

    def once(self, request: Request, token: Secret) -> Response:  # noqa: ARG002 - spent by the button only
        """Show a button, so that the preview of a link does not use it up."""
        return self._frame.show(request, "once.html", fault="")

    def spend(self, request: Request, token: Secret) -> Response:
        """Begin the session of a one-time link."""
        with self._frame.writing(request) as session:
            user = use_token(session, token, "login", self._frame.clock())
            if user is not None:
                audit(session, self._frame.clock(), user.name, "login", user.name, "by one-time link")
                return self._door.let_in(session, request, user, "/")
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
                    return self._door.let_in(session, request, user, "/")
        except ValueError as fault:
            # The transaction is rolled back, and with it the use of the link.
            return self._frame.show(request, "reset.html", 400, fault=str(fault), spent=False)
        return self._frame.show(request, "reset.html", 410, fault=SPENT, spent=True)

    def log_out(self, request: Request) -> Response:
        """End the session."""
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "logout", request.state.user.name)
            return self._door.let_out(session, request)

    def _counted(self, request: Request, name: str) -> tuple[tuple[str, ...], dict[str, int]]:
        """Return under what an attempt is counted, with the limits, and before that which counts a login clears.

        A browser that its user knows has a count of its own. So nobody else's guesses keep that user out, whether they
        come from the same network or from everywhere.
        """
        if browser := self._door.browsers.recognise(request, name, self._frame.clock()):
            key = f"browser {browser}"
            return (key,), {key: BY_NAME}
        network, plain = network_of(request), name.strip().lower()
        here, anywhere = f"{network} {plain}", f"name {plain}"
        return (here, anywhere), {here: BY_NAME, network: BY_CLIENT, anywhere: BY_ANYBODY}


def own_path(path: str) -> str:
    """Return a path of our own as it is, and the first page for anything else."""
    return path if _OWN_PATH.fullmatch(path) else "/"
