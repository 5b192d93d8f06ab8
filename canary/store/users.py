"""Users and their tokens: who may look, by password, by session, by one-time link."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from canary.store.access import TokenRow, UserRow

ROLES = ("viewer", "analyst", "admin")
KINDS = ("session", "login", "api")
SHORTEST = 10
LONGEST = 1000

# The second choice of RFC 9106 needs 64 MiB for each login; this is the floor OWASP names, so that a burst of
# logins cannot take the machine's memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$ZZHvKI5YOQHEJTE7pSGjSvhpzVYc5uFwnQNJ5N6nu0c"
"""A hash no password is known for; checking against it takes as long as checking a real one."""


def add_user(session: Session, name: str, password: str, role: str, now: datetime) -> UserRow:
    """Let somebody in from now on; raises ValueError for a name that is taken, a weak password or an unknown role."""
    name = _plain(name)
    if not 1 <= len(name) <= 64:
        raise ValueError(f"user name {name[:64]!r} has {len(name)} characters: choose one with 1 to 64")
    if role not in ROLES:
        raise ValueError(f"role {role!r} is not known: choose one of {', '.join(ROLES)}")
    if not SHORTEST <= len(password) <= LONGEST:
        length = len(password)
        raise ValueError(f"password of {name!r} has {length} characters: choose one with {SHORTEST} to {LONGEST}")
    if _named(session, name):
        raise ValueError(f"user {name!r} exists already: choose another name")
    row = UserRow(name=name, password=_HASHER.hash(password), role=role, created_at=now)
    session.add(row)
    session.flush()
    return row


def check_password(session: Session, name: str, password: str) -> UserRow | None:
    """Return the user with this name and password; an unknown name takes as long as a wrong password."""
    row = _named(session, _plain(name))
    try:
        _HASHER.verify(row.password if row else _NOBODY, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return None
    return row


def new_token(session: Session, user_id: int, kind: str, lifetime: timedelta, now: datetime) -> str:
    """Return a fresh secret of 256 bits for a user; only its hash is kept."""
    if kind not in KINDS:
        raise ValueError(f"token kind {kind!r} is not known: choose one of {', '.join(KINDS)}")
    secret = secrets.token_urlsafe(32)
    session.add(TokenRow(hash=_hash(secret), kind=kind, user_id=user_id, created_at=now, expires_at=now + lifetime))
    session.flush()
    return secret


def use_token(session: Session, secret: str, kind: str, now: datetime) -> UserRow | None:
    """Return whom a living token stands for; a `login` token is spent by this and needs a writing session."""
    living = (
        col(TokenRow.hash) == _hash(secret),
        col(TokenRow.kind) == kind,
        col(TokenRow.revoked_at).is_(None),
        col(TokenRow.expires_at) > now,
    )
    user = session.exec(select(UserRow).join(TokenRow).where(*living)).first()
    if user is None or kind != "login":
        return user
    # Two clicks at once both see the token alive; only one of them changes the row.
    spent = session.connection().execute(update(TokenRow).where(*living).values(revoked_at=now))
    return user if spent.rowcount == 1 else None


def revoke(session: Session, secret: str, now: datetime) -> None:
    """End a token; one that is unknown or ended already stays as it is."""
    mine = (col(TokenRow.hash) == _hash(secret), col(TokenRow.revoked_at).is_(None))
    session.connection().execute(update(TokenRow).where(*mine).values(revoked_at=now))


def _named(session: Session, name: str) -> UserRow | None:
    return session.exec(select(UserRow).where(UserRow.name == name)).first()


def _plain(name: str) -> str:
    return name.strip().lower()


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def forget_expired(session: Session, now: datetime) -> None:
    """Delete tokens that ended a month ago or more; until then they answer who was logged in."""
    session.execute(delete(TokenRow).where(col(TokenRow.expires_at) < now - timedelta(days=30)))
