"""One process for each role and data folder: it holds a lock on a file there, with its process id, until it ends."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_SECONDS = 0.1


class RoleTaken(OSError):
    """Another process has the role; the text is one line with its process id and the cure."""


@contextmanager
def holding_role(data: Path, role: str, patience: float = 0.0) -> Iterator[int]:
    """Hold a role in a data folder while the block lasts; raises RoleTaken after some seconds, and OSError.

    Yields the open file: a program that takes the place of this one goes on holding the role if it inherits that.
    """
    end = time.monotonic() + patience
    while (lock := _taken(data, role)) is None:
        if time.monotonic() >= end:
            raise RoleTaken(
                f"{role}: runs already as process {_holder(data, role)} with the data folder {data}: stop that one"
                " first, or set another data folder"
            )
        time.sleep(_LOOK_SECONDS)
    try:
        yield lock
    finally:
        os.close(lock)


def check_free(data: Path, roles: Iterable[str], patience: float = 0.0) -> None:
    """Raise RoleTaken if one of these roles is held, after waiting some seconds for those that end just now."""
    for role in roles:
        with holding_role(data, role, patience):
            pass


def role_holder(data: Path, role: str) -> int | None:
    """Return the process that has a role in a data folder, 0 for one that cannot be named, None where nobody has it."""
    try:
        lock = os.open(_file(data, role), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        name = _holder(data, role)
        return int(name) if name.isdigit() else 0
    finally:
        os.close(lock)
    return None


def _taken(data: Path, role: str) -> int | None:
    """Return the open file with the lock, or None while another process has it."""
    file = _file(data, role)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as fault:
        os.close(lock)
        raise OSError(fault.errno, fault.strerror, str(file)) from None
    return lock


def _holder(data: Path, role: str) -> str:
    return _file(data, role).read_text(encoding="utf-8").strip() or "unknown"


def _file(data: Path, role: str) -> Path:
    return data / "locks" / f"{role}.lock"
