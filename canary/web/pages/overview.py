"""The overview: who is leaking, and whether everything is listening."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.views.overview import SHOWN, SORTED, View, open_cases, overview
from canary.views.view_queries import latest_hits
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

Word = Annotated[str, Query(max_length=200)]


class OverviewPage:
    """The first page, and the parts of it that are updated live."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/", Role.VIEWER, self.overview), WebRoute("GET", "/feed", Role.VIEWER, self.feed))

    def overview(self, request: Request, show: Word = "", sort: Word = "", after: Word = "") -> Response:
        """Show open cases, filtered vendors, a year of days and the latest mail."""
        view = View(show if show in SHOWN else "all", sort if sort in SORTED else SORTED[0], after)
        with self._frame.database.reading() as session:
            found = overview(session, self._frame.clock(), view)
        return self._frame.show(request, "overview.html", page=found, view=view)

    def feed(self, request: Request) -> Response:
        """Show the latest mail and the open cases, as parts that the page requests whenever something came."""
        with self._frame.database.reading() as session:
            hits, cases = latest_hits(session), open_cases(session)
        return self._frame.show(request, "news.html", hits=hits, cases=cases)
