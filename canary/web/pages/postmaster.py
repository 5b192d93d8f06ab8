"""Mail to the postmaster of the domains."""

from functools import partial

from fastapi import Request, Response

from canary.views.unaddressed_mail import UnaddressedLine, unaddressed_mail
from canary.web.list_forms import NarrowedByDays, asked, list_file
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = ("mail", "at", "to", "subject", "sender", "proven")
_NEWEST: int | None = None


class PostmasterPage:
    """Mail that reached no canary."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/tray", Role.VIEWER, self.tray),
            WebRoute("GET", "/tray.csv", Role.VIEWER, self.file),
        )

    def tray(self, request: Request, among: NarrowedByDays, before: Key = None) -> Response:
        """Show mail that reached no canary, newest first."""
        with self._frame.database.reading() as session:
            lines, older = unaddressed_mail(session, before, among)
        return self._frame.show(
            request, "postmaster.html", lines=lines, older=older, before=before, among=among, asked=asked(among)
        )

    def file(self, among: NarrowedByDays) -> Response:
        """Return the same as a table."""
        return list_file(
            self._frame.database, "postmaster", COLUMNS, _row, partial(unaddressed_mail, among=among), _NEWEST
        )


def _row(line: UnaddressedLine) -> tuple[object, ...]:
    return line.mail, line.at, " ".join(line.to), line.subject, line.sender, line.proven
