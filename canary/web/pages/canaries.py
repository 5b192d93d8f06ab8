"""Which addresses are out there?"""

from fastapi import Request, Response

from canary.store.canary_pages import canary_list
from canary.web.frame import Frame, Key
from canary.web.route import Role, Route


class Canaries:
    """The list of all addresses."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/canaries", Role.VIEWER, self.canaries),)

    def canaries(self, request: Request, after: Key = 0) -> Response:
        """Show addresses in order of issue."""
        with self._frame.database.reading() as session:
            lines, further = canary_list(session, after or 0)
        return self._frame.show(request, "canaries.html", lines=lines, further=further)
