"""Campaigns: one row for each sending, found by its keys."""

from datetime import datetime

from sqlmodel import Session, col, select

from canary.model.case import Sending
from canary.store.tables import CampaignKeyRow, CampaignRow


def join_campaign(session: Session, sending: Sending, subject: str, at: datetime) -> CampaignRow:
    """Return the campaign that shares a key with this mail, or a new one; the mail counts as one more of it."""
    keys = [key for key in (sending.text, sending.call) if key]
    known = {
        row.key: row.campaign_id
        for row in session.exec(select(CampaignKeyRow).where(col(CampaignKeyRow.key).in_(keys)))
    }
    campaign = session.get(CampaignRow, min(known.values())) if known else None
    if campaign is None:
        campaign = CampaignRow(subject=subject[:300], first_at=at, last_at=at)
        session.add(campaign)
        session.flush()
    campaign.first_at, campaign.last_at = min(campaign.first_at, at), max(campaign.last_at, at)
    campaign.mails += 1
    for key in keys:
        if key not in known:
            session.add(CampaignKeyRow(key=key, campaign_id=campaign.id or 0))
    session.flush()
    return campaign
