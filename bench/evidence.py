"""The log and the packs of evidence: single bits changed, a log of a million leaves, and what logging costs a mail.

    make bench ARGS=evidence           # PARTS=flips,leaves,cost,waits FLIPS=10000 LEAVES=1000000 ROUNDS=5 MAILS=400 choose less

What is compared takes turns on the same mails, and the medians of the rounds count.
"""

import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import insert, text

from bench._mails import Samples, make
from bench.pipeline import ROUNDS, Side, _by_turns, _create, _kept, _name_server, _side, _small_store
from canary.cases.pack import make_pack
from canary.cli.demo import _prepare
from canary.evidence.leaves import SALT_OCTETS
from canary.evidence.log_reading import newest_checkpoint, tree_of
from canary.evidence.sequencing import sequence_waiting
from canary.evidence.tree import consistency_proof, inclusion_proof
from canary.evidence.verify import verify_pack
from canary.processes.verifier_file import verifier_file
from canary.store.database import Database
from canary.store.log_key import CARRIED_AS, LogKey
from canary.store.tables import LogLeafRow
from canary.store.tables.base import metadata
from tests.postgres import cluster
from tests.receiver import receiving

FLIPS = int(os.environ.get("FLIPS", "10000"))
LEAVES = int(os.environ.get("LEAVES", "1000000"))
MAILS = int(os.environ.get("MAILS", "400"))
PARTS = os.environ.get("PARTS", "flips,leaves,cost,waits").split(",")
NOW = datetime(2011, 4, 2, 9, 30, tzinfo=UTC)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name:
        for part in PARTS:
            folder = Path(name) / part
            folder.mkdir()
            _PARTS[part](folder)


def flips(folder: Path) -> None:
    """Change single bits of the pack of the demo's case, and verify it by the one-file verifier."""
    with receiving() as slack:
        _, story, stage = _prepare(folder, slack.url, 0)
        asyncio.run(stage.replay(story))
    with closing(stage.store) as store:
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    assert verify_pack(pack).holds
    missed = [
        at for at in random.Random(9).sample(range(len(pack) * 8), FLIPS) if verify_pack(_flipped(pack, at)).holds
    ]
    print(
        f"\n{FLIPS:,} single bits changed in a pack of {len(pack):,} octets: {len(missed)} missed   {_kept(not missed)}"
    )
    file, verifier = folder / "pack.zip", folder / "verify.pyz"
    file.write_bytes(pack)
    verifier.write_bytes(verifier_file())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = median(_timed(lambda: _run_bare(verifier, file, folder)) for _ in range(3))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3
    print(
        f"    the verifier of {verifier.stat().st_size >> 20} MB on a bare Python: {took:.2f} s, {cpu:.2f} s CPU   {_kept(took < 3)} (3 s)"
    )


def _run_bare(verifier: Path, file: Path, folder: Path) -> None:
    import cryptography

    site, alone = Path(cryptography.__file__).parents[1], folder / "bare"
    if not alone.exists():
        alone.mkdir()
        for path in (site / "cryptography", site / "cffi", *site.glob("_cffi_backend*")):
            (alone / path.name).symlink_to(path)
    subprocess.run(
        [sys.executable, "-S", verifier, file], check=True, capture_output=True, env={"PYTHONPATH": str(alone)}
    )


def _flipped(pack: bytes, at: int) -> bytes:
    changed = bytearray(pack)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def leaves(folder: Path) -> None:
    """Grow a log to a million leaves, and prove leaves of it."""
    path, key, drawn = folder / "canary.db", LogKey(folder / "log.key"), random.Random(1)
    table = metadata.tables[str(LogLeafRow.__tablename__)]
    with closing(Database(f"sqlite:///{path}", carried={CARRIED_AS: key})) as store:
        store.migrate()
        before, took = _octets(store), 0.0
        for _ in range(0, LEAVES, 50_000):
            rows = [
                {"reference": drawn.getrandbits(56), "salt": drawn.randbytes(SALT_OCTETS), "leaf": drawn.randbytes(32)}
                for _ in range(min(50_000, LEAVES))
            ]
            with store.writing() as session:
                session.connection().execute(insert(table), rows)
            took += _timed(lambda: sequence_waiting(store, NOW))
        with store.reading() as session:
            newest = newest_checkpoint(session)
            assert newest is not None
            proofs = [
                _timed(lambda: inclusion_proof(tree_of(session).node, drawn.randrange(newest.size), newest.size))
                for _ in range(200)
            ]
            grown = [
                _timed(
                    lambda: consistency_proof(tree_of(session).node, 1 + drawn.randrange(newest.size - 1), newest.size)
                )
                for _ in range(200)
            ]
            each = (_octets(store) - before) / newest.size
    print(
        f"\nlog of {newest.size:,} leaves: {each:.0f} octets a leaf, {took / newest.size * 1e6:.0f} µs to sequence one"
    )
    for name, times in (("in the log", proofs), ("it only grew", grown)):
        print(
            f"    proof that {name}: median {median(times) * 1000:.2f} ms, worst {max(times) * 1000:.2f} ms   {_kept(median(times) <= 0.01)} (10 ms)"
        )


