"""Reading the log in the store: its newest state, proofs of it, and the entries about a thing with what opens them."""

import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from canary.evidence.commitment import open_leaf, read_opening
from canary.evidence.entries import Entry, EntryKind
from canary.evidence.note import Checkpoint, read_checkpoint
from canary.evidence.tiles import TiledTree
from canary.evidence.tree import consistency_proof, inclusion_proof
from canary.store.log_key import LogKey, log_key_of
from canary.store.tables import LogCheckpointRow, LogLeafRow, LogStampRow, LogTileRow

Document = dict[str, Any]

PUBLISHED = 100
"""So many published checkpoints are in a pack, the newest."""


def newest_row(session: Session) -> LogCheckpointRow | None:
    """Return the row of the newest checkpoint."""
    return session.exec(select(LogCheckpointRow).order_by(col(LogCheckpointRow.size).desc()).limit(1)).first()


def checkpoint_in(note: str) -> Checkpoint:
    """Return the checkpoint in a note of our own."""
    return read_checkpoint(note.rpartition("\n\n")[0] + "\n")


def newest_checkpoint(session: Session) -> Checkpoint | None:
    """Return the newest state of the log, or None for one without entries."""
    row = newest_row(session)
    return checkpoint_in(row.note) if row else None


def fetch_tiles(session: Session) -> Callable[[int, int], bytes]:
    """Return what fetches the hashes of a tile; it raises LookupError for one that is not there."""

    def fetch(height: int, number: int) -> bytes:
        query = select(LogTileRow.hashes).where(LogTileRow.height == height, LogTileRow.number == number)
        found = session.exec(query).first()
        if found is None:
            raise LookupError(f"log: tile {height}/{number} is missing")
        return bytes(found)

    return fetch


def tree_of(session: Session) -> TiledTree:
    """Return the tree of the log, as it is now."""
    return TiledTree(fetch_tiles(session))


@dataclass(frozen=True, slots=True)
class LogProver:
    """Makes the proofs of one state of the log."""

    session: Session
    key: LogKey
    checkpoint: Checkpoint
    tree: TiledTree
    note: str = ""

    def entry(self, kind: EntryKind, number: int, fields: Entry, hidden: Collection[str] = ()) -> Document | None:
        """Return the newest entry about a thing that says these fields, with what proves it; None if there is none."""
        found: Document | None = None
        for row in self._rows(kind, number):
            if row.salt is None:
                found = {"erased": True}
                continue
            held = json.loads(row.held) if row.held else {}
            opened = open_leaf(kind.value, fields, self.key.nonce(row.salt), hidden, held)
            if read_opening(opened).leaf == row.leaf:
                return self._proven(row, opened)
        return found

    def _rows(self, kind: EntryKind, number: int) -> Sequence[LogLeafRow]:
        about = self.key.reference(kind.value, number)
        query = select(LogLeafRow).where(LogLeafRow.reference == about, col(LogLeafRow.position) < self.checkpoint.size)
        return self.session.exec(query.order_by(col(LogLeafRow.position).desc()).limit(100)).all()

    def _proven(self, row: LogLeafRow, opened: Document) -> Document:
        proof = inclusion_proof(self.tree.node, row.position or 0, self.checkpoint.size)
        return {"position": row.position, "proof": [each.hex() for each in proof], "open": opened}

    def continues(self, size: int) -> list[str]:
        """Return the proof that the log of this state continues that of another size."""
        return [each.hex() for each in consistency_proof(self.tree.node, size, self.checkpoint.size)]


def prover_of(session: Session, key: LogKey) -> LogProver:
    """Return what proves the newest state of a log that has entries; raises LookupError for one without."""
    row = newest_row(session)
    if row is None:
        raise LookupError("log: has no entries")
    return LogProver(session, key, checkpoint_in(row.note), tree_of(session), row.note)


def witnessed_for(
    session: Session, log: LogProver, positions: Sequence[int], kept: Sequence[str]
) -> list[tuple[int, str, list[LogStampRow]]]:
    """Return the earlier checkpoints that a pack with some entries needs, the smallest first: size, note, stamps.

    These are for each entry the first one that was stamped, the newest published ones, and those that somebody kept.
    """
    found = {checkpoint_in(note).size: note for note in kept}
    stamps: dict[int, list[LogStampRow]] = {}
    for stamp in session.exec(select(LogStampRow).order_by(LogStampRow.authority)):
        stamps.setdefault(stamp.size, []).append(stamp)
    sizes = sorted(stamps)
    first = {sizes[at] for place in positions if (at := bisect_right(sizes, place)) < len(sizes)}
    published = select(LogCheckpointRow).where(col(LogCheckpointRow.published_at).is_not(None))
    rows = [
        *session.exec(select(LogCheckpointRow).where(col(LogCheckpointRow.size).in_(first))),
        *session.exec(published.order_by(col(LogCheckpointRow.size).desc()).limit(PUBLISHED)),
    ]
    found |= {row.size: row.note for row in rows if row.size not in found}
    return [(size, found[size], stamps.get(size, [])) for size in sorted(found) if 0 < size <= log.checkpoint.size]


def state_of_log(session: Session) -> str:
    """Return in words how many entries the log has and who last stamped it; raises LogKeyError for another's key."""
    key, row = log_key_of(session), newest_row(session)
    if key is not None:
        key.check(session)
    if row is None:
        return "the log has no entries yet"
    stamp = session.exec(select(LogStampRow).order_by(col(LogStampRow.size).desc()).limit(1)).first()
    by = f"stamped by {stamp.authority} at {stamp.at:%Y-%m-%d %H:%M} UTC" if stamp else "nobody stamps it"
    return f"the log has {row.size:,} entries; {by}"
