"""Erasing a person on request (GDPR Article 17): from the store, and from the files in the data folder beside it."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import select

from canary.model.data_subject import DataSubject, read_person
from canary.settings import Settings
from canary.store.database import Database
from canary.store.erasing import Traces, erase_traces, find_traces
from canary.store.purging import purge_everything
from canary.store.queries.audit import audit
from canary.store.signing_key import installation_key
from canary.store.tables import CanaryRow

_BUSY_SECONDS = 10
_LARGEST = 64 * 1024 * 1024
"""Octets of a file of unknown form that are read in one piece; the next piece begins a little before its end."""

_OVERLAP = 4096
_IMPORT_TEXTS = {
    "mail": ("sender", "helo"), "recipient": ("address",), "elsewhere": ("address",), "fault": ("reason",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileTrace:
    """A file that mentions the person so many times; `left` says why it was not changed, and the cure."""

    path: Path
    what: str
    count: int
    left: str = ""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was held of a person; `erased` is whether it was replaced by the mark."""

    mark: str
    erased: bool
    traces: Traces
    files: tuple[FileTrace, ...]

    @property
    def left(self) -> tuple[FileTrace, ...]:
        """The files that still mention the person."""
        return tuple(file for file in self.files if file.left)


def read_subject(settings: Settings, store: Database, written: str) -> DataSubject:
    """Return the person that was named; raises ValueError for one that cannot be searched for, or is an address of ours."""
    who = read_person(written, installation_key(settings.data))
    with store.reading() as session:
        if session.exec(select(CanaryRow.id).where(CanaryRow.address == who.written.lower())).first() is not None:
            raise ValueError(f"person {who.written!r}: is an address of yours; name who wrote there or was written to")
    return who


def report_person(settings: Settings, store: Database, who: DataSubject) -> ErasureReport:
    """Return what is held of a person, and change nothing."""
    files = tuple(file for look in _PLACES for file in look(settings, who, False))
    return ErasureReport(who.mark, False, find_traces(store, who), files)


def erase_person(
    settings: Settings, store: Database, who: DataSubject, by: str, clock: Callable[[], datetime]
) -> ErasureReport:
    """Replace a person everywhere, step by step; one that was stopped is begun again and goes on with what is left.

    Mail that waits in a spool is counted first: it is judged as it came, and reaches the store later.
    """
    _record(store, who, by, clock(), "begun")
    files = tuple(file for look in _PLACES for file in look(settings, who, True))
    traces = erase_traces(store, who)
    purge_everything(store, traces.tables)
    report = ErasureReport(who.mark, True, traces, files)
    _record(store, who, by, clock(), _summary(report))
    return report


def _record(store: Database, who: DataSubject, by: str, now: datetime, text: str) -> None:
    # The mark is a keyed digest: who has the request can find its line, and the line names nobody.
    with store.writing() as session:
        audit(session, now, by, "erase", who.mark, text)


def _summary(report: ErasureReport) -> str:
    mails, rows = report.traces.mails.total(), report.traces.rows.total()
    return f"{mails} mails, {rows} other records, {len(report.files)} files, of which {len(report.left)} left"


def _spools(settings: Settings, who: DataSubject, erase: bool) -> Iterator[FileTrace]:
    for path in sorted((settings.data / "spool").glob("*.db")):
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS)) as file:
            rows = file.execute("SELECT cast(envelope AS BLOB), cast(content AS BLOB) FROM mail")
            count = sum(_mentioned(who, envelope, content) for envelope, content in rows)
            if erase:
                # What is done is deleted from a spool and not overwritten.
                file.execute("VACUUM")
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if count:
            yield FileTrace(path, "mails that wait to be judged", count, "run this again once they are judged")


def _mentioned(who: DataSubject, envelope: bytes, content: bytes) -> bool:
    return who.is_in(_unescaped(envelope)) or who.is_in_octets(content)


def _unescaped(envelope: bytes) -> str:
    try:
        return str(json.loads(envelope))
    except ValueError:
        return envelope.decode("utf-8", "replace")


def _damaged_spools(settings: Settings, who: DataSubject, erase: bool) -> Iterator[FileTrace]:
    for path in sorted((settings.data / "spool").glob("*.damaged-*")):
        if any(map(who.is_in_octets, _pieces(path))):
            left = "mails in it were never judged: recover them, then delete the file" if erase else ""
            yield FileTrace(path, "damaged spool that was set aside", 1, left)


def _mails_aside(settings: Settings, who: DataSubject, erase: bool) -> Iterator[FileTrace]:
    for path in sorted((settings.data / "aside").glob("*.eml")):
        if any(map(who.is_in_octets, _pieces(path))):
            yield FileTrace(path, "mail that an import could not read", 1)
            if erase:
                path.unlink()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_LARGEST):
            yield piece
            if len(piece) == _LARGEST:
                file.seek(-_OVERLAP, 1)


def _imports(settings: Settings, who: DataSubject, erase: bool) -> Iterator[FileTrace]:
    for path in sorted((settings.data / "import").glob("*.db")):
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as file:
            found = {(table, name): set(_values(file, who, table, name)) for table, name in _import_columns()}
            count = sum(map(len, found.values()))
            waiting = file.execute("SELECT count(*) FROM mail WHERE state = 0").fetchone()[0]
            left = f"it is not finished: run the import again, or delete {path.name}" if erase and waiting else ""
            if count and erase and not waiting:
                _replace_in_import(file, who, found)
        if count:
            yield FileTrace(path, "progress of an import", count, left)


def _import_columns() -> Iterator[tuple[str, str]]:
    return ((table, name) for table, names in _IMPORT_TEXTS.items() for name in names)


def _values(file: sqlite3.Connection, who: DataSubject, table: str, name: str) -> Iterator[str]:
    rows = file.execute(f"SELECT DISTINCT {name} FROM {table}")  # noqa: S608 - names of ours
    return (value for (value,) in rows if who.is_in(str(value)))


def _replace_in_import(file: sqlite3.Connection, who: DataSubject, found: dict[tuple[str, str], set[str]]) -> None:
    file.execute("PRAGMA secure_delete = ON")
    file.execute("BEGIN IMMEDIATE")
    for (table, name), values in found.items():
        update = f"UPDATE OR REPLACE {table} SET {name} = ? WHERE {name} = ?"  # noqa: S608 - names of ours
        file.executemany(update, [(who.replace_in(value), value) for value in sorted(values)])
    file.execute("COMMIT")
    file.execute("VACUUM")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


_PLACES: tuple[Callable[[Settings, DataSubject, bool], Iterator[FileTrace]], ...] = (
    _spools, _damaged_spools, _mails_aside, _imports,
)  # fmt: skip
"""Where files of the data folder may hold mail, or addresses of it."""
