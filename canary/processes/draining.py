"""Draining the spool of a node that is gone: its mails and attempts come into the store, each exactly once."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.installation import Installation
from canary.settings import Settings
from canary.spool.spool import Spool
from canary.spool.spool_file import SpoolFault, connect, read_uid


@dataclass(frozen=True, slots=True)
class Drained:
    """How many mails of a spool were brought to the store, and how many wait in it for another try."""

    file: Path
    mails: int
    left: int


def check_drainable(settings: Settings, file: Path) -> None:
    """Raise SpoolFault, in one line, for a file that is no spool, is worked on here, or is another installation's."""
    if not file.is_file():
        raise SpoolFault(
            f"spool {file}: there is no such file: name the one that the other node wrote, such as smtp.db"
        )
    if file.resolve().parent == (settings.data / "spool").resolve():
        raise SpoolFault(f"spool {file}: lies in this node's own folder, and `canary worker` empties it: start that")
    try:
        with closing(connect(file, durable=False)) as connection:
            read_uid(connection)
    except (sqlite3.Error, TypeError, UnicodeDecodeError) as error:
        raise SpoolFault(f"spool {file}: is no spool that can be read ({error}): name a file such as smtp.db") from None
    if not Installation(settings).owns(file):
        raise SpoolFault(f"spool {file}: is another installation's: drain it there")


async def drain(context: Context, file: Path, passed: Callable[[int], None] = lambda _: None) -> Drained:
    """Bring all mails and attempts of a spool to the store, which knows those that it has already by their keys.

    What fails, or waits for DNS, stays in the spool and is due again later. `passed` is told how many mails are done.
    Raises SpoolFault, and what the store raises while it is down.
    """
    with closing(Spool(file, reserve_bytes=0, max_backlog=0)) as spool:
        spool.inherit()
        before = spool.backlog()
        while await run_pending(context, spool) or spool.attempts(1):
            passed(before - spool.backlog())
        return Drained(file, before - spool.backlog(), spool.backlog())
