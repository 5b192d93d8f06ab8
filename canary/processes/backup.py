"""Backup: a consistent copy of an installation that goes on working, in one file that says what is in it.

Spools are copied before the store: a mail leaves its spool only after the store has it, so that one that was received
before the backup began is in one of the two copies, and one that is in both is recognised by its key.
"""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel
from sqlalchemy import text

from canary import __version__
from canary.processes.postgres_dump import dump_database
from canary.processes.sealing import RANDOM_OCTETS, SealingWriter
from canary.settings import PREFIX, Settings
from canary.store.database import Database
from canary.store.engine import file_of

FORMAT = 1
MANIFEST, DATA, STORE, OUTSIDE, SETTINGS = "manifest.json", "data", "store", "outside", "settings/canary.toml"
PIECE = 1024 * 1024
_BUSY_SECONDS = 30
_SQLITE = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
"""How files end that belong to a database of SQLite, whose copy has what is in them."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file of a backup: its name there, and where it was if that is outside of the data folder."""

    name: str
    octets: int
    sha256: str
    was: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is: of which version and schema, when it began, which files, and the settings it has by name only."""

    format: int
    canary: str
    schema: str
    store: str
    begun: str
    environment: tuple[str, ...]
    files: tuple[BackupFile, ...]

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1)


def back_up(
    settings: Settings,
    config: Path | None,
    to: Path,
    *,
    passphrase: str | None,
    now: datetime,
    environ: Mapping[str, str],
) -> Manifest:
    """Copy an installation to a new file, sealed if there is a passphrase; returns what is in it.

    Raises ValueError for a file that cannot be made there, and OSError; nothing is left behind then.
    """
    if to.exists():
        raise ValueError(f"{to}: is there already; name a new file, or move it away")
    if not to.parent.is_dir():
        raise ValueError(f"{to}: its folder does not exist; make {to.parent} first")
    if to.resolve().is_relative_to(settings.data.resolve()):
        raise ValueError(f"{to}: is in the data folder itself; name a file elsewhere, best on another disk")
    if not settings.data.is_dir():
        raise ValueError(f"{settings.data}: no data folder to back up; `canary init` makes one, or set data")
    with _staging(to.parent) as staging:
        was = dict(_copy_everything(settings, config, staging))
        manifest = Manifest(
            FORMAT, __version__, _schema(settings), "sqlite" if file_of(_store(settings).url) else "postgresql",
            now.isoformat(), tuple(sorted(name for name in environ if name.startswith(PREFIX))),
            tuple(_listed(staging, was)),
        )  # fmt: skip
        _write(staging, manifest, to, passphrase)
    return manifest


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix=".canary-backup-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _store(settings: Settings) -> Database:
    return Database(settings.store_url)


def _schema(settings: Settings) -> str:
    store = _store(settings)
    with closing(store), store.reading() as session:
        return str(session.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _copy_everything(settings: Settings, config: Path | None, staging: Path) -> Iterator[tuple[str, str]]:
    """Copy all files; yield the names of those from elsewhere, with where they were. The store is copied last."""
    data, store = settings.data.resolve(), file_of(_store(settings).url)
    for file in _files_of(data, store.resolve() if store else None):
        _copy(file, staging / DATA / file.relative_to(data))
    for file in sorted({each.resolve() for each in _paths_in(settings) if each.is_file()}):
        if not file.is_relative_to(data):
            name = f"{OUTSIDE}/{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}-{file.name}"
            _copy(file, staging / name)
            yield name, str(file)
    if config and not config.resolve().is_relative_to(data):
        _copy(config, staging / SETTINGS)
        yield SETTINGS, str(config.resolve())
    if store:
        _copy_database(store, staging / STORE / "canary.db")
    else:
        dump_database(settings.store_url, staging / STORE / "canary.dump")


def _files_of(data: Path, store: Path | None) -> Iterator[Path]:
    """Yield the files of the data folder but the store's: spools first, whatever else there is."""
    found = [file for file in data.rglob("*") if file.is_file() and not file.is_symlink()]
    for file in sorted(found, key=lambda file: (file.parent.name != "spool", file)):
        if file == store or file.name.endswith(".new") or _belongs_to_database(file):
            continue
        yield file


def _belongs_to_database(file: Path) -> bool:
    # What is left of a damaged spool is copied as it is, each file for itself.
    base = next((file.name.removesuffix(end) for end in _BESIDE if file.name.endswith(end)), "")
    return bool(base) and ".damaged-" not in base and file.with_name(base).exists()


def _paths_in(value: Any) -> Iterator[Path]:
    """Yield all paths that settings name."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        yield from (path for name in type(value).model_fields for path in _paths_in(getattr(value, name)))
    elif isinstance(value, dict):
        yield from (path for inner in value.values() for path in _paths_in(inner))
    elif isinstance(value, tuple | list):
        yield from (path for inner in value for path in _paths_in(inner))


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with file.open("rb") as source:
            database = source.read(len(_SQLITE)) == _SQLITE and ".damaged-" not in file.name
        if database:
            _copy_database(file, to)
        else:
            shutil.copyfile(file, to)
    except FileNotFoundError:
        to.unlink(missing_ok=True)  # it went meanwhile, as files of an import do


def _copy_database(file: Path, to: Path) -> None:
    """Copy a database of SQLite as it is at one moment; those who write it wait for nothing."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = f"{file.absolute().as_uri()}?mode=rw"  # not "ro": a log that nobody has open could not be read
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as source,
        closing(sqlite3.connect(to)) as copy,
    ):
        try:
            source.backup(copy)
        except sqlite3.Error as fault:
            raise OSError(f"{file}: cannot be copied ({fault}); see `canary doctor`, then try again") from None


def _listed(staging: Path, was: Mapping[str, str]) -> Iterator[BackupFile]:
    for file in sorted(each for each in staging.rglob("*") if each.is_file()):
        name = str(file.relative_to(staging))
        with file.open("rb") as octets:
            digest = hashlib.file_digest(octets, "sha256").hexdigest()
        yield BackupFile(name, file.stat().st_size, digest, was.get(name, ""))


def _write(staging: Path, manifest: Manifest, to: Path, passphrase: str | None) -> None:
    half = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if passphrase is None:
                _write_tar(staging, manifest, file)
            else:
                sealing = SealingWriter(file, passphrase, secrets.token_bytes(RANDOM_OCTETS))
                _write_tar(staging, manifest, sealing)
                sealing.close()
            file.flush()
            os.fsync(file.fileno())
        os.link(half, to)  # fails where a file of this name came meanwhile
    finally:
        half.unlink(missing_ok=True)


def _write_tar(staging: Path, manifest: Manifest, sink: Any) -> None:
    (staging / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=PIECE) as tar:
        for name in (MANIFEST, *(file.name for file in manifest.files)):
            with (staging / name).open("rb") as file:
                tar.addfile(_entry(name, file), file)


def _entry(name: str, file: IO[bytes]) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = os.fstat(file.fileno()).st_size, 0o600, os.fstat(file.fileno()).st_mtime
    return entry


def names_of(files: Iterable[BackupFile], below: str) -> list[BackupFile]:
    """Return the files below a folder of a backup."""
    return [file for file in files if file.name.startswith(f"{below}/")]
