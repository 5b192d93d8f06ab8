"""Campaigns: what mails have in common, and what people decided about them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, LargeBinary
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class CampaignRow(Row, table=True):
    """Mails that are one sending; one that was found to be part of an older one stays as a reference, for its number."""

    __tablename__ = "campaign"
    id: int | None = Field(default=None, primary_key=True)
    subject: str = ""
    first_at: datetime = Field(sa_type=Time)
    last_at: datetime = Field(sa_type=Time)
    mails: int = 0
    merged_into: int | None = Field(default=None, index=True)


class CampaignKeyRow(Row, table=True):
    """A pair of features that leads to a campaign; to none after a person has split campaigns that share it."""

    __tablename__ = "campaign_key"
    key: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")


class CampaignTextRow(Row, table=True):
    """A normalised text that was seen, by its digest; it leads to a campaign as a key does."""

    __tablename__ = "campaign_text"
    digest: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")


class CampaignBandRow(Row, table=True):
    """A part of a signature by which similar texts are found; few texts are kept for each."""

    __tablename__ = "campaign_band"
    __table_args__: ClassVar[dict[str, bool]] = {"sqlite_with_rowid": False}
    band: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    digest: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


class CampaignMailRow(Row, table=True):
    """What one mail shows of its sending, and why it joined: campaign by campaign, as each was numbered then."""

    __tablename__ = "campaign_mail"
    mail_id: int = Field(primary_key=True, foreign_key="mail.id")
    digest: int | None = Field(default=None, sa_type=BigInteger)
    features: list[dict[str, Any]] = Field(default=[], sa_type=JSON)
    links: list[dict[str, Any]] = Field(default=[], sa_type=JSON)


class CampaignDecisionRow(Row, table=True):
    """A person's decision that two campaigns are one, or are not; `mails` moved, from `lifted_at` on it is void."""

    __tablename__ = "campaign_decision"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Time)
    who: str
    one: bool
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    other_id: int = Field(foreign_key="campaign.id", index=True)
    mails: list[int] = Field(default=[], sa_type=JSON)
    note: str = ""
    lifted_at: datetime | None = Field(default=None, sa_type=Time)
