"""Campaigns: each mail joins its sending, at a cost that does not grow with what is stored.

A mail belongs with every mail whose text is similar or that shares a pair of strong features: campaigns are the
connected components, whatever the order in which mails arrive. A merge keeps the oldest number.

Ties. A band leads to at most `FULL` texts, the first that came; a mail is compared with at most `COMPARED` texts, those
that share most bands with it. So the order of arrival can matter only among more than `FULL` texts that are partly
similar. It also matters where a person has set two campaigns apart and a mail belongs to both: it joins the more
similar.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session

from canary.attribute.campaigns.link import belongs, pairs
from canary.attribute.campaigns.minhash import ALIKE, likeness
from canary.model.campaign import CampaignLink, CampaignSending, Feature, Sketch, plain_features
from canary.store.campaign_hits import merge_strikes
from canary.store.tables import CampaignRow, MailRow
from canary.store.tables.base import metadata

FULL = 32
COMPARED = 256

# Statements without mapped rows, built once: they run for every mail, and building them took most of the time.
_CAMPAIGN, _MAIL, _SHOWN = (metadata.tables[name] for name in ("campaign", "mail", "campaign_mail"))
_KEY, _TEXT, _BAND = (metadata.tables[name] for name in ("campaign_key", "campaign_text", "campaign_band"))
_VERDICT = metadata.tables["campaign_decision"]
_NUMBERS: BindParameter[int] = bindparam("numbers", expanding=True)
_ROOT = func.coalesce(_CAMPAIGN.c.merged_into, _CAMPAIGN.c.id)
_KEYS = select(_KEY.c.key, _ROOT).outerjoin_from(_KEY, _CAMPAIGN).where(_KEY.c.key.in_(_NUMBERS))
_TEXTS = select(_ROOT, _TEXT.c.signature).outerjoin_from(_TEXT, _CAMPAIGN).where(_TEXT.c.digest.in_(_NUMBERS))
_BANDS = select(_BAND.c.band, _BAND.c.digest).where(_BAND.c.band.in_(_NUMBERS))
_ROOTS = select(_CAMPAIGN.c.id, _ROOT).where(_CAMPAIGN.c.id.in_(_NUMBERS))
_APART = select(_VERDICT.c.campaign_id, _VERDICT.c.other_id).where(
    _VERDICT.c.one.is_(False), _VERDICT.c.lifted_at.is_(None)
)
_FIRST, _LAST = (bindparam(name, type_=_CAMPAIGN.c.first_at.type) for name in ("first", "last"))
_COUNT = (
    update(_CAMPAIGN)
    .where(_CAMPAIGN.c.id == bindparam("number"))
    .values(
        mails=_CAMPAIGN.c.mails + bindparam("more"),
        subject=case((_CAMPAIGN.c.first_at > _FIRST, bindparam("said")), else_=_CAMPAIGN.c.subject),
        first_at=case((_CAMPAIGN.c.first_at > _FIRST, _FIRST), else_=_CAMPAIGN.c.first_at),
        last_at=case((_CAMPAIGN.c.last_at < _LAST, _LAST), else_=_CAMPAIGN.c.last_at),
    )
)
_SET = update(_MAIL).where(_MAIL.c.id == bindparam("number")).values(campaign_id=bindparam("campaign"))


@dataclass(frozen=True, slots=True)
class MailSent:
    """A kept mail as far as its campaign counts it."""

    id: int
    at: datetime
    subject: str


def _ignore(_: int, __: Collection[int]) -> None:
    return None


class CampaignBatch:
    """Kept mails on their way into campaigns, one after the other; counts and links are written together.

    `campaigns` has the campaign of each mail. `merged` is called with the number that remains and those that became
    part of it.
    """

    def __init__(self, session: Session, merged: Callable[[int, Collection[int]], None] = _ignore) -> None:
        """Begin without a mail."""
        self.campaigns: dict[int, int] = {}
        self._session, self._connection, self._merged = session, session.connection(), merged
        self._counts: dict[int, dict[str, Any]] = {}
        self._shown: list[dict[str, Any]] = []

    def join(self, mail: MailSent, sending: CampaignSending) -> int:
        """Let a mail join the campaign it belongs to, or begin one; campaigns that it shows to be one are merged."""
        keys = dict(pairs(sending.features))
        known = _known_keys(self._connection, keys)
        links, open_bands = _alike(self._connection, sending.sketch)
        for number, shared in _by_campaign(known, keys).items():
            links[number] = CampaignLink(links.get(number, CampaignLink()).likeness, shared)
        numbers = belongs(links, set_apart(self._session, links))
        if numbers[1:]:
            self._merge(numbers[0], numbers[1:])
        campaign = numbers[0] if numbers else _begin(self._connection, mail)
        self._count(campaign, mail)
        self._shown.append({
            "mail_id": mail.id, "digest": sending.sketch.digest if sending.sketch else None,
            "features": plain_features(sending.features),
            "links": [{"campaign": number, "by": link.plain()} for number, link in sorted(links.items())],
        })  # fmt: skip
        if new := [key for key in keys if key not in known]:
            self._connection.execute(insert(_KEY), [{"key": key, "campaign_id": campaign} for key in new])
        if sending.sketch is not None and open_bands is not None:
            _learn(self._connection, campaign, sending.sketch, open_bands)
        return campaign

    def write(self) -> None:
        """Write of all mails which campaign they are in and by what."""
        if self._shown:
            self._write_counts()
            self._connection.execute(insert(_SHOWN), self._shown)
            members = [{"number": mail, "campaign": campaign} for mail, campaign in self.campaigns.items()]
            self._connection.execute(_SET, members)
            self._shown = []

    def _merge(self, oldest: int, others: Collection[int]) -> None:
        self._write_counts()
        merge_campaigns(self._session, oldest, others)
        for mail, campaign in self.campaigns.items():
            if campaign in others:
                self.campaigns[mail] = oldest
        self._merged(oldest, others)

    def _count(self, campaign: int, mail: MailSent) -> None:
        self.campaigns[mail.id] = campaign
        said = mail.subject[:300]
        sums = self._counts.setdefault(
            campaign, {"number": campaign, "more": 0, "first": mail.at, "last": mail.at, "said": said}
        )
        if mail.at < sums["first"]:
            sums["first"], sums["said"] = mail.at, said
        sums["more"], sums["last"] = sums["more"] + 1, max(sums["last"], mail.at)

    def _write_counts(self) -> None:
        if self._counts:
            self._connection.execute(_COUNT, [sums for _, sums in sorted(self._counts.items())])
            self._counts = {}


def campaign_row(session: Session, number: int) -> CampaignRow | None:
    """Return a campaign, by its own number or that of one that became part of it; None for an unknown number."""
    row = session.get(CampaignRow, number, populate_existing=True)
    return session.get(CampaignRow, row.merged_into, populate_existing=True) if row and row.merged_into else row


def merge_campaigns(session: Session, oldest: int, others: Collection[int]) -> None:
    """Make campaigns one under the oldest number: mails are moved, keys and texts find it through the old numbers."""
    session.flush()
    connection = session.connection()
    rows = connection.execute(select(_CAMPAIGN).where(_CAMPAIGN.c.id.in_((oldest, *others)))).all()
    whole: dict[str, Any] = {
        "subject": min(rows, key=lambda row: (row.first_at, row.id)).subject,
        "first_at": min(row.first_at for row in rows),
        "last_at": max(row.last_at for row in rows),
        "mails": sum(row.mails for row in rows),
    }
    parts = or_(_CAMPAIGN.c.id.in_(others), _CAMPAIGN.c.merged_into.in_(others))
    connection.execute(update(_CAMPAIGN).where(_CAMPAIGN.c.id == oldest).values(whole))
    connection.execute(update(_CAMPAIGN).where(parts).values(merged_into=oldest, mails=0))
    connection.execute(update(_MAIL).where(_MAIL.c.campaign_id.in_(others)).values(campaign_id=oldest))
    merge_strikes(session, oldest, others)
    for known in session.identity_map.values():
        if isinstance(known, MailRow) and known.campaign_id in others:
            set_committed_value(known, "campaign_id", oldest)


def set_apart(session: Session, campaigns: Collection[int]) -> set[frozenset[int]]:
    """Return which of some campaigns a person has said not to be one, two by two."""
    if len(campaigns) < 2:
        return set()
    said = session.connection().execute(_APART).all()
    numbers = {number for pair in said for number in pair}
    rows = session.connection().execute(_ROOTS, {"numbers": list(numbers)}).all()
    now = {row[0]: int(row[1]) for row in rows}
    found = {frozenset((now[one], now[other])) for one, other in said}
    return {pair for pair in found if pair <= set(campaigns)}


def _known_keys(connection: Connection, keys: Collection[int]) -> dict[int, int | None]:
    rows = connection.execute(_KEYS, {"numbers": list(keys)}).all() if keys else ()
    return {row[0]: row[1] for row in rows}


def _by_campaign(
    known: Mapping[int, int | None], keys: Mapping[int, tuple[Feature, Feature]]
) -> dict[int, tuple[Feature, ...]]:
    """Group the features that a mail shares with campaigns, each once."""
    shared: dict[int, dict[Feature, None]] = {}
    for key, campaign in known.items():
        if campaign is not None:
            shared.setdefault(campaign, {}).update(dict.fromkeys(keys[key]))
    return {campaign: tuple(sorted(found, key=lambda f: (f.kind, f.value))) for campaign, found in shared.items()}


def _alike(connection: Connection, sketch: Sketch | None) -> tuple[dict[int, CampaignLink], list[int] | None]:
    """Return campaigns with a similar text, and the bands that take another text (None: the text is known)."""
    if sketch is None:
        return {}, None
    same = _texts(connection, [sketch.digest])
    if same:
        return {campaign: CampaignLink(1.0) for campaign, _ in same if campaign is not None}, None
    met = connection.execute(_BANDS, {"numbers": sketch.bands}).all()
    full = {band for band, count in Counter(band for band, _ in met).items() if count >= FULL}
    shared = Counter(digest for _, digest in met)
    nearest = sorted(shared, key=lambda digest: (-shared[digest], digest))[:COMPARED]
    texts = _texts(connection, nearest)
    links: dict[int, CampaignLink] = {}
    for (campaign, _), near in zip(texts, likeness(sketch.signature, [s for _, s in texts]), strict=True):
        if campaign is not None and near >= ALIKE and near > links.get(campaign, CampaignLink()).likeness:
            links[campaign] = CampaignLink(near)
    return links, [band for band in dict.fromkeys(sketch.bands) if band not in full]


def _texts(connection: Connection, digests: Collection[int]) -> list[tuple[int | None, bytes]]:
    found = connection.execute(_TEXTS, {"numbers": list(digests)}) if digests else ()
    return [(campaign, bytes(signature)) for campaign, signature in found]


def _begin(connection: Connection, mail: MailSent) -> int:
    """Begin a campaign with a mail that is still to be counted; return its number."""
    row = {"subject": mail.subject[:300], "first_at": mail.at, "last_at": mail.at, "mails": 0}
    return int(connection.execute(insert(_CAMPAIGN).returning(_CAMPAIGN.c.id), row).scalar_one())


def _learn(connection: Connection, campaign: int, sketch: Sketch, open_bands: Collection[int]) -> None:
    text = {"digest": sketch.digest, "signature": sketch.signature, "campaign_id": campaign}
    connection.execute(insert(_TEXT), text)
    if open_bands:
        connection.execute(insert(_BAND), [{"band": band, "digest": sketch.digest} for band in open_bands])
