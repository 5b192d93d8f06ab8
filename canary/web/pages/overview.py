"""The overview: who is leaking, and whether everything is listening."""

from fastapi import Request, Response

from canary.views.models import VendorLine
from canary.views.overview import SHOWN, SORTED, View, open_cases, overview, vendor_list
from canary.views.view_queries import latest_hits
from canary.web.list_forms import Word, list_file
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = ("vendor", "name", "state", "canaries", "own", "outside", "first_outside", "last_mail")


class OverviewPage:
    """The first page, and the parts of it that are updated live."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/", Role.VIEWER, self.overview),
            WebRoute("GET", "/feed", Role.VIEWER, self.feed),
            WebRoute("GET", "/vendors.csv", Role.VIEWER, self.file),
        )

    def overview(self, request: Request, show: Word = "", sort: Word = "", after: Word = "") -> Response:
        """Show open cases, filtered vendors, a year of days and the latest mail."""
        view = _view(show, sort, after)
        with self._frame.database.reading() as session:
            found = overview(session, self._frame.clock(), view)
        return self._frame.show(request, "overview.html", page=found, view=view)

    def file(self, show: Word = "", sort: Word = "") -> Response:
        """Return the vendors as a table, filtered as they are shown."""
        now = self._frame.clock()
        return list_file(
            self._frame.database, "vendors", COLUMNS, _row,
            lambda session, after: vendor_list(session, now, _view(show, sort, after)), "",
        )  # fmt: skip

    def feed(self, request: Request) -> Response:
        """Show the latest mail and the open cases, as parts that the page requests whenever something came."""
        with self._frame.database.reading() as session:
            hits, cases = latest_hits(session), open_cases(session)
        return self._frame.show(request, "news.html", hits=hits, cases=cases)


def _view(show: str, sort: str, after: str) -> View:
    return View(show if show in SHOWN else "all", sort if sort in SORTED else SORTED[0], after)


def _row(line: VendorLine) -> tuple[object, ...]:
    tally = line.tally
    return line.slug, line.name, line.state, line.canaries, tally.own, tally.outside, tally.first_outside, tally.last
