"""What came for whoever runs the domain?"""

from fastapi import Request, Response

from canary.store.tray import tray
from canary.web.frame import Frame, Key
from canary.web.route import Role, Route


class Tray:
    """Mail that reached no canary."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/tray", Role.VIEWER, self.tray),)

    def tray(self, request: Request, before: Key = None) -> Response:
        """Show what lies in the tray, the newest first."""
        with self._frame.database.reading() as session:
            lines, older = tray(session, before)
        return self._frame.show(request, "tray.html", lines=lines, older=older, before=before)
