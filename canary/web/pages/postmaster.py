"""Mail to the postmaster of the domains."""

from fastapi import Request, Response

from canary.views.unaddressed_mail import unaddressed_mail
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute


class PostmasterPage:
    """Mail that reached no canary."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/tray", Role.VIEWER, self.tray),)

    def tray(self, request: Request, before: Key = None) -> Response:
        """Show mail that reached no canary, newest first."""
        with self._frame.database.reading() as session:
            lines, older = unaddressed_mail(session, before)
        return self._frame.show(request, "postmaster.html", lines=lines, older=older, before=before)
