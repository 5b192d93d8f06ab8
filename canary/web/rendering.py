"""The context of every page: the store it reads, the clock, and the templates that show what it found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

from fastapi import Form, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import Field as FieldInfo
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases.past_mail import under_way
from canary.judge.guess import odds
from canary.model.alert import HAPPENED, DestinationView
from canary.model.case import percent
from canary.model.verdict import LEAKS
from canary.senders.profile import waiting
from canary.store.queries.audit import CLIENT, audit
from canary.store.queries.outbox import lost
from canary.store.queries.vendors import Duplicate, Unknown
from canary.store.tables.base import HIGHEST_CANARY
from canary.web import charts, charts_case, filters
from canary.web.assets import Assets
from canary.web.auth import Authenticator, client_of
from canary.web.config import WebConfig
from canary.web.routes import Role, WebRoute
from canary.web.user_agent import browser

Id = Annotated[int, InPath(ge=1, le=2**31 - 1)]
Key = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
CanaryId = Annotated[int, InPath(ge=1, le=HIGHEST_CANARY)]
CanaryKey = Annotated[int | None, Query(ge=0, le=HIGHEST_CANARY)]
_NO_NUL = r"^[^\x00]*$"
Field = Annotated[str, Form(max_length=1000, pattern=_NO_NUL)]
FormText = Annotated[str, FieldInfo(max_length=1000, pattern=_NO_NUL)]
LongField = Annotated[str, Form(max_length=60_000, pattern=_NO_NUL)]
Found = TypeVar("Found")
LISTENING, KEEPS_UP, IS_READ = "listening", "keeps up", "is read"
"""The words for a listener and a worker without problems."""
MENU = (
    ("/mail", "All mail", Role.VIEWER),
    ("/new", "New address", Role.ANALYST),
    ("/watching", "Watched", Role.VIEWER),
    ("/suppliers", "Suppliers", Role.VIEWER),
    ("/alerts", "Alerts", Role.VIEWER),
    ("/account", "Your account", Role.VIEWER),
    ("/setup/tokens", "API tokens", Role.VIEWER),
    ("/setup", "Setup", Role.VIEWER),
    ("/nodes", "Nodes", Role.VIEWER),
    ("/setup/users", "Users", Role.ADMIN),
    ("/audit", "Audit log", Role.ADMIN),
)
"""The links in the user's menu, with the least role for each; pages for every day are beside it."""


class PageContext:
    """Shows pages over one store."""

    def __init__(self, config: WebConfig) -> None:
        """Read the store of a configuration, by its clock."""
        self.config = config
        self.door = Authenticator(config.database, config.clock, config.url, config.issuing.key)
        self.database, self.clock = config.database, config.clock
        self._templates = _environment()

    def show(self, request: Request, template: str, status: int = 200, **facts: object) -> Response:
        """Render a template with the given facts."""
        user = getattr(request.state, "user", None)
        page = self._templates.get_template(template)
        # A page about a store that is down must not ask it.
        bar = self._bar() if user and status < 500 else {"questions": 0, "health": "", "amiss": [], "past": []}
        menu = [(to, word) for to, word, least in MENU if user and Role(user.role).allows(least)]
        around = {"user": user, "now": self.clock(), "path": request.url.path, "bar": bar, "menu": menu}
        return HTMLResponse(page.render(facts, **around), status)

    def _bar(self) -> dict[str, object]:
        with self.database.reading() as session:
            questions, arrive, past = waiting(session, self.clock()), not lost(session), under_way(session)
        parts = {**self.config.health(), **({} if arrive else {"alerts": "some did not arrive"})}
        amiss = [f"{name}: {word}" for name, word in parts.items() if word not in (LISTENING, KEEPS_UP, IS_READ)]
        health = "; ".join(f"{name} {word}" for name, word in parts.items())
        return {"questions": questions, "health": health, "amiss": amiss, "past": past}

    def destinations(self) -> Sequence[DestinationView]:
        """Return the destinations of alerts that are in force now."""
        if self.config.desk is None:
            return self.config.destinations
        with self.database.reading() as session:
            return self.config.desk.destinations(session)

    def retention(self) -> timedelta | None:
        """Return how long mail that no case needs is kept whole now, None for ever."""
        if self.config.desk is None:
            return self.config.retention
        with self.database.reading() as session:
            return self.config.desk.retention(session)

    @contextmanager
    def writing(self, request: Request) -> Iterator[Session]:
        """Open a transaction whose audit entries have the client of the request."""
        with self.database.writing() as session:
            session.info[CLIENT] = client_of(request)
            yield session

    def audit(self, session: Session, request: Request, action: str, subject: str, text: str = "") -> None:
        """Record in the audit log what the user did, where no function of the store does so."""
        audit(session, self.clock(), request.state.user.name, action, subject, text)


class PageModule(Protocol):
    """A part of the site, made with the context of the pages."""

    def __init__(self, frame: PageContext) -> None:
        """Make it with the context of the pages."""

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""


def or_404(found: Found | None) -> Found:
    """Return what was found; raises HTTPException 404 for None."""
    if found is None:
        raise HTTPException(404)
    return found


@contextmanager
def map_store_errors() -> Iterator[None]:
    """Answer errors of the store in its own words: unknown is 404, already there 409, invalid 422."""
    try:
        yield
    except Unknown as fault:
        raise HTTPException(404, str(fault)) from None
    except Duplicate as fault:
        raise HTTPException(409, str(fault)) from None
    except ValueError as fault:
        raise HTTPException(422, str(fault)[:500]) from None


@cache  # a template is compiled once in a process, whatever it serves
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined, finalize=filters.visible, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        defang=filters.defang, ago=filters.ago, day=filters.day, percent=percent, size=filters.size,
        exact=filters.exact, weight=filters.weight, query=filters.query, with_article=filters.with_article,
        possessive=filters.possessive,
        sparkline=charts.sparkline, timeline=charts.timeline, heat=charts.heat, bar=charts.bar,
        belief=charts.belief, browser=browser,
        chartdata=charts.data, casewindow=charts_case.window, odds=odds, charttold=charts.described, thousands=filters.thousands, window=filters.window,
        span=filters.span, labelled=filters.labelled, proof=filters.proof_words,
    )  # fmt: skip
    environment.globals.update(series=charts.SERIES_WORDS, kinds=filters.KINDS, features=filters.FEATURES)
    environment.globals.update(plain_claims=filters.PLAIN_CLAIMS, happened=HAPPENED)
    environment.globals.update(asset=Assets().address, leaks=frozenset(LEAKS))
    return environment
