"""Campaigns: one row for each sending, found by its keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from canary.model.case import Sending
from canary.store.tables import CampaignKeyRow, CampaignRow


def join_campaign(session: Session, sending: Sending, subject: str, at: datetime) -> CampaignRow:
    """Return the campaign that shares a key with this mail, or a new one; the mail counts as one more of it."""
    return join_campaigns(session, [(sending, subject, at)])[0]


def join_campaigns(session: Session, mails: Sequence[tuple[Sending, str, datetime]]) -> list[CampaignRow]:
    """Return the campaign of each mail, given by its keys, its subject and when it came, in that order."""
    keys = {key for sending, _, _ in mails for key in (sending.text, sending.call) if key}
    known = {
        row.key: row.campaign_id
        for row in session.exec(select(CampaignKeyRow).where(col(CampaignKeyRow.key).in_(keys)))
    }
    rows = session.exec(select(CampaignRow).where(col(CampaignRow.id).in_(set(known.values())))).all()
    by_id = {row.id: row for row in rows}
    led = {key: by_id[number] for key, number in known.items()}
    joined = [_join(session, led, *mail) for mail in mails]
    session.flush()
    session.add_all(CampaignKeyRow(key=k, campaign_id=row.id or 0) for k, row in led.items() if k not in known)
    return joined


def _join(session: Session, led: dict[str, CampaignRow], sending: Sending, subject: str, at: datetime) -> CampaignRow:
    """Find the campaign to which a key leads, the oldest if they differ; what it has no key for leads to it from now."""
    keys = [key for key in (sending.text, sending.call) if key]
    found = [led[key] for key in keys if key in led]
    campaign = min(found, key=lambda row: (row.id is None, row.id or 0)) if found else None
    if campaign is None:
        campaign = CampaignRow(subject=subject[:300], first_at=at, last_at=at)
        session.add(campaign)
    campaign.first_at, campaign.last_at = min(campaign.first_at, at), max(campaign.last_at, at)
    campaign.mails += 1
    for key in keys:
        led.setdefault(key, campaign)
    return campaign
