"""Users, their tokens, and what they did; leases between processes."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from canary.store.tables.base import Row, Time


class UserRow(Row, table=True):
    """A user; the password is stored as an argon2id hash."""

    __tablename__ = "user_account"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    password: str = ""
    role: str = "viewer"
    created_at: datetime = Field(sa_type=Time)


class TokenRow(Row, table=True):
    """A session, a one-time link or an API token; only the SHA-256 of the secret is stored.

    `scope` is the most that an API token may do, as a role; `client` and `agent` are where it was last used from.
    """

    __tablename__ = "token"
    hash: str = Field(primary_key=True)
    kind: str = Field(index=True)
    user_id: int = Field(foreign_key="user_account.id", index=True)
    name: str = ""
    scope: str = ""
    created_at: datetime = Field(sa_type=Time)
    expires_at: datetime = Field(sa_type=Time)
    revoked_at: datetime | None = Field(default=None, sa_type=Time)
    last_at: datetime | None = Field(default=None, sa_type=Time)
    client: str = ""
    agent: str = ""


class LoginAttemptRow(Row, table=True):
    """One failed login attempt, under the digest of what it is counted by."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index("ix_login_attempt_key_at", "key", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str
    at: datetime = Field(sa_type=Time, index=True)


class AuditRow(Row, table=True):
    """What somebody decided: who, when, from where, what about, and what it changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_who", "who", "id"), Index("ix_audit_action", "action", "id"))
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Time, index=True)
    who: str
    action: str
    subject: str
    text: str = ""
    client: str = ""


class LeaseRow(Row, table=True):
    """Which process holds what only one may do at a time."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    until: datetime = Field(sa_type=Time)
