"""The pages people read: each asks the store for one frozen fact and hands it to its template."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Form, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException

from canary.store.campaign_pages import campaign_list, campaign_page
from canary.store.lines import SERIES
from canary.store.pages import canary_list, case_page, mail_page, overview, vendor_page
from canary.store.senders import approve, deny, list_senders
from canary.store.tray import tray
from canary.store.users import check_password, use_token
from canary.store.vendors import Unknown
from canary.web import charts, words
from canary.web.auth import Door

WRONG = "Name or password is wrong."
TOO_OFTEN = "Too many tries. Wait a quarter of an hour, then try again."
SPENT = "This link was used already or is too old. Ask for a new one, or log in with your password."
SENDERS = 500
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}")

Id = Annotated[int, InPath(ge=1, le=2**53)]
Key = Annotated[int | None, Query(ge=0, le=2**53)]
Field = Annotated[str, Form(max_length=1000)]
Found = TypeVar("Found")


class Pages:
    """Every page, over one store."""

    def __init__(self, door: Door, health: Callable[[], Mapping[str, str]]) -> None:
        """Read through the door's store; `health` tells the state of each part."""
        self._door, self._health = door, health
        self._database, self._clock = door.database, door.clock
        self._templates = _environment()

    def routes(self) -> tuple[tuple[str, str, Callable[..., Response]], ...]:
        """Return path, method and handler of every page."""
        return (
            ("/", "GET", self.overview),
            ("/vendors/{slug}", "GET", self.vendor),
            ("/cases/{case_id}", "GET", self.case),
            ("/mail/{mail_id}", "GET", self.mail),
            ("/canaries", "GET", self.canaries),
            ("/senders", "GET", self.senders),
            ("/senders", "POST", self.decide),
            ("/campaigns", "GET", self.campaigns),
            ("/campaigns/{campaign_id}", "GET", self.campaign),
            ("/tray", "GET", self.tray),
            ("/login", "GET", self.login),
            ("/login", "POST", self.log_in),
            ("/login/once/{token}", "GET", self.once),
            ("/login/once/{token}", "POST", self.spend),
            ("/logout", "POST", self.log_out),
        )

    def overview(self, request: Request) -> Response:
        """Is anybody leaking, and is everything listening?"""
        with self._database.reading() as session:
            found = overview(session, self._clock())
        return self._show(request, "overview.html", page=found, health=self._health())

    def vendor(self, request: Request, slug: str) -> Response:
        """What has this vendor done with the addresses it got?"""
        with self._database.reading() as session:
            found = _known(vendor_page(session, slug, self._clock()))
        return self._show(request, "vendor.html", page=found)

    def case(self, request: Request, case_id: Id, before: Key = None) -> Response:
        """Who leaked, and how do we know?"""
        with self._database.reading() as session:
            found = _known(case_page(session, case_id, before))
        return self._show(request, "case.html", page=found, before=before)

    def mail(self, request: Request, mail_id: Id) -> Response:
        """What exactly came?"""
        with self._database.reading() as session:
            found = _known(mail_page(session, mail_id))
        sent = words.who_sent(found.mail.identity, found.mail.proofs.get("dmarc") or {})
        return self._show(request, "mail.html", page=found, who_sent=sent)

    def canaries(self, request: Request, after: Key = 0) -> Response:
        """Which addresses are out there?"""
        with self._database.reading() as session:
            lines, further = canary_list(session, after or 0)
        return self._show(request, "canaries.html", lines=lines, further=further)

    def senders(self, request: Request) -> Response:
        """Who asks to be known to write for a vendor, and who is?"""
        with self._database.reading() as session:
            found = list_senders(session, limit=SENDERS + 1)
        return self._show(request, "senders.html", lines=found[:SENDERS], more=len(found) > SENDERS)

    def decide(self, request: Request, vendor: Field = "", sender: Field = "", answer: Field = "") -> Response:
        """Approve or refuse a sender, then show how they stand."""
        user = request.state.user
        if user.role == "viewer":
            raise HTTPException(403)
        say = {"approve": approve, "deny": deny}.get(answer)
        if say is None:
            raise HTTPException(400)
        try:
            with self._database.writing() as session:
                say(session, vendor, sender, user.name, self._clock())
        except Unknown:
            raise HTTPException(404) from None
        except ValueError:
            raise HTTPException(400) from None
        return RedirectResponse("/senders", 303)

    def campaigns(self, request: Request, before: Key = None) -> Response:
        """Which mails are one sending?"""
        with self._database.reading() as session:
            lines, further = campaign_list(session, before)
        return self._show(request, "campaigns.html", lines=lines, further=further)

    def campaign(self, request: Request, campaign_id: Id, before: Key = None) -> Response:
        """Why are these mails one sending?"""
        with self._database.reading() as session:
            found = _known(campaign_page(session, campaign_id, before))
        return self._show(request, "campaign.html", page=found, before=before)

    def tray(self, request: Request, before: Key = None) -> Response:
        """What came for whoever runs the domain?"""
        with self._database.reading() as session:
            lines, older = tray(session, before)
        return self._show(request, "tray.html", lines=lines, older=older, before=before)

    def login(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        """Ask for name and password."""
        return self._show(request, "login.html", next=_own(next), fault="")

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
            return self._show(request, "login.html", 429, next=_own(next), fault=TOO_OFTEN)
        with self._database.reading() as session:
            user = check_password(session, name, password)
        if user is None:
            return self._show(request, "login.html", 401, next=_own(next), fault=WRONG)
        self._door.throttle.clear(key)
        return self._door.let_in(request, user.id or 0, _own(next))

    def once(self, request: Request) -> Response:
        """Show a button, so that the preview of a link does not spend it."""
        return self._show(request, "once.html", fault="")

    def spend(self, request: Request, token: str) -> Response:
        """Begin the session that a one-time link is good for."""
        with self._database.writing() as session:
            user = use_token(session, token, "login", self._clock())
        if user is None:
            return self._show(request, "once.html", 410, fault=SPENT)
        return self._door.let_in(request, user.id or 0, "/")

    def log_out(self, request: Request) -> Response:
        """End the session."""
        return self._door.let_out(request)

    def error(self, request: Request, status: int, lines: Mapping[int, str]) -> Response:
        """Say what is wrong in one line."""
        title = HTTPStatus(status).phrase
        return self._show(request, "error.html", status, title=title, line=lines.get(status, title))

    def _show(self, request: Request, template: str, status: int = 200, **facts: object) -> Response:
        user = getattr(request.state, "user", None)
        page = self._templates.get_template(template)
        return HTMLResponse(page.render(facts, user=user, now=self._clock(), path=request.url.path), status)


def _known(found: Found | None) -> Found:
    if found is None:
        raise HTTPException(404)
    return found


def _own(path: str) -> str:
    return path if _OWN_PATH.fullmatch(path) else "/"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined, finalize=words.visible, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        defang=words.defang, ago=words.ago, day=words.day, percent=words.percent, size=words.size,
        sparkline=charts.sparkline, timeline=charts.timeline, heat=charts.heat, bar=charts.bar,
    )  # fmt: skip
    environment.globals.update(series=SERIES, kinds=words.KINDS, features=words.FEATURES)
    return environment
