"""The leader's work on the log: waiting leaves get their place, the tree grows, and its new state is signed.

Padding is mixed in, so that the number of leaves does not tell how many addresses were issued when: a decoy is dated
back, and nothing in the store may show that.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import Session, col

from canary.evidence.log_reading import fetch_tiles, newest_checkpoint, tree_of
from canary.evidence.names import origin_of
from canary.evidence.note import Checkpoint, NoteVerifier, sign_note
from canary.evidence.tiles import append_leaves
from canary.evidence.tree import tree_root
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.log_key import LogKey, log_key_of
from canary.store.tables import LogCheckpointRow, LogLeafRow, LogStampRow, LogTileRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for

AT_ONCE = 5000
"""So many leaves are sequenced in one transaction."""

KEPT = timedelta(days=1)
"""Checkpoints that nobody else has are forgotten after this."""

MOST_PADDING = 4
_LEAF = metadata.tables[str(LogLeafRow.__tablename__)]
_REFERENCE_BITS = 56


@dataclass(frozen=True, slots=True)
class LogDraws:
    """Randomness: so many random octets, and a random number below another."""

    octets: Callable[[int], bytes]
    below: Callable[[int], int]


def signing_key(key: LogKey) -> tuple[Ed25519PrivateKey, NoteVerifier]:
    """Return the key that signs the log, and what verifies it."""
    private = Ed25519PrivateKey.from_private_bytes(key.signing)
    public = private.public_key().public_bytes_raw()
    return private, NoteVerifier(origin_of(public), public)


def sequence_waiting(store: Database, now: datetime, draw: LogDraws | None = None) -> int:
    """Give all waiting leaves their places, in short transactions; return how many there were; raises LogKeyError.

    Where sessions carry no key nothing is done.
    """
    with store.reading() as session:
        key = log_key_of(session)
    draw, total, done = draw or LogDraws(secrets.token_bytes, secrets.randbelow), 0, AT_ONCE
    while key and done >= AT_ONCE:
        with store.writing() as session:
            done = sequence(session, key, now, draw)
        total += done
    return total


def sequence(session: Session, key: LogKey, now: datetime, draw: LogDraws) -> int:
    """Give waiting leaves their places and sign the new state; return how many there were; raises LogKeyError."""
    lock(session, Lock.LOG)
    key.claim(session)
    waiting = session.execute(
        select(_LEAF.c.id, _LEAF.c.leaf).where(_LEAF.c.position.is_(None)).order_by(_LEAF.c.id).limit(AT_ONCE)
    ).all()
    if not waiting:
        return 0
    newest = newest_checkpoint(session)
    size = newest.size if newest else 0
    places = [{"row": row.id, "place": size + at} for at, row in enumerate(waiting)]
    session.connection().execute(_PLACE, places)
    padding = [draw.octets(32) for _ in range(draw.below(MOST_PADDING))]
    for at, leaf in enumerate(padding, size + len(waiting)):
        about = int.from_bytes(draw.octets(_REFERENCE_BITS // 8), "big")
        row = {"reference": about, "salt": draw.octets(16), "leaf": leaf, "position": at}
        session.connection().execute(insert(_LEAF), row)
    _grow(session, size, [*(row.leaf for row in waiting), *padding])
    _sign(session, key, size + len(waiting) + len(padding), now)
    return len(waiting)


def _grow(session: Session, size: int, leaves: list[bytes]) -> None:
    changed = append_leaves(fetch_tiles(session), size, leaves)
    rows = [{"height": height, "number": number, "hashes": tile} for (height, number), tile in changed.items()]
    add = insert_for(session, LogTileRow)
    add = add.on_conflict_do_update(index_elements=["height", "number"], set_={"hashes": add.excluded.hashes})
    session.connection().execute(add, rows)


def _sign(session: Session, key: LogKey, size: int, now: datetime) -> None:
    private, verifier = signing_key(key)
    checkpoint = Checkpoint(verifier.name, size, tree_root(tree_of(session).node, size))
    session.add(LogCheckpointRow(size=size, at=now, note=sign_note(checkpoint.text, verifier.name, private)))
    session.flush()
    stamped = select(LogStampRow.size)  # type: ignore[call-overload]
    old = (col(LogCheckpointRow.at) < now - KEPT) & col(LogCheckpointRow.published_at).is_(None)
    session.execute(delete(LogCheckpointRow).where(old, col(LogCheckpointRow.size).not_in(stamped)))


_PLACE = update(_LEAF).where(_LEAF.c.id == bindparam("row")).values(position=bindparam("place"))
