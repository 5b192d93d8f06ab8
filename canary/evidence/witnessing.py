"""What others witness of the log: the checkpoint to publish, the stamps that authorities gave, as the store has them."""

from collections.abc import Collection
from datetime import datetime

from cryptography import x509
from sqlmodel import Session

from canary.evidence.log_reading import checkpoint_in, newest_row
from canary.evidence.note import Checkpoint
from canary.evidence.stamp import write_certificates
from canary.store.tables import LogCheckpointRow, LogStampRow


def publish_newest(session: Session, now: datetime) -> str | None:
    """Return the note of the newest checkpoint, which is remembered as published; None for a log without entries."""
    row = newest_row(session)
    if row is None:
        return None
    row.published_at = row.published_at or now
    return row.note


def unstamped(session: Session, authorities: Collection[str]) -> tuple[Checkpoint, list[str]] | None:
    """Return the newest checkpoint with the authorities that have not stamped it; None where there is none."""
    row = newest_row(session)
    if row is None:
        return None
    missing = [name for name in authorities if session.get(LogStampRow, (row.size, name)) is None]
    return (checkpoint_in(row.note), missing) if missing else None


def add_stamp(
    session: Session, size: int, authority: str, token: bytes, roots: list[x509.Certificate], at: datetime
) -> None:
    """Remember the stamp of an authority, if the checkpoint is still there."""
    if session.get(LogCheckpointRow, size) is not None:
        pem = write_certificates(roots).decode("ascii")
        session.merge(LogStampRow(size=size, authority=authority, at=at, token=token, roots=pem))
