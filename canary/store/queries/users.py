"""Users and their tokens: passwords, sessions, one-time links, API tokens."""

import secrets
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from canary.store.tables import TokenRow, UserRow

ROLES = ("viewer", "analyst", "admin")
SIGN_UP = "sign-up"
SCOPES = {"read": "viewer", "write": "analyst", "admin": "admin", SIGN_UP: "analyst"}
"""The scopes of API tokens, each with its role; a token never exceeds the role of its user.

That of `SIGN_UP` makes addresses for password managers, and opens nothing else.
"""

KINDS = ("session", "login", "reset", "api")
ONCE = ("login", "reset")
SHORTEST = 10
LONGEST = 1000
STALE = timedelta(minutes=1)

# The second choice of RFC 9106 needs 64 MiB for each login; this is the floor OWASP names, so that a burst of
# logins cannot take the machine's memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_HASHING = ThreadPoolExecutor(4, thread_name_prefix="password")
"""So many passwords are hashed at once in one process, no matter who asks, as each takes 19 MB.

They have threads of their own, as memory that was used in a thread often stays with it.
"""

_PLAIN = string.ascii_letters + string.digits
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$ZZHvKI5YOQHEJTE7pSGjSvhpzVYc5uFwnQNJ5N6nu0c"
"""A hash without a known password; checking against it takes as long as checking a real one."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of a valid token and what it allows; `stale` means that its last use should be recorded.

    `scope` is that of an API token.
    """

    id: int
    name: str
    role: str
    token: str
    kind: str
    stale: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What identifies a token to its user: name and scope of an API token, client of a session."""

    name: str = ""
    scope: str = ""
    client: str = ""
    agent: str = ""


def add_user(session: Session, name: str, password: str, role: str, now: datetime) -> UserRow:
    """Add a user; raises ValueError for a name that is taken, a weak password or an unknown role."""
    name = _plain(name)
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise ValueError(f"user name {name[:64]!r} has {len(name)} characters: choose one with 1 to 64 visible ones")
    row = UserRow(name=name, password=hashed(name, password), role=known_role(role), created_at=now)
    if named(session, name):
        raise ValueError(f"user {name!r} exists already: choose another name")
    session.add(row)
    session.flush()
    return row


def known_role(role: str) -> str:
    """Return a role by its name; raises ValueError for an unknown one."""
    if role not in ROLES:
        raise ValueError(f"role {role[:64]!r} is not known: choose one of {', '.join(ROLES)}")
    return role


def hashed(name: str, password: str) -> str:
    """Return the stored hash of a password; raises ValueError for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        length = len(password)
        raise ValueError(f"password of {name!r} has {length} characters: choose one with {SHORTEST} to {LONGEST}")
    return _hash_password(password)


def check_password(session: Session, name: str, password: str) -> UserRow | None:
    """Return the user with this name and password; an unknown name takes as long as a wrong password."""
    row = named(session, _plain(name))
    try:
        stored = (row and row.password) or _NOBODY
        _HASHING.submit(_HASHER.verify, stored, _octets(password[: LONGEST + 1])).result()
    except (VerificationError, InvalidHashError):
        return None
    return row


def renew_hash(session: Session, user_id: int, password: str) -> None:
    """Hash a password again that was just proven, if its hash has other parameters than are used today."""
    row = session.get_one(UserRow, user_id)
    if _HASHER.check_needs_rehash(row.password):
        row.password = _hash_password(password)


def new_token(
    session: Session, user_id: int, kind: str, lifetime: timedelta, now: datetime, label: Label | None = None
) -> str:
    """Return a fresh secret of 256 bits for a user; only its hash is kept."""
    if kind not in KINDS:
        raise ValueError(f"token kind {kind!r} is not known: choose one of {', '.join(KINDS)}")
    secret, about = _secret(kind), asdict(label or Label())
    session.add(
        TokenRow(hash=_hash(secret), kind=kind, user_id=user_id, created_at=now, expires_at=now + lifetime, **about)
    )
    session.flush()
    return secret


def use_token(session: Session, secret: str, kind: str, now: datetime) -> Visitor | None:
    """Return the user of a valid token; that of a one-time link is used up by this and needs a writing session."""
    living = (
        col(TokenRow.hash) == _hash(secret),
        col(TokenRow.kind) == kind,
        col(TokenRow.revoked_at).is_(None),
        col(TokenRow.expires_at) > now,
    )
    found = session.exec(select(UserRow, TokenRow).join(TokenRow).where(*living)).first()
    if found is None:
        return None
    visitor = _visitor(*found, now)
    if kind not in ONCE:
        return visitor
    # Two simultaneous clicks both see a valid token; only one of them changes the row.
    spent = session.connection().execute(update(TokenRow).where(*living).values(revoked_at=now))
    return visitor if spent.rowcount == 1 else None


def mark_used(session: Session, token: str, client: str, agent: str, now: datetime) -> None:
    """Record that a token is in use, and from where."""
    mine = update(TokenRow).where(col(TokenRow.hash) == token)
    session.connection().execute(mine.values(last_at=now, client=client[:64], agent=agent[:200]))


def revoke(session: Session, secret: str, now: datetime) -> None:
    """End a token; an unknown or ended one stays as it is."""
    mine = (col(TokenRow.hash) == _hash(secret), col(TokenRow.revoked_at).is_(None))
    session.connection().execute(update(TokenRow).where(*mine).values(revoked_at=now))


def named(session: Session, name: str) -> UserRow | None:
    """Return the user with a name, in any case."""
    return session.exec(select(UserRow).where(UserRow.name == _plain(name))).first()


def forget_expired(session: Session, now: datetime) -> None:
    """Delete tokens that ended a month ago or more; until then they show who was logged in."""
    session.execute(delete(TokenRow).where(col(TokenRow.expires_at) < now - timedelta(days=30)))


def _visitor(user: UserRow, token: TokenRow, now: datetime) -> Visitor:
    granted = SCOPES.get(token.scope, "viewer") if token.kind == "api" else user.role
    role = min(user.role, granted, key=ROLES.index)
    stale = token.last_at is None or now - token.last_at >= STALE
    return Visitor(user.id or 0, user.name, role, token.hash, token.kind, stale, token.scope)


def _secret(kind: str) -> str:
    """Return 256 bits; those of an API token in letters and digits only, as addy.io's extension takes no other."""
    if kind == "api":
        return "".join(secrets.choice(_PLAIN) for _ in range(43))
    return secrets.token_urlsafe(32)


def _plain(name: str) -> str:
    return name.strip().lower()


def _hash_password(password: str) -> str:
    return _HASHING.submit(_HASHER.hash, _octets(password)).result()


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _hash(secret: str) -> str:
    return sha256(_octets(secret)).hexdigest()
