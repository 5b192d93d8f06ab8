"""Files and folders of an installation are for its user alone: made so by each process, and looked for by `canary doctor`."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

UMASK = 0o077
MOST = 10_000
"""So many files are looked at."""


def keep_files_private() -> None:
    """Let whatever this process and its children make be readable by their user only; called once at its entry."""
    os.umask(UMASK)


def exposed_files(*places: Path) -> list[Path]:
    """Return the files and folders at and below these places that others than their user may read or write."""
    found = (path for place in places for path in _below(place))
    return [path for _, path in zip(range(MOST), found, strict=False) if _is_exposed(path)]


def _below(place: Path) -> Iterator[Path]:
    yield place
    if place.is_dir() and not place.is_symlink():
        yield from place.rglob("*")


def _is_exposed(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:  # it is gone by now, or nothing of ours
        return False
    # The mode of a link means nothing, and that of a socket is a setting.
    return bool(mode & UMASK) and (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