def _octets(store: Database) -> int:
    with store.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        return int(pages * connection.execute(text("PRAGMA page_size")).scalar_one())


def cost(folder: Path) -> None:
    """One worker that logs beside one that does not."""
    samples = make(MAILS)
    with ExitStack() as stack:
        dns = stack.enter_context(_name_server(samples, folder))
        sides = []
        for name in ("without", "with"):
            store = _small_store(f"sqlite:///{folder}/{name}.db")
            with _logging(folder / "log.key" if name == "with" else None):
                sides.append(stack.enter_context(_side(store, folder, name, 1, dns)))
        _by_turns(sides, samples, 2 * ROUNDS)
        _tell_cost(sides)


def _tell_cost(sides: list[Side]) -> None:
    ratio = median(b.cpu / a.cpu for a, b in zip(sides[0].rounds, sides[1].rounds, strict=True))
    print(f"\nlogging: {MAILS} mails a round, medians of {2 * ROUNDS} rounds by turns")
    for side, name in zip(sides, ("without", "with"), strict=True):
        print(f"    {name:8} the log: {side.cpu:6.2f} ms CPU a mail, {side.rate:5.0f} mails a second")
    print(f"    CPU of a mail: {ratio:.3f} times   {_kept(ratio <= 1.05)} (1.05)")


@contextmanager
def _logging(key: Path | None) -> Iterator[None]:
    """Let the workers that begin within it log with a key."""
    if key:
        os.environ["CANARY_BENCH_LOG_KEY"] = str(key)
    try:
        yield
    finally:
        os.environ.pop("CANARY_BENCH_LOG_KEY", None)


def waits(folder: Path) -> None:
    """Four workers on PostgreSQL that log, while a leader sequences what they write."""
    samples = make(MAILS)
    with ExitStack() as stack:
        dns = stack.enter_context(_name_server(samples, folder))
        server = stack.enter_context(cluster())
        _create(server.url, "bench_log")
        url = server.url.format(name="bench_log")
        store = _small_store(url)
        with _logging(folder / "log.key"):
            side = stack.enter_context(_side(store, folder, "log", 4, dns))
        _watch_waits(side, samples, url, LogKey(folder / "log.key"))


def _watch_waits(side: Side, samples: Samples, url: str, key: LogKey) -> None:

    done, seen = threading.Event(), [0, 0]

    def watch() -> None:
        with closing(Database(url, carried={CARRIED_AS: key})) as store:
            while not done.wait(0.02):
                with store.engine.connect() as connection:
                    rows = connection.execute(text(_WAITING)).all()
                seen[0] += sum(1 for row in rows if row.state == "active")
                seen[1] += sum(1 for row in rows if row.wait_event_type == "Lock" and "log_" in row.query)
                if random.random() < 0.02:
                    sequence_waiting(store, datetime.now(UTC))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(ROUNDS):
            side.turn(samples.of("mixed"))
    finally:
        done.set()
        watcher.join()
    share = seen[1] / max(seen[0], 1)
    print(
        f"\nfour workers on PostgreSQL: {side.rate:.0f} mails a second; of {seen[0]:,} times that one was seen at work it waited"
    )
    print(f"    for the log {seen[1]} times: {share:.2%}   {_kept(share <= 0.01)} (1 %)")


_WAITING = "SELECT state, wait_event_type, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_PARTS: dict[str, Callable[[Path], None]] = {"flips": flips, "leaves": leaves, "cost": cost, "waits": waits}


if __name__ == "__main__":
    main()
