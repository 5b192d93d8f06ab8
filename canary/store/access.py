"""Who may look: the tables of users and of what lets them in."""

from datetime import datetime

from sqlmodel import Field

from canary.store.rows import Row, Time


class UserRow(Row, table=True):
    """Somebody who may look; the password is kept as an argon2id hash."""

    __tablename__ = "user_account"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    password: str = ""
    role: str = "viewer"
    created_at: datetime = Field(sa_type=Time)


class TokenRow(Row, table=True):
    """A session, a one-time login or an API token; only the SHA-256 of the secret is kept."""

    __tablename__ = "token"
    hash: str = Field(primary_key=True)
    kind: str = Field(index=True)
    user_id: int = Field(foreign_key="user_account.id", index=True)
    name: str = ""
    scope: str = ""
    created_at: datetime = Field(sa_type=Time)
    expires_at: datetime = Field(sa_type=Time)
    revoked_at: datetime | None = Field(default=None, sa_type=Time)
