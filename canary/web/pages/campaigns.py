"""Which mails are one sending, and why?"""

from fastapi import Request, Response

from canary.store.campaign_pages import campaign_list, campaign_page
from canary.web.frame import Frame, Id, Key, known
from canary.web.route import Role, Route


class Campaigns:
    """The list of campaigns, and a page for each."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (
            Route("GET", "/campaigns", Role.VIEWER, self.campaigns),
            Route("GET", "/campaigns/{campaign_id}", Role.VIEWER, self.campaign),
        )

    def campaigns(self, request: Request, before: Key = None) -> Response:
        """Show campaigns, the newest first."""
        with self._frame.database.reading() as session:
            lines, further = campaign_list(session, before)
        return self._frame.show(request, "campaigns.html", lines=lines, further=further)

    def campaign(self, request: Request, campaign_id: Id, before: Key = None) -> Response:
        """Show what the mails of one campaign share."""
        with self._frame.database.reading() as session:
            found = known(campaign_page(session, campaign_id, before))
        return self._frame.show(request, "campaign.html", page=found, before=before)
