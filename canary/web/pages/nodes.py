"""Which roles run where, and were they heard of lately?"""

from dataclasses import astuple

from fastapi import Request, Response

from canary.store.queries.nodes import list_roles
from canary.web.csv_file import csv_file
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = ("machine", "folder", "role", "version", "since", "seen", "backlog")


class NodesPage:
    """The list of roles by machine."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/nodes", Role.VIEWER, self.nodes),
            WebRoute("GET", "/nodes.csv", Role.VIEWER, self.file),
        )

    def nodes(self, request: Request) -> Response:
        """Show what runs on each machine, and how many mails wait there."""
        now = self._frame.clock()
        with self._frame.database.reading() as session:
            lines = list_roles(session)
        silent = [line for line in lines if not line.heard_of(now)]
        return self._frame.show(request, "nodes.html", lines=lines, silent=silent)

    def file(self) -> Response:
        """Return the same as a table."""
        with self._frame.database.reading() as session:
            return csv_file("nodes", COLUMNS, [astuple(line) for line in list_roles(session)])
