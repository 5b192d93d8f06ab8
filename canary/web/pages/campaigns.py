"""Which mails are one sending, and why?"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases.campaign_decisions import merge, split
from canary.model.decision import Decision
from canary.store.queries.vendors import Unknown
from canary.store.tables import CampaignRow
from canary.views.campaign_pages import PAGE, CampaignLine, campaign_list, campaign_page
from canary.web.list_forms import Narrowed, asked, list_file
from canary.web.rendering import Field, Id, Key, PageContext
from canary.web.routes import Role, WebRoute

COLUMNS = ("campaign", "subject", "mails", "canaries", "vendors", "cases", "first", "last")
_NEWEST: int | None = None
Mails = Annotated[list[int], Form(max_length=PAGE)]


class CampaignsPage:
    """The list of campaigns, and a page for each."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/campaigns", Role.VIEWER, self.campaigns),
            WebRoute("GET", "/campaigns.csv", Role.VIEWER, self.file),
            WebRoute("GET", "/campaigns/{campaign_id}", Role.VIEWER, self.campaign),
            WebRoute("POST", "/campaigns/{campaign_id}/merge", Role.ANALYST, self.merge),
            WebRoute("POST", "/campaigns/{campaign_id}/split", Role.ANALYST, self.split),
        )

    def campaigns(self, request: Request, among: Narrowed, before: Key = None) -> Response:
        """Show campaigns, the newest first."""
        with self._frame.database.reading() as session:
            lines, further = campaign_list(session, before, among=among)
        return self._frame.show(
            request, "campaigns.html", lines=lines, further=further, before=before, among=among, asked=asked(among)
        )

    def file(self, among: Narrowed) -> Response:
        """Return the same as a table."""
        return list_file(
            self._frame.database, "campaigns", COLUMNS, _row,
            lambda session, before: campaign_list(session, before, among=among), _NEWEST,
        )  # fmt: skip

    def campaign(self, request: Request, campaign_id: Id, before: Key = None) -> Response:
        """Show what the mails of one campaign share."""
        return self._page(request, campaign_id, before)

    def merge(self, request: Request, campaign_id: Id, other: Annotated[int, Form(ge=1, le=2**31 - 1)]) -> Response:
        """Merge two campaigns; later mails respect it."""
        return self._said(request, campaign_id, "campaign-merged", lambda s, word: merge(s, (campaign_id, other), word))

    def split(self, request: Request, campaign_id: Id, mails: Mails, note: Field = "") -> Response:
        """Make the marked mails a separate campaign; later mails respect it."""
        return self._said(
            request, campaign_id, "campaign-split", lambda s, word: split(s, campaign_id, mails, word), note
        )

    def _said(
        self,
        request: Request,
        campaign: int,
        action: str,
        say: Callable[[Session, Decision], CampaignRow],
        note: str = "",
    ) -> Response:
        word = Decision(request.state.user.name, self._frame.clock(), note)
        try:
            with self._frame.writing(request) as session:
                shown = say(session, word).id
                self._frame.audit(session, request, action, f"campaign {campaign}", f"now campaign {shown}")
        except (Unknown, ValueError) as fault:
            return self._page(request, campaign, None, str(fault))
        return RedirectResponse(f"/campaigns/{shown}", 303)

    def _page(self, request: Request, campaign: int, before: int | None, fault: str = "") -> Response:
        with self._frame.database.reading() as session:
            found = campaign_page(session, campaign, before)
        if found is None:
            raise HTTPException(404)
        status = 400 if fault else 200
        return self._frame.show(request, "campaign.html", status, page=found, before=before, fault=fault)


def _row(line: CampaignLine) -> tuple[object, ...]:
    vendors, cases = (" ".join(each) for each in ((slug for slug, _ in line.vendors), map(str, line.cases)))
    return line.id, line.subject, line.mails, line.canaries, vendors, cases, line.first_at, line.last_at
