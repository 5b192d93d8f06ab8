"""A large store moved to PostgreSQL and back by `canary move`, killed half-way in both directions and begun again.

    make bench ARGS=move           # MAILS=200000 chooses less

Whatever the command says of it, rows are counted and digests compared here too, over all tables of the first and the last store.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from bench._filled import filled
from bench.pipeline import CACHE, _create, _kept
from canary.processes.stores import claim_store
from canary.settings import Settings, load_settings
from canary.store import moving
from canary.store.database import Database
from canary.store.tables import MailRow
from tests.postgres import cluster

MAILS = int(os.environ.get("MAILS", "200000"))


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move took: seconds until it was killed, seconds until it ended after that, and the most memory it had."""

    killed_after: float
    seconds: float
    megabytes: float
    rows: int


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name, cluster() as server:
        folder = Path(name)
        config, settings = _installation(folder)
        file = folder / "data" / "canary.db"
        filled(MAILS, CACHE, file).close()
        claim_store(settings)
        _create(server.url, "moved")
        database, back = server.url.format(name="moved"), f"sqlite:///{folder}/back.db"
        there = _move(config, f"sqlite:///{file}", database)
        again = _move(config, database, back)
        same = _same(f"sqlite:///{file}", back)
    print(f"\nmove: a store of {MAILS:,} mails, {there.rows:,} rows, to PostgreSQL and back, each killed half-way")
    for said, moved in (("to PostgreSQL", there), ("to SQLite", again)):
        print(
            f"    {said:14} killed after {moved.killed_after:.1f} s, ended {moved.seconds:.1f} s after it was begun again,"
            f" {moved.megabytes:.0f} MB"
        )
    print(f"    every table as it was, by count and digest   {_kept(same)}")


def _installation(folder: Path) -> tuple[Path, Settings]:
    config = folder / "canary.toml"
    config.write_text(f'data = "{folder}/data"\ndomains = ["in.example"]\n')
    (folder / "data").mkdir(mode=0o700)
    return config, load_settings(config, {})


def _move(config: Path, source: str, target: str) -> Moved:
    """Move a store, kill that once half of its mails are there, and begin it again."""
    whole = _mails(source)
    began = time.perf_counter()
    with _moving(config, source, target) as process:
        _wait(lambda: process.poll() is not None or _mails(target) >= whole / 2)
        if process.poll() is not None:
            raise RuntimeError(f"it ended before it was killed: {process.communicate()[1]}")
        process.kill()
        process.communicate()
    killed = time.perf_counter() - began
    began = time.perf_counter()
    with _moving(config, source, target) as process:
        told, complaint = process.communicate()
        if process.returncode:
            raise RuntimeError(complaint)
    document = json.loads(told)
    return Moved(killed, time.perf_counter() - began, _peak(complaint), document["rows"])


def _moving(config: Path, source: str, target: str) -> "subprocess.Popen[str]":
    # The command in a process of its own; its last word on stderr is the most memory that it had.
    program = (
        "import resource, sys; from canary.cli import app\n"
        "try: app(sys.argv[1:], prog_name='canary')\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, "--config", str(config), "move", target, "--json"],
        env={**os.environ, "CANARY_STORE__URL": source}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _peak(complaint: str) -> float:
    return int(complaint.rsplit(maxsplit=1)[-1]) / 1024


def _mails(url: str) -> int:
    """How many mails are in a store, none where there are no tables yet."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(text(str(MailRow.__tablename__)))) or 0)
    except DBAPIError:
        return 0
    finally:
        engine.dispose()


def _wait(until: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not until():
        pause.wait(0.1)


def _same(first: str, last: str) -> bool:
    with closing(Database(first)) as one, closing(Database(last)) as other:
        return not moving.differing(moving.digests(one), moving.digests(other))


if __name__ == "__main__":
    main()
