"""Writing leaves: what a transaction logs waits in its session, and is written at its end by one INSERT, without any lock."""

import secrets
from collections.abc import Callable, Sequence

from sqlalchemy import insert
from sqlmodel import Session

from canary.evidence.commitment import canonical, commit_fields, leaf_of
from canary.evidence.entries import Entry, EntryKind, MailEntry, issue_entry
from canary.store.database import at_end
from canary.store.log_key import log_key_of, usable_key
from canary.store.tables import CanaryRow, LogLeafRow
from canary.store.tables.base import Row, metadata

SALT_OCTETS = 16

_LEAF = metadata.tables[str(LogLeafRow.__tablename__)]
_INSERT = insert(_LEAF)
_WAITING = "evidence.waiting"

Waiting = tuple[EntryKind, Callable[[], tuple[int, Entry, Entry]]]
"""The kind of an entry, and what returns number and fields of its thing, last those that may change later."""


def log_mail(session: Session, number: int, mail: Callable[[], MailEntry]) -> None:
    """Log a mail with its verdicts; `mail` is called at the end of the transaction."""

    def entry() -> tuple[int, Entry, Entry]:
        made = mail()
        return number, made.fields, made.verdicts

    _add(session, EntryKind.MAIL, entry)


def log_entry(session: Session, kind: EntryKind, number: int, fields: Callable[[], Entry]) -> None:
    """Log a thing that has its number; `fields` is called at the end of the transaction."""
    _add(session, kind, lambda: (number, fields(), {}))


def log_row(session: Session, kind: EntryKind, row: Row, fields: Callable[[], Entry]) -> None:
    """Log a row that gets its number when it is written."""
    _add(session, kind, lambda: (int(getattr(row, "id")), fields(), {}))  # noqa: B009 - rows share no type that has one


def log_issue(session: Session, row: CanaryRow, vendor: str) -> None:
    """Log an address that was issued to a vendor, as it is now; decoys are not logged."""
    fields = issue_entry(row, vendor)
    log_row(session, EntryKind.ISSUE, row, lambda: fields)


def _add(session: Session, kind: EntryKind, entry: Callable[[], tuple[int, Entry, Entry]]) -> None:
    if log_key_of(session):
        session.info.setdefault(_WAITING, []).append((kind, entry))
        at_end(session, _WAITING, _write)


def _write(session: Session) -> None:
    session.flush()
    waiting, key = session.info.pop(_WAITING, ()), usable_key(session)
    if key is None or not waiting:
        return
    entries: Sequence[Waiting] = waiting
    salts = secrets.token_bytes(SALT_OCTETS * len(entries))
    rows = []
    for at, (kind, entry) in enumerate(entries):
        salt = salts[at * SALT_OCTETS : (at + 1) * SALT_OCTETS]
        number, fields, passing = entry()
        nonce, about = key.nonce(salt), key.reference(kind.value, number)
        commitments = commit_fields({**fields, **passing}, nonce)
        held = canonical({name: commitments[name] for name in passing}) if passing else None
        rows.append({"reference": about, "salt": salt, "leaf": leaf_of(kind.value, commitments), "held": held})
    session.connection().execute(_INSERT, rows)
