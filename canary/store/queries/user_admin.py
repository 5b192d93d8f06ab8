"""Administration of users: their roles, sessions and tokens, and ending any of these."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, update
from sqlmodel import Session, col, select

from canary.store.locks import Lock, lock
from canary.store.queries.users import SCOPES, Label, add_user, hashed, known_role, new_token
from canary.store.queries.vendors import Unknown
from canary.store.tables import TokenRow, UserRow

RESET = timedelta(days=1)
LONGEST_TOKEN = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class UserLine:
    """One user; `last_at` is when a valid session or token was last used."""

    id: int
    name: str
    role: str
    created_at: datetime
    last_at: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Pass:
    """One valid session or API token; `id` is the hash of its secret."""

    id: str
    kind: str
    name: str
    scope: str
    created_at: datetime
    expires_at: datetime
    last_at: datetime | None
    client: str
    agent: str


def members(session: Session, now: datetime) -> list[UserLine]:
    """Return all users by name."""
    alive = (col(TokenRow.user_id) == UserRow.id) & (TokenRow.kind == "session") & _living(now)
    query = (
        select(UserRow, func.max(TokenRow.last_at), func.count(col(TokenRow.hash)))
        .outerjoin(TokenRow, alive)
        .group_by(*UserRow.__table__.c)  # type: ignore[attr-defined]
        .order_by(col(UserRow.name))
    )
    return [UserLine(u.id or 0, u.name, u.role, u.created_at, last, n) for u, last, n in session.exec(query)]


def member(session: Session, number: int) -> UserRow:
    """Return one user; raises Unknown."""
    row = session.get(UserRow, number)
    if row is None:
        raise Unknown(f"user {number}: there is none with this number")
    return row


def invite(session: Session, name: str, role: str, now: datetime) -> tuple[UserRow, str]:
    """Add a user without a known password; return it with the secret of a link to choose one."""
    row = add_user(session, name, secrets.token_urlsafe(32), role, now)
    return row, reset_link(session, row.id or 0, now)


def reset_link(session: Session, number: int, now: datetime) -> str:
    """Return the secret of a one-time link with which a user chooses a password; older links end."""
    member(session, number)
    end(session, number, now, kinds=("reset",))
    return new_token(session, number, "reset", RESET, now)


def set_password(session: Session, number: int, password: str, now: datetime, keep: str = "") -> None:
    """Change a password; every session and one-time link of the user ends, except the session to keep."""
    row = member(session, number)
    row.password = hashed(row.name, password)
    end(session, number, now, kinds=("session", "login", "reset"), keep=keep)


def set_role(session: Session, number: int, role: str, now: datetime) -> str:
    """Change what a user may do and return what it was; sessions end, so that no page of the old role stays open."""
    lock(session, Lock.USERS)
    row, before = member(session, number), member(session, number).role
    if known_role(role) != "admin":
        _leave_an_admin(session, row)
    row.role = role
    session.flush()
    if role != before:
        end(session, number, now, kinds=("session", "login"))
    return before


def remove(session: Session, number: int) -> str:
    """Remove a user with all its tokens; return its name. Raises ValueError for the last admin."""
    lock(session, Lock.USERS)
    row = member(session, number)
    _leave_an_admin(session, row)
    session.execute(delete(TokenRow).where(col(TokenRow.user_id) == number))
    session.delete(row)
    session.flush()
    return row.name


def passes(session: Session, number: int, now: datetime, kind: str) -> list[Pass]:
    """Return the valid sessions or API tokens of a user, newest first."""
    query = select(TokenRow).where(TokenRow.user_id == number, TokenRow.kind == kind, _living(now))
    return [
        Pass(t.hash, t.kind, t.name, t.scope, t.created_at, t.expires_at, t.last_at, t.client, t.agent)
        for t in session.exec(query.order_by(col(TokenRow.created_at).desc(), col(TokenRow.hash)))
    ]


def end(
    session: Session,
    number: int,
    now: datetime,
    *,
    kinds: Collection[str] = ("session",),
    only: str = "",
    keep: str = "",
) -> int:
    """End a user's valid tokens of some kinds: all, one, or all but one; return how many ended."""
    mine = update(TokenRow).where(col(TokenRow.user_id) == number, col(TokenRow.kind).in_(kinds), _living(now))
    mine = mine.where(col(TokenRow.hash) == only) if only else mine.where(col(TokenRow.hash) != keep)
    return session.connection().execute(mine.values(revoked_at=now)).rowcount


def grant(session: Session, number: int, name: str, scope: str, days: int, now: datetime) -> str:
    """Return the secret of a new API token; raises ValueError for an impossible scope, name or lifetime."""
    if scope not in SCOPES:
        raise ValueError(f"scope {scope[:64]!r} is not known: choose one of {', '.join(SCOPES)}")
    if not 1 <= len(name.strip()) <= 64:
        raise ValueError(f"token name {name[:64]!r}: give it 1 to 64 characters, so that you recognise it")
    if not 1 <= days <= LONGEST_TOKEN.days:
        raise ValueError(f"lifetime of {str(days)[:20]} days: choose 1 to {LONGEST_TOKEN.days}")
    return new_token(session, number, "api", timedelta(days=days), now, Label(name.strip(), scope))


def _living(now: datetime) -> ColumnElement[bool]:
    return col(TokenRow.revoked_at).is_(None) & (col(TokenRow.expires_at) > now)


def _leave_an_admin(session: Session, leaving: UserRow) -> None:
    others = select(func.count()).where(UserRow.role == "admin", UserRow.id != leaving.id)
    if leaving.role == "admin" and not session.exec(others).one():
        raise ValueError(f"user {leaving.name!r} is the last admin: make somebody else an admin first")
