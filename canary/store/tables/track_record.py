"""What was seen of senders at the addresses of all vendors: bounded, and only ever used for mail that comes later."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from canary.store.tables.base import CanaryKey, Row, Time

_PLAIN: dict[str, Any] = {"sqlite_with_rowid": False}


class FirstWriterRow(Row, table=True):
    """Who wrote first to an address, on the day it was given; a row an address at the most."""

    __tablename__ = "first_writer"
    canary_id: int = Field(primary_key=True, foreign_key="canary.id", sa_type=CanaryKey)
    key: str
    at: datetime = Field(sa_type=Time)


class LinkedDomainRow(Row, table=True):
    """A domain that a vendor's own proven mail leads to; so many a vendor at the most (`MOST_LINKED`)."""

    __tablename__ = "linked_domain"
    __table_args__ = (_PLAIN,)
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id")
    domain: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Time)


class SignedMailRow(Row, table=True):
    """That a domain signed mail at a vendor's address; `id` rises, and the oldest rows go when there are too many."""

    __tablename__ = "signed_mail"
    __table_args__ = (UniqueConstraint("signer", "vendor_id", "use"), Index("ix_signed_mail_vendor", "vendor_id"))
    id: int | None = Field(default=None, primary_key=True)
    signer: str
    vendor_id: int = Field(foreign_key="vendor.id")
    use: str
    organisation: str
    since: datetime = Field(sa_type=Time)
