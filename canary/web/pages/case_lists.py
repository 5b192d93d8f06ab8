"""The lists of cases: all of them, and what may become one."""

from fastapi import Request, Response

from canary.views.canary_pages import tentative_list
from canary.views.case_lists import SHOWN, CaseFilter, WatchLine, case_counts, case_list, watch_list
from canary.views.models import CaseLine
from canary.web.list_forms import Narrowed, Word, asked, list_file
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = (
    "case", "state", "outcome", "answer", "vendor", "opened", "last_hit", "leak", "vendors_hit", "campaigns", "mails",
)  # fmt: skip


class CaseListsPage:
    """One page for the cases, one for what is watched."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/cases", Role.VIEWER, self.cases),
            WebRoute("GET", "/cases.csv", Role.VIEWER, self.file),
            WebRoute("GET", "/watching", Role.VIEWER, self.watching),
            WebRoute("GET", "/watching.csv", Role.VIEWER, self.watched_file),
        )

    def cases(self, request: Request, among: Narrowed, show: Word = "", after: Word = "") -> Response:
        """Show the open cases, then the settled and the explained ones."""
        wanted = CaseFilter(show if show in SHOWN else "all", among)
        with self._frame.database.reading() as session:
            lines, further = case_list(session, wanted, after)
            counts = case_counts(session, among)
        return self._frame.show(
            request, "cases.html", lines=lines, further=further, counts=counts, wanted=wanted, after=after,
            asked=asked(among, show="" if wanted.show == "all" else wanted.show),
        )  # fmt: skip

    def file(self, among: Narrowed, show: Word = "") -> Response:
        """Return the same as a table."""
        wanted = CaseFilter(show if show in SHOWN else "all", among)
        return list_file(
            self._frame.database, "cases", COLUMNS, _row, lambda session, after: case_list(session, wanted, after), ""
        )

    def watching(self, request: Request, among: Narrowed, after: Word = "") -> Response:
        """Show what is watched, the likeliest first."""
        with self._frame.database.reading() as session:
            lines, further = watch_list(session, after, among)
            unconfirmed = () if after or among.narrows else tentative_list(session, hit=True)
        return self._frame.show(
            request, "watching.html", lines=lines, further=further, after=after, unconfirmed=unconfirmed, among=among,
            asked=asked(among),
        )  # fmt: skip

    def watched_file(self, among: Narrowed) -> Response:
        """Return what is watched as a table."""
        return list_file(
            self._frame.database, "watched", COLUMNS, _watched_row,
            lambda session, after: watch_list(session, after, among), "",
        )  # fmt: skip


def _row(case: CaseLine) -> tuple[object, ...]:
    return (
        case.id, case.state, case.outcome, case.answer.headline, case.slug, case.opened_at, case.last_hit_at,
        round(case.answer.leak, 3), case.vendors, case.campaigns, case.hits,
    )  # fmt: skip


def _watched_row(line: WatchLine) -> tuple[object, ...]:
    return _row(line.case)
