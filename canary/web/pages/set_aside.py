"""Mail that was judged by its envelope alone."""

from functools import partial

from fastapi import Request, Response

from canary.views.unread_mail import UnreadLine, unread_mail
from canary.web.list_forms import Narrowed, asked, list_file
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = ("mail", "at", "why", "sender", "client", "to", "size")
_NEWEST: int | None = None


class SetAsidePage:
    """Mail whose content took too much to read, or brought the worker down."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/set-aside", Role.VIEWER, self.set_aside),
            WebRoute("GET", "/set-aside.csv", Role.VIEWER, self.file),
        )

    def set_aside(self, request: Request, among: Narrowed, before: Key = None) -> Response:
        """Show mail that was not read, newest first."""
        with self._frame.database.reading() as session:
            lines, older = unread_mail(session, before, among)
        return self._frame.show(
            request, "set_aside.html", lines=lines, older=older, before=before, among=among, asked=asked(among)
        )

    def file(self, among: Narrowed) -> Response:
        """Return the same as a table."""
        return list_file(self._frame.database, "set-aside", COLUMNS, _row, partial(unread_mail, among=among), _NEWEST)


def _row(line: UnreadLine) -> tuple[object, ...]:
    return line.mail, line.at, line.why, line.sender, line.client, " ".join(line.to), line.size
