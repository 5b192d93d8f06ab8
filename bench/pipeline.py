"""The pipeline beside rspamd, in a small and in a large store, and with two workers on PostgreSQL.

    make bench ARGS=pipeline           # PARTS=peer,growth,workers ROUNDS=5 MAILS=400 choose less

Every comparison is interleaved: the sides take turns on the same mails, and the medians of the rounds count.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine, text

from bench import _rspamd
from bench._filled import filled
from bench._mails import Sample, Samples, make, settle
from bench._worker import Round, Worker, working
from canary.model.mail import RawMail
from canary.spool.spool import Spool
from canary.store.database import Database
from tests.postgres import cluster

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MAILS = int(os.environ.get("MAILS", "400"))
PARTS = os.environ.get("PARTS", "peer,growth,workers").split(",")
CACHE = Path(os.environ.get("CANARY_BENCH_CACHE", Path(tempfile.gettempdir()) / "canary-bench"))
SMALL, LARGE = 10_000, 1_000_000


@dataclass
class Side:
    """One of those compared: its spools, its workers, and what each round took all of them together."""

    spools: list[Spool]
    workers: list[Worker]
    rounds: list[Round]

    def turn(self, mails: Sequence[Sample]) -> None:
        """Share the mails out over the spools, let all workers begin, and wait for the last."""
        for n, spool in enumerate(self.spools):
            asyncio.run(_keep(spool, mails[n :: len(self.spools)]))
        for worker in self.workers:
            worker.begin()
        ended = [worker.end() for worker in self.workers]
        stages = {stage: sum(r.stages.get(stage, 0.0) for r in ended) for stage in ended[0].stages}
        wall, cpu = max(r.wall for r in ended), sum(r.cpu for r in ended)
        self.rounds.append(Round(sum(r.mails for r in ended), wall, cpu, stages))

    @property
    def rate(self) -> float:
        """Mails a second."""
        return median(r.mails / r.wall for r in self.rounds)

    @property
    def cpu(self) -> float:
        """Milliseconds of processor time for a mail."""
        return median(r.cpu / r.mails * 1000 for r in self.rounds)


def main() -> None:
    samples = make(MAILS)
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name, _name_server(samples, Path(name)) as dns:
        for part in PARTS:
            _PARTS[part](samples, Path(name), dns)


def peer(samples: Samples, folder: Path, dns: int) -> None:
    """One worker beside one worker of rspamd."""
    if not _rspamd.installed():
        print("rspamd: not installed; apt-get install rspamd")
        return
    with ExitStack() as stack:
        store = _small_store(f"sqlite:///{folder}/peer.db")
        side = stack.enter_context(_side(store, folder, "peer", 1, dns))
        rspamd = stack.enter_context(_rspamd.running(folder, dns))
        for kind in ("mixed", "vendor", "stranger"):
            _beside(side, rspamd, samples.of(kind), kind)


def _beside(side: Side, rspamd: _rspamd.Peer, mails: Sequence[Sample], kind: str) -> None:
    raw = [RawMail(str(n), mail.envelope, mail.content) for n, mail in enumerate(mails)]
    rspamd.check(raw[:50])
    side.turn(mails[:50])
    side.rounds.clear()
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        side.turn(mails)
        theirs.append(rspamd.check(raw))
    rate = median(len(mails) / wall for wall, _ in theirs)
    cpu = median(spent / len(mails) * 1000 for _, spent in theirs)
    octets = sum(len(mail.content) for mail in mails) // len(mails)
    print(f"\n{kind}: {len(mails)} signed mails of {octets} octets, medians of {ROUNDS} rounds by turns")
    print(f"    {'':18}{'canary':>10}{'rspamd':>10}")
    print(f"    {'CPU ms a mail':18}{side.cpu:10.2f}{cpu:10.2f}   {_kept(side.cpu <= cpu)}")
    print(f"    {'mails a second':18}{side.rate:10.0f}{rate:10.0f}   {_kept(side.rate >= rate)}")
    _tell_stages(side)


def growth(samples: Samples, folder: Path, dns: int) -> None:
    """One worker in a store of ten thousand mails, and in one of a million."""
    with ExitStack() as stack:
        sides = []
        for mails in (SMALL, LARGE):
            store = filled(mails, CACHE, folder / f"filled{mails}.db")
            sides.append(stack.enter_context(_side(store, folder, f"growth{mails}", 1, dns)))
        _by_turns(sides, samples)
    cost = sides[1].cpu / sides[0].cpu
    slower = median(b.wall / a.wall for a, b in zip(sides[0].rounds, sides[1].rounds, strict=True))
    print(f"\ngrowth: {len(samples.mails)} mails a round, medians of {ROUNDS} rounds by turns")
    for side, mails in zip(sides, (SMALL, LARGE), strict=True):
        print(f"    {mails:>9,} mails in the store: {side.cpu:6.2f} ms CPU a mail, {side.rate:5.0f} mails a second")
    print(
        f"    cost of a mail: {cost:.2f} times in CPU, {slower:.2f} times in time   {_kept(max(cost, slower) <= 1.25)} (1.25)"
    )
    for side in sides:
        _tell_stages(side)


def workers(samples: Samples, folder: Path, dns: int) -> None:
    """One worker and two of them on one PostgreSQL, all on the cores that there are."""
    with ExitStack() as stack:
        server = stack.enter_context(cluster())
        sides = []
        for count in (1, 2):
            _create(server.url, f"bench{count}")
            store = _small_store(server.url.format(name=f"bench{count}"))
            sides.append(stack.enter_context(_side(store, folder, f"pg{count}", count, dns)))
        _by_turns(sides, samples)
    gain = median(a.wall / b.wall for a, b in zip(sides[0].rounds, sides[1].rounds, strict=True))
    print(
        f"\nPostgreSQL on {os.cpu_count()} cores: {len(samples.mails)} mails a round, medians of {ROUNDS} rounds by turns"
    )
    for side, name in zip(sides, ("one worker", "two workers"), strict=True):
        print(f"    {name:12} {side.rate:5.0f} mails a second, {side.cpu:6.2f} ms CPU a mail in the workers")
    print(f"    gain: {gain:.2f} times   {_kept(gain >= 1.3)} (1.3)")
    for side in sides:
        _tell_stages(side)


_PARTS: dict[str, Callable[[Samples, Path, int], None]] = {"peer": peer, "growth": growth, "workers": workers}


def _by_turns(sides: Sequence[Side], samples: Samples, rounds: int = ROUNDS) -> None:
    mails = samples.of("mixed")
    for side in sides:
        side.turn(mails[:100])
        side.rounds.clear()
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.turn(mails)


@contextmanager
def _side(store: Database, folder: Path, name: str, count: int, dns: int) -> Iterator[Side]:
    url, spools = store.url.render_as_string(hide_password=False), []
    store.close()
    with ExitStack() as stack:
        found = []
        for n in range(count):
            path = folder / f"{name}-{n}.spool"
            spool = Spool(path, reserve_bytes=0, max_backlog=10**6)
            spool.start(lambda: datetime.now(UTC))
            stack.callback(spool.close)
            spools.append(spool)
            found.append(stack.enter_context(working(url, path, dns)))
        yield Side(spools, found, [])


async def _keep(spool: Spool, mails: Sequence[Sample]) -> None:
    await asyncio.gather(*(spool.keep(mail.envelope, mail.content) for mail in mails))


@contextmanager
def _name_server(samples: Samples, folder: Path) -> Iterator[int]:
    zone = folder / "zone.json"
    zone.write_text(json.dumps(samples.zone))
    command = [sys.executable, "-m", "tests.zone_server", str(zone)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def _small_store(url: str) -> Database:
    store = Database(url)
    store.migrate()
    settle(store)
    return store


def _create(url: str, name: str) -> None:
    engine = create_engine(url.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()


def _tell_stages(side: Side) -> None:
    means = {
        stage: median(r.stages.get(stage, 0.0) / r.mails * 1000 for r in side.rounds) for stage in side.rounds[0].stages
    }
    print("    stages, ms a mail: " + ", ".join(f"{stage} {spent:.2f}" for stage, spent in means.items()))


def _kept(promise: bool) -> str:
    return "reached" if promise else "NOT REACHED"


if __name__ == "__main__":
    main()
