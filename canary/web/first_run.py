"""The first-run page: before there is a user, one link opens one form, and nothing else is open.

The token of the link is shown once in the terminal. It is compared in constant time, ends after an hour, and is spent by
the form that succeeds.
"""

import hmac
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import FastAPI, Form, Path, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from canary.store.database import Database
from canary.store.tables import UserRow
from canary.web.assets import Assets
from canary.web.auth import Authenticator, same_origin
from canary.web.config import WebConfig
from canary.web.host_names import HostGate, HostNames
from canary.web.middleware import headers_for
from canary.web.rendering import FormText, PageContext
from canary.web.routes import LARGEST_FORM

log = logging.getLogger("canary.web")

LIFETIME = timedelta(hours=1)
CLOSED = "Canary is not set up yet. Open the link that `canary up` shows in the terminal.\n"
OVER = "This link has expired or was used. Start `canary up` again for a new one."


class FirstRunForm(BaseModel):
    """The form, as it comes in."""

    name: FormText = ""
    password: FormText = ""
    again: FormText = ""
    domain: FormText = ""
    hostname: FormText = ""


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """What was made: the store, the first user, and the key that signs what browsers keep."""

    store: Database
    user: UserRow
    key: bytes = field(repr=False)


@dataclass(slots=True)
class FirstRunLink:
    """The one link: its token, until when it opens the form, and whether it was spent."""

    token: str = field(repr=False)
    until: datetime
    spent: bool = False

    def opens(self, token: str, now: datetime) -> bool:
        """Whether a token is that of the link, which is neither spent nor over."""
        same = hmac.compare_digest(token.encode(), self.token.encode())
        return same and not self.spent and now < self.until


def new_link(now: datetime) -> FirstRunLink:
    """Return a link of 256 random bits."""
    return FirstRunLink(secrets.token_urlsafe(32), now + LIFETIME)


@dataclass(frozen=True, slots=True)
class FirstRunSite:
    """What the page works with: `make` sets up all of it or raises a fault, and `explain` says such a fault in one line."""

    link: FirstRunLink
    url: str
    hosts: tuple[str, ...]
    clock: Callable[[], datetime]
    make: Callable[[FirstRunForm], NewInstallation]
    explain: Callable[[Exception], str]
    done: Callable[[], None]


def create_first_run_app(site: FirstRunSite) -> FastAPI:
    """Build the site that is served before there is anything else."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    frame = PageContext(WebConfig(Database("sqlite://"), site.clock, url=site.url))
    page = _FirstRunPage(site, frame)
    app.get("/first-run/{token}")(page.form)
    app.post("/first-run/{token}")(page.set_up)
    app.mount("/static", Assets(), name="static")
    headers = headers_for(site.url)

    @app.exception_handler(404)
    @app.exception_handler(405)
    @app.exception_handler(422)
    def closed(_: Request, __: Exception) -> Response:
        return PlainTextResponse(CLOSED, 503, {"Retry-After": "10"})

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], object]) -> Response:
        response: Response = await call_next(request)  # type: ignore[misc]
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.add_middleware(HostGate, names=HostNames(site.url, site.hosts))
    return app


Token = Annotated[str, Path(max_length=200)]


class _FirstRunPage:
    """The form and what becomes of it."""

    def __init__(self, site: FirstRunSite, frame: PageContext) -> None:
        self._site, self._frame = site, frame

    def form(self, request: Request, token: Token) -> Response:
        """Show the form; looking at it spends nothing."""
        request.state.user = None
        if not self._site.link.opens(token, self._site.clock()):
            return self._frame.show(request, "error.html", 410, title="Gone", line=OVER)
        return self._show(request, FirstRunForm(name="admin"))

    def set_up(self, request: Request, token: Token, form: Annotated[FirstRunForm, Form()]) -> Response:
        """Make the installation, spend the link, and begin the session of the first user."""
        request.state.user = None
        if not same_origin(request) or int(request.headers.get("content-length", "0")) > LARGEST_FORM:
            raise HTTPException(404)
        link = self._site.link
        if not link.opens(token, self._site.clock()):
            return self._frame.show(request, "error.html", 410, title="Gone", line=OVER)
        if form.password != form.again:
            return self._show(request, form, "The two passwords differ. Type the password twice.")
        link.spent = True  # before the work, so that a second form meanwhile finds it spent
        try:
            made = self._site.make(form)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is one line, and the form can be sent again
            link.spent = False
            return self._show(request, form, self._site.explain(fault))
        return self._begin(request, made)

    def _begin(self, request: Request, made: NewInstallation) -> Response:
        door = Authenticator(made.store, self._site.clock, self._site.url, made.key)
        with made.store.writing() as session:
            entered = door.let_in(session, request, made.user, "/setup/start")
        made.store.close()
        response = self._frame.show(request, "first_run_done.html")
        response.raw_headers.extend(header for header in entered.raw_headers if header[0] == b"set-cookie")
        self._site.done()
        return response

    def _show(self, request: Request, form: FirstRunForm, fault: str = "") -> Response:
        status = 422 if fault else 200
        return self._frame.show(request, "first_run.html", status, form=form, fault=fault)
