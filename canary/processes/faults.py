"""What a program of ours says, in one line, when it cannot go on."""

import logging
import sys

from canary.settings import SettingsError


def explain(fault: Exception) -> tuple[str, int]:
    """Return the line and the exit code for what went wrong: 2 for settings that cannot be used, 1 for the rest."""
    if isinstance(fault, SettingsError):
        return str(fault), 2
    if isinstance(fault, ValueError | OSError):
        return str(fault), 1
    if _is_of_the_store(fault):
        cause = str(getattr(fault, "orig", None) or fault).strip().splitlines()[0]
        return f"store: {cause}: check store.url and that the database is up", 1
    logging.getLogger("canary").error("unexpected fault", exc_info=fault)
    return f"{type(fault).__name__}: {fault}: this is a bug in Canary; the log has more", 1


def _is_of_the_store(fault: Exception) -> bool:
    # Nothing can have raised it unless it has been imported already.
    library = sys.modules.get("sqlalchemy.exc")
    return library is not None and isinstance(fault, library.SQLAlchemyError)
