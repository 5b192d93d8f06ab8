"""Login attempts: counted in the store, so that every process that serves pages has the same limits."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from canary.store.locks import Lock, lock
from canary.store.tables import LoginAttemptRow

SPAN = timedelta(minutes=15)


def enter(session: Session, limits: Mapping[str, int], now: datetime) -> bool:
    """Count one more attempt under each key, and return whether all are within limits; refused ones are not counted."""
    lock(session, Lock.LOGINS)
    session.execute(delete(LoginAttemptRow).where(col(LoginAttemptRow.at) <= now - SPAN))
    keys = {_digest(key): limit for key, limit in limits.items()}
    counts = (
        select(LoginAttemptRow.key, func.count())
        .where(col(LoginAttemptRow.key).in_(keys))
        .group_by(col(LoginAttemptRow.key))
    )
    made = dict(session.exec(counts).all())
    if any(made.get(key, 0) >= limit for key, limit in keys.items()):
        return False
    session.add_all(LoginAttemptRow(key=key, at=now) for key in keys)
    return True


def clear(session: Session, keys: Iterable[str]) -> None:
    """Forget the attempts under some keys."""
    session.execute(delete(LoginAttemptRow).where(col(LoginAttemptRow.key).in_([_digest(key) for key in keys])))


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
