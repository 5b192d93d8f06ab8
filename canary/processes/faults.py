"""What a program of ours says, in one line, when it cannot go on; it loads nothing for that."""

import errno
import logging
import sys
import traceback
from pathlib import Path

_OURS = (
    ("canary.settings", "SettingsError", 2),
    ("canary.model.registry_rows", "RegistryError", 2),
    ("canary.store.queries.vendors", "Unknown", 1),
)
"""Faults whose text is the line: where they are defined, and the exit code."""


_FREE = "free some space on that disk, then try again"
_CURES = (
    ("disk is full", _FREE),
    ("No space left", _FREE),
    ("disk I/O error", "its disk is full or fails; see `df` and the log of the system"),
    ("database is locked", "another process writes to it just now; try again"),
    ("readonly database", "its file or folder cannot be written; check their owner and permissions"),
    ("unable to open database file", "check store.url, and that its folder is there and can be written"),
)
"""What the database says of a fault, and the cure."""


def explain(fault: Exception, level: int = logging.DEBUG) -> tuple[str, int]:
    """Return the line and the exit code for what went wrong; one that nobody expected is logged at a level, with its trace."""
    for module, name, code in _OURS:
        if _is(fault, module, name):
            return str(fault), code
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{fault.filename or 'a disk of this machine'}: {fault.strerror}: {_FREE}", 1
    if isinstance(fault, OSError) and fault.filename:
        return f"{fault.filename}: {fault.strerror}: check the path and its permissions", 1
    if isinstance(fault, ValueError | OSError):
        return str(fault), 1
    if _is(fault, "sqlalchemy.exc", "SQLAlchemyError"):
        cause = str(getattr(fault, "orig", None) or fault).strip().splitlines()[0]
        cure = next((cure for words, cure in _CURES if words in cause), "check store.url and that the database is up")
        return f"store: {cause}: {cure}", 1
    logging.getLogger("canary").log(level, "unexpected fault", exc_info=fault)
    where = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{Path(where.filename).name}:{where.lineno}"
    return f"{type(fault).__name__}: {fault}: a bug in Canary, at {place}; set log.level to debug to see more", 1


def _is(fault: Exception, module: str, name: str) -> bool:
    # The code that raised such a fault has imported its module; where it has not been imported, it is another one.
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(fault, kind)


def brief(fault: Exception) -> str:
    """Return what a fault of the store says, in part of a line."""
    return str(getattr(fault, "orig", None) or fault).strip().splitlines()[0][:400]
