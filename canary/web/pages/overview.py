"""Is anybody leaking, and is everything listening?"""

from fastapi import Request, Response

from canary.store.overview import overview
from canary.store.pages import latest_hits
from canary.web.frame import Frame
from canary.web.route import Role, Route


class Overview:
    """The first page."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/", Role.VIEWER, self.overview), Route("GET", "/feed", Role.VIEWER, self.feed))

    def overview(self, request: Request) -> Response:
        """Show open cases, vendors, a year of days and the latest mail."""
        with self._frame.database.reading() as session:
            found = overview(session, self._frame.clock())
        return self._frame.show(request, "overview.html", page=found, health=self._frame.health())

    def feed(self, request: Request) -> Response:
        """Show the latest mail, as a part of the page that asks for it whenever something came."""
        with self._frame.database.reading() as session:
            hits = latest_hits(session)
        return self._frame.show(request, "feed.html", hits=hits)
