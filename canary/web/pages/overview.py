"""Is anybody leaking, and is everything listening?"""

from fastapi import Request, Response

from canary.store.overview import overview
from canary.web.frame import Frame
from canary.web.route import Role, Route


class Overview:
    """The first page."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/", Role.VIEWER, self.overview),)

    def overview(self, request: Request) -> Response:
        """Show open cases, vendors, a year of days and the latest mail."""
        with self._frame.database.reading() as session:
            found = overview(session, self._frame.clock())
        return self._frame.show(request, "overview.html", page=found, health=self._frame.health())
