"""What an administrator entered in the browser, beside the settings file."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class EnteredRow(Row, table=True):
    """The values of one section of settings, or of one entry of it by name; `sealed` has the secret ones."""

    __tablename__ = "entered"
    section: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    plain: dict[str, Any] = Field(sa_type=JSON)
    sealed: str = ""
    who: str = ""
    at: datetime = Field(sa_type=Time)
