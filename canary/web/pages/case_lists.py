"""The lists of cases: all of them, and what may become one."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.views.canary_pages import tentative_list
from canary.views.case_lists import SHOWN, CaseFilter, case_counts, case_list, watch_list
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

Word = Annotated[str, Query(max_length=200)]


class CaseListsPage:
    """One page for the cases, one for what is watched."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/cases", Role.VIEWER, self.cases),
            WebRoute("GET", "/watching", Role.VIEWER, self.watching),
        )

    def cases(self, request: Request, show: Word = "", vendor: Word = "", after: Word = "") -> Response:
        """Show the open cases, then the settled and the explained ones."""
        wanted = CaseFilter(show if show in SHOWN else "all", vendor)
        with self._frame.database.reading() as session:
            lines, further = case_list(session, wanted, after)
            counts = case_counts(session, vendor)
        return self._frame.show(
            request, "cases.html", lines=lines, further=further, counts=counts, wanted=wanted, after=after
        )

    def watching(self, request: Request, after: Word = "") -> Response:
        """Show what is watched, the likeliest first."""
        with self._frame.database.reading() as session:
            lines, further = watch_list(session, after)
            unconfirmed = () if after else tentative_list(session, hit=True)
        return self._frame.show(
            request, "watching.html", lines=lines, further=further, after=after, unconfirmed=unconfirmed
        )
