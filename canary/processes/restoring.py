"""Restoring a backup: everything is read and checked first, and only then put in place."""

import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from sqlalchemy import inspect

from canary import __version__
from canary.processes.backup import (
    DATA,
    FORMAT,
    MANIFEST,
    OUTSIDE,
    PIECE,
    SETTINGS,
    STORE,
    BackupFile,
    Manifest,
    names_of,
)
from canary.processes.postgres_dump import restore_database
from canary.processes.sealing import MAGIC, SealedReader, SealError
from canary.settings import Settings
from canary.store.database import Database, newest_version
from canary.store.engine import file_of

_DATA_LINE = re.compile(r"^[ \t]*data[ \t]*=.*$", re.MULTILINE)
_LARGEST_MANIFEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RestoredBackup:
    """A backup that is in place: what it was, and files that were outside of the data folder, with where they are now.

    `moved_from` is the data folder that `canary.toml` named, where it names the new one now.
    """

    manifest: Manifest
    outside: tuple[tuple[str, Path], ...]
    moved_from: str


def is_sealed(file: Path) -> bool:
    """Whether a backup asks for a passphrase; raises OSError."""
    with file.open("rb") as source:
        return source.read(len(MAGIC)) == MAGIC


def restore_backup(settings: Settings, file: Path, passphrase: str | None) -> RestoredBackup:
    """Put a backup into the data folder and the store of the settings, which have to be empty.

    Raises ValueError with one line where that cannot be; nothing is changed then.
    """
    data = settings.data.absolute()
    _check_empty(settings, data)
    data.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".canary-restore-", dir=data.parent))
    try:
        try:
            with _opened(file, passphrase) as tar:
                manifest = _unpack(file, tar, staging, settings)
        except (tarfile.TarError, SealError, EOFError) as fault:
            raise ValueError(
                f"{file}: cannot be read ({fault}); try another copy of it, or the right passphrase"
            ) from None
        moved_from = _name_data_folder(staging, data)
        return RestoredBackup(manifest, tuple(_put_in_place(settings, data, staging, manifest)), moved_from)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_empty(settings: Settings, data: Path) -> None:
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise ValueError(f"{data}: is in use or not empty; restore into a new folder, named by CANARY_DATA or data")
    store = Database(settings.store_url)
    if (place := file_of(store.url)) is not None:
        if place.exists():
            raise ValueError(f"{place}: a store is there already; restore into a new one, named by store.url")
        return
    with closing(store), store.engine.connect() as connection:
        if inspect(connection).get_table_names():
            raise ValueError("store.url: the database is not empty; make a new one for what is restored")


@contextmanager
def _opened(file: Path, passphrase: str | None) -> Iterator[tarfile.TarFile]:
    with file.open("rb") as source:
        reader: BinaryIO | SealedReader = source
        if source.read(len(MAGIC)) == MAGIC:
            reader = SealedReader(source, passphrase or "")
        else:
            source.seek(0)
        with tarfile.open(fileobj=reader, mode="r|", bufsize=PIECE) as tar:  # type: ignore[call-overload]
            yield tar


def _unpack(file: Path, tar: tarfile.TarFile, staging: Path, settings: Settings) -> Manifest:
    """Read the manifest, which comes first, then every file that it names; all must be there and as they were."""
    manifest = _read_manifest(file, tar)
    _check_version(file, manifest, settings)
    missing = {each.name: each for each in manifest.files}
    while entry := tar.next():
        listed = missing.pop(entry.name, None)
        if listed is None or not entry.isreg() or entry.size != listed.octets or not _is_within(entry.name):
            raise ValueError(f"{file}: {entry.name[:100]!r} is not as the manifest has it; try another copy")
        if _extract(tar.extractfile(entry), staging / entry.name) != listed.sha256:
            raise ValueError(f"{file}: {entry.name!r} is damaged; try another copy")
    if missing:
        raise ValueError(f"{file}: {min(missing)!r} is missing; try another copy")
    return manifest


def _read_manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    octets = tar.extractfile(first) if first and first.name == MANIFEST and first.size < _LARGEST_MANIFEST else None
    try:
        stored = json.loads(octets.read()) if octets else {}
        files = tuple(BackupFile(**each) for each in stored.pop("files"))
        if stored["format"] > FORMAT:
            raise ValueError(f"{file}: made by a newer version ({stored['canary']}); install that version first")
        return Manifest(**{**stored, "environment": tuple(stored["environment"]), "files": files})
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{file}: is no backup of Canary; name a file that `canary backup` made") from None


def _check_version(file: Path, manifest: Manifest, settings: Settings) -> None:
    if manifest.schema > newest_version() or _numbers(manifest.canary) > _numbers(__version__):
        ours = f"{__version__}, schema {newest_version()}"
        theirs = f"{manifest.canary}, schema {manifest.schema}"
        raise ValueError(
            f"{file}: made by a newer version ({theirs}) than this one ({ours}); install that version first"
        )
    kind = "sqlite" if file_of(Database(settings.store_url).url) else "postgresql"
    if manifest.store != kind:
        raise ValueError(
            f"{file}: its store is {manifest.store} and store.url here is {kind}; set store.url to one like it"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _is_within(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.parts[0] in (DATA, STORE, OUTSIDE, "settings")


def _extract(source: Any, to: Path) -> str:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := source.read(PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _name_data_folder(staging: Path, data: Path) -> str:
    """Let the settings name the new data folder: what is started by them would work on in the old one."""
    (staging / DATA).mkdir(mode=0o700, exist_ok=True)
    file = staging / DATA / "canary.toml"
    if (staging / SETTINGS).exists():
        (staging / SETTINGS).rename(file)
    if not file.exists():
        return ""
    written = file.read_text(encoding="utf-8")
    named = str(tomllib.loads(written).get("data", ""))
    if not named or Path(named).absolute() == data:
        return ""
    head, table, rest = written.partition("\n[")
    line = f"data = {json.dumps(str(data))}"  # a string of JSON is one of TOML
    file.write_text(_DATA_LINE.sub(lambda _: line, head, count=1) + table + rest, encoding="utf-8")
    return named


def _put_in_place(settings: Settings, data: Path, staging: Path, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    """Fill the store, then let the data folder appear as a whole."""
    whole = staging / DATA
    for each in names_of(manifest.files, OUTSIDE):
        place = whole / each.name
        place.parent.mkdir(mode=0o700, exist_ok=True)
        (staging / each.name).rename(place)
        yield each.was, data / each.name
    if (store := file_of(Database(settings.store_url).url)) is None:
        restore_database(settings.store_url, staging / STORE / "canary.dump")
    elif store.absolute().is_relative_to(data):
        inside = whole / store.absolute().relative_to(data)
        inside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (staging / STORE / "canary.db").rename(inside)
    else:
        shutil.move(staging / STORE / "canary.db", store)
    if data.exists():
        data.rmdir()  # empty, as was looked at; filled meanwhile, this fails
    whole.rename(data)
