"""Search over everything."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.views.search import search
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute

LEAST = 2
"""A single letter is in everything."""


class Search:
    """One field over everything: addresses, vendors, suppliers, senders, subjects, domains and texts."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/search", Role.VIEWER, self.search),)

    def search(self, request: Request, q: Annotated[str, Query(max_length=200)] = "", before: Key = None) -> Response:
        """Show what has all the words, by kind; the page's own script gets only the part below the field."""
        said = q.strip()
        found = None
        if len(said) >= LEAST or said.isdigit():
            with self._frame.database.reading() as session:
                found = search(session, said, before)
        part = request.headers.get("hx-request") == "true"
        return self._frame.show(request, "found.html" if part else "search.html", found=found, said=said, before=before)
