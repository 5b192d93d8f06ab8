"""Mail that was judged by its envelope alone."""

from fastapi import Request, Response

from canary.views.unread_mail import unread_mail
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute


class SetAsidePage:
    """Mail whose content took too much to read, or brought the worker down."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/set-aside", Role.VIEWER, self.set_aside),)

    def set_aside(self, request: Request, before: Key = None) -> Response:
        """Show mail that was not read, newest first."""
        with self._frame.database.reading() as session:
            lines, older = unread_mail(session, before)
        return self._frame.show(request, "set_aside.html", lines=lines, older=older, before=before)
