"""Campaigns over the API: which mails are one sending, and why."""

from datetime import datetime

from pydantic import BaseModel

from canary.views.campaign_pages import CampaignLine, campaign_list, campaign_page
from canary.web.api.schema import LIMIT, Cursor, Limit, ListPage, Number, call, counted_by
from canary.web.api.schema import cursor as cursor_of
from canary.web.rendering import PageContext, or_404
from canary.web.routes import Role, WebRoute


class CampaignOut(BaseModel):
    """A campaign: how many mails at how many canaries, of which vendors, in which cases."""

    id: int
    subject: str
    first: datetime
    last: datetime
    mails: int
    canaries: int
    vendors: list[str]
    cases: list[int]


class SharedOut(BaseModel):
    """What mails of a campaign share, and how many do."""

    kind: str
    value: str
    mails: int


class CampaignWhole(CampaignOut):
    """A campaign with what its mails share, read from the newest `read` of them."""

    shared: list[SharedOut]
    read: int


class CampaignsApi:
    """The calls about campaigns."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/campaigns", Role.VIEWER, self.campaigns),
            call("GET", "/campaigns/{campaign_id}", Role.VIEWER, self.campaign),
        )

    def campaigns(self, cursor: Cursor = None, limit: Limit = LIMIT) -> ListPage[CampaignOut]:
        """List campaigns, newest first."""
        with self._frame.database.reading() as session:
            lines, further = campaign_list(session, counted_by(cursor), limit)
        return ListPage(items=[_show(line) for line in lines], next=cursor_of(further) if further else None)

    def campaign(self, campaign_id: Number) -> CampaignWhole:
        """Return one campaign, by its number or that of one that became part of it."""
        with self._frame.database.reading() as session:
            found = or_404(campaign_page(session, campaign_id))
        shared = [SharedOut(kind=kind, value=value, mails=count) for kind, value, count in found.shared]
        return CampaignWhole(**_show(found.line).model_dump(), shared=shared, read=found.read)


def _show(line: CampaignLine) -> CampaignOut:
    return CampaignOut(
        id=line.id, subject=line.subject, first=line.first_at, last=line.last_at, mails=line.mails,
        canaries=line.canaries, vendors=[slug for slug, _ in line.vendors], cases=list(line.cases),
    )  # fmt: skip
