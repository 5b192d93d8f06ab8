"""Which addresses were ever issued, as a receiver asks: by plain SQL, so that it loads neither tables nor sessions."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, make_url, text

from canary.store.commit_watch import CommitWatch
from canary.store.engine import engine_for, file_of
from canary.store.identity import Guard

if TYPE_CHECKING:
    from sqlmodel import Session

_COUNT = text("SELECT count(*) FROM canary")
_ADDRESSES = text("SELECT address FROM canary")


class IssuedAddresses:
    """The issued addresses in the store behind a URL."""

    def __init__(self, url: str, *, busy_seconds: float = 10, guard: Guard | None = None) -> None:
        """Connect to nothing yet, and never to a store that the guard refuses."""
        parsed = make_url(url)
        self._engine = engine_for(parsed, busy_seconds=busy_seconds, guard=guard)
        self._watch = CommitWatch(file_of(parsed))

    def fetch(self, mark: str) -> tuple[str, frozenset[str]] | None:
        """Return a new mark and every issued address, or None while the mark says that nothing has changed."""
        with self._engine.connect() as connection:
            return known_addresses(connection, mark)

    def changed(self) -> bool:
        """Whether the store may hold more than at the last look."""
        return self._watch.changed()

    def close(self) -> None:
        """Give all connections back."""
        self._watch.close()
        self._engine.dispose()


def known_addresses(at: "Connection | Session", mark: str) -> tuple[str, frozenset[str]] | None:
    """Return a mark and every issued address, or None while the mark says that nothing has changed.

    Addresses are only ever added, so how many there are is mark enough; a decoy may be dated before any of them.
    """
    now = str(at.execute(_COUNT).scalar_one())
    if now == mark:
        return None
    return now, frozenset(at.execute(_ADDRESSES).scalars())
