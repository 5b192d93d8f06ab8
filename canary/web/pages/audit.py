"""Who changed what, when and from where?"""

from typing import Annotated

from fastapi import Query, Request, Response
from sqlmodel import Session

from canary.store.queries.audit import audited
from canary.store.tables import AuditRow
from canary.views.list_filter import ListFilter
from canary.web.csv_file import csv_file
from canary.web.list_forms import NarrowedByDays, asked
from canary.web.rendering import Key, PageContext
from canary.web.routes import Role, WebRoute

PAGE = 100
MOST = 100_000
COLUMNS = ("at", "who", "from", "action", "subject", "text")

Word = Annotated[str, Query(max_length=100)]


class Audit:
    """Every change, the newest first."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/audit", Role.ADMIN, self.audit),
            WebRoute("GET", "/audit.csv", Role.ADMIN, self.file),
        )

    def audit(
        self, request: Request, among: NarrowedByDays, before: Key = None, who: Word = "", action: Word = ""
    ) -> Response:
        """Show what was changed, filtered by user, action or days."""
        with self._frame.database.reading() as session:
            found = self._read(session, PAGE + 1, among, who, action, before)
        older = found[PAGE - 1].id if len(found) > PAGE else None
        return self._frame.show(
            request, "audit.html", lines=found[:PAGE], older=older, among=among,
            asked=asked(among, who=who.strip(), action=action.strip()),
        )  # fmt: skip

    def file(self, among: NarrowedByDays, who: Word = "", action: Word = "") -> Response:
        """Return the same as a table."""
        with self._frame.database.reading() as session:
            found = self._read(session, MOST, among, who, action)
        rows = ((r.at, r.who, r.client, r.action, r.subject, r.text) for r in found)
        return csv_file("audit", COLUMNS, rows)

    @staticmethod
    def _read(
        session: Session, most: int, among: ListFilter, who: str, action: str, before: int | None = None
    ) -> list[AuditRow]:
        return audited(
            session, most, before=before, who=who.strip(), action=action.strip(), only=among.within(AuditRow.at)
        )
