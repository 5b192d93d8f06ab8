"""Campaigns: mails find their sending here, one mail at a time, at a cost that does not grow with what is kept.

A mail is one with every mail whose text is alike or that shares a pair of strong features, and so are those with each
other: campaigns are the connected parts, whatever the order in which mails arrive. A merge keeps the oldest number.

Ties. A band leads to at most `FULL` texts, the first that came; a mail is compared with at most `COMPARED` texts, those
that share most bands with it. So the order of arrival can matter only among more than `FULL` texts that are alike in
part. It matters too where a person has set two campaigns apart and a mail belongs to both: it joins the nearer.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, or_, select

from canary.attribute.campaigns import belongs, pairs
from canary.attribute.likeness import ALIKE, likeness
from canary.model.campaign import Feature, Link, Sending, Sketch, plain_features
from canary.store.tables import (
    CampaignBandRow,
    CampaignKeyRow,
    CampaignMailRow,
    CampaignRow,
    CampaignTextRow,
    CampaignVerdictRow,
    MailRow,
)

FULL = 32
COMPARED = 256


def join_campaign(session: Session, mail: MailRow, sending: Sending) -> CampaignRow:
    """Let a mail join the campaign it belongs to, or begin one; campaigns that it shows to be one are merged."""
    keys = dict(pairs(sending.features))
    known = _known_keys(session, keys)
    links, open_bands = _alike(session, sending.sketch)
    for number, shared in _by_campaign(known, keys).items():
        links[number] = Link(links.get(number, Link()).likeness, shared)
    campaign = _one(session, belongs(links, set_apart(session, links)), mail)
    _count(campaign, mail.received_at, mail.subject)
    mail.campaign_id = campaign.id
    session.add(CampaignMailRow(
        mail_id=mail.id or 0, digest=sending.sketch.digest if sending.sketch else None,
        features=plain_features(sending.features),
        links=[{"campaign": number, "by": link.plain()} for number, link in sorted(links.items())],
    ))  # fmt: skip
    session.flush()
    _learn(session, campaign.id or 0, [key for key in keys if key not in known], sending.sketch, open_bands)
    return campaign


def campaign_row(session: Session, number: int) -> CampaignRow | None:
    """Return a campaign, by its own number or that of one that became part of it; None for an unknown number."""
    row = session.get(CampaignRow, number)
    return session.get(CampaignRow, row.merged_into) if row and row.merged_into else row


def merge_campaigns(session: Session, oldest: int, others: Collection[int]) -> CampaignRow:
    """Make campaigns one under the oldest number: mails are moved, keys and texts find it through the old numbers."""
    campaign = session.get_one(CampaignRow, oldest)
    for row in session.exec(select(CampaignRow).where(col(CampaignRow.id).in_(others))).all():
        if row.first_at < campaign.first_at:
            campaign.subject = row.subject
        campaign.first_at, campaign.last_at = min(campaign.first_at, row.first_at), max(campaign.last_at, row.last_at)
        campaign.mails, row.mails = campaign.mails + row.mails, 0
    session.flush()
    moved = update(CampaignRow).where(or_(col(CampaignRow.id).in_(others), col(CampaignRow.merged_into).in_(others)))
    session.execute(moved.values(merged_into=oldest))
    session.execute(update(MailRow).where(col(MailRow.campaign_id).in_(others)).values(campaign_id=oldest))
    return campaign


def set_apart(session: Session, campaigns: Collection[int]) -> set[frozenset[int]]:
    """Return which of some campaigns a person has said not to be one, two by two."""
    if len(campaigns) < 2:
        return set()
    query = select(CampaignVerdictRow).where(col(CampaignVerdictRow.one).is_(False))
    said = session.exec(query.where(col(CampaignVerdictRow.lifted_at).is_(None))).all()
    now = _now_part_of(session, {number for row in said for number in (row.campaign_id, row.other_id)})
    found = {frozenset((now[row.campaign_id], now[row.other_id])) for row in said}
    return {pair for pair in found if pair <= set(campaigns)}


def _now_part_of(session: Session, numbers: Collection[int]) -> dict[int, int]:
    root = func.coalesce(CampaignRow.merged_into, CampaignRow.id)
    found = session.exec(select(col(CampaignRow.id), root).where(col(CampaignRow.id).in_(numbers))).all()
    return {number: now for number, now in found if number is not None}


def _known_keys(session: Session, keys: Collection[int]) -> dict[int, int | None]:
    if not keys:
        return {}
    root = func.coalesce(CampaignRow.merged_into, CampaignRow.id)
    query = select(col(CampaignKeyRow.key), root).outerjoin(CampaignRow)
    return dict(session.exec(query.where(col(CampaignKeyRow.key).in_(keys))).all())


def _by_campaign(
    known: Mapping[int, int | None], keys: Mapping[int, tuple[Feature, Feature]]
) -> dict[int, tuple[Feature, ...]]:
    """Group the features that a mail shares with campaigns, each once."""
    shared: dict[int, dict[Feature, None]] = {}
    for key, campaign in known.items():
        if campaign is not None:
            shared.setdefault(campaign, {}).update(dict.fromkeys(keys[key]))
    return {campaign: tuple(sorted(found, key=lambda f: (f.kind, f.value))) for campaign, found in shared.items()}


def _alike(session: Session, sketch: Sketch | None) -> tuple[dict[int, Link], list[int] | None]:
    """Find campaigns with a text that is alike, and the bands that take another text (None: the text is known)."""
    if sketch is None:
        return {}, None
    same = _texts(session, [sketch.digest])
    if same:
        return {campaign: Link(1.0) for campaign, _ in same if campaign is not None}, None
    met = session.exec(
        select(CampaignBandRow.band, CampaignBandRow.digest).where(col(CampaignBandRow.band).in_(sketch.bands))
    ).all()
    full = {band for band, count in Counter(band for band, _ in met).items() if count >= FULL}
    shared = Counter(digest for _, digest in met)
    nearest = sorted(shared, key=lambda digest: (-shared[digest], digest))[:COMPARED]
    texts = _texts(session, nearest)
    links: dict[int, Link] = {}
    for (campaign, _), near in zip(texts, likeness(sketch.signature, [s for _, s in texts]), strict=True):
        if campaign is not None and near >= ALIKE and near > links.get(campaign, Link()).likeness:
            links[campaign] = Link(near)
    return links, [band for band in sketch.bands if band not in full]


def _texts(session: Session, digests: Collection[int]) -> list[tuple[int | None, bytes]]:
    if not digests:
        return []
    root = func.coalesce(CampaignRow.merged_into, CampaignRow.id)
    query = select(root, CampaignTextRow.signature).select_from(CampaignTextRow).outerjoin(CampaignRow)
    return list(session.exec(query.where(col(CampaignTextRow.digest).in_(digests))).all())


def _one(session: Session, numbers: list[int], mail: MailRow) -> CampaignRow:
    if not numbers:
        campaign = CampaignRow(subject=mail.subject[:300], first_at=mail.received_at, last_at=mail.received_at)
        session.add(campaign)
        session.flush()
        return campaign
    return (
        merge_campaigns(session, numbers[0], numbers[1:]) if numbers[1:] else session.get_one(CampaignRow, numbers[0])
    )


def _count(campaign: CampaignRow, at: datetime, subject: str) -> None:
    if at < campaign.first_at:
        campaign.subject = subject[:300]
    campaign.first_at, campaign.last_at = min(campaign.first_at, at), max(campaign.last_at, at)
    campaign.mails += 1


def _learn(
    session: Session, campaign: int, keys: Collection[int], sketch: Sketch | None, open_bands: Collection[int] | None
) -> None:
    if keys:
        session.execute(insert(CampaignKeyRow), [{"key": key, "campaign_id": campaign} for key in keys])
    if sketch is not None and open_bands is not None:
        text = {"digest": sketch.digest, "signature": sketch.signature, "campaign_id": campaign}
        session.execute(insert(CampaignTextRow), [text])
        # Two bands of one text hardly ever have the same number; a row for each is all there is room for.
        rows = [{"band": band, "digest": sketch.digest} for band in dict.fromkeys(open_bands)]
        if rows:
            session.execute(insert(CampaignBandRow), rows)
