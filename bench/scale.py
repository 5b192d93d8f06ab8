"""What more canaries cost, on SQLite and on PostgreSQL: issuing, a mail, receivers, pages.

    make bench ARGS=scale              # SIZES=1000,10000 STORES=sqlite MAILS=200 choose less

Each store is filled to one size after the other by the same calls as `canary issue`, with decoys; what is measured at
a size is the median of rounds. Times are of this machine, and only their ratios mean anything elsewhere.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench._mails import NOW, VENDORS, Samples, make, settle
from canary.authenticate.lookup import ZoneLookup
from canary.canaries.decoy_key import prepare_key
from canary.canaries.issuing import issue_in_parts
from canary.canaries.lifecycle import IssueOrder
from canary.model.mail import RawMail
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.views.overview import overview
from canary.views.vendor_pages import vendor_page
from tests.conftest import administer
from tests.postgres import cluster

SIZES = tuple(map(int, os.environ.get("SIZES", "1000,10000,100000,1000000").split(",")))
STORES = os.environ.get("STORES", "sqlite,postgresql").split(",")
MAILS = int(os.environ.get("MAILS", "200"))
BATCH, ROUNDS, EVERY = 50, 5, 10


@dataclass(frozen=True, slots=True)
class Cost:
    """What a size costs: addresses issued a second, milliseconds for each of the others, megabytes of a receiver."""

    size: int
    issued: float
    mail: float
    memory: float
    filled: float
    fresh: float
    overview: float
    vendor: float


def main() -> None:
    """Measure every size on every store, and print a table for each store."""
    samples = make(MAILS * len(SIZES))
    for kind in STORES:
        with tempfile.TemporaryDirectory(prefix="canary-bench-") as name, _store(kind, Path(name)) as store:
            costs = [_measured(store, samples, n, Path(name)) for n in range(len(SIZES))]
        _print(kind, costs)


@contextmanager
def _store(kind: str, folder: Path) -> Iterator[Database]:
    mac = DecoyMac(folder / "decoy.key", EVERY)
    if kind == "sqlite":
        yield from _opened(f"sqlite:///{folder}/canary.db", mac)
        return
    with cluster() as server:
        administer(server.url, "CREATE DATABASE bench")
        yield from _opened(server.url.format(name="bench"), mac)


def _opened(url: str, mac: DecoyMac) -> Iterator[Database]:
    store = Database(url, decoy_mac=mac)
    store.migrate()
    settle(store)
    with store.writing() as session:
        prepare_key(session)
    yield store
    store.close()


def _measured(store: Database, samples: Samples, place: int, folder: Path) -> Cost:
    size = SIZES[place]
    issued = _fill(store, size - (SIZES[place - 1] if place else VENDORS))
    mail = _mail(store, samples, place)
    memory, filled, fresh = _receiver(store, folder)
    with store.reading() as session:
        first = _median(lambda: overview(session, NOW))
        vendor = _median(lambda: vendor_page(session, "shop1", NOW))
    return Cost(size, issued, mail, memory, filled, fresh, first, vendor)


def _fill(store: Database, count: int) -> float:
    began = time.perf_counter()
    share = max(1, count // VENDORS)
    made = sum(
        len(part)
        for vendor in range(VENDORS)
        for part in issue_in_parts(
            store, IssueOrder(f"shop{vendor}", "in.example"), share, secrets.randbelow, lambda: NOW
        )
    )
    return made / (time.perf_counter() - began)


def _mail(store: Database, samples: Samples, place: int) -> float:
    """Milliseconds of processor that the transactions of this process take for a mail."""
    context = Context(store, lambda: ZoneLookup(samples.zone), supplier_book(), lambda: NOW)
    mails = samples.of("mixed")[place * MAILS : (place + 1) * MAILS]  # each size gets as much of either kind

    async def read() -> list:  # type: ignore[type-arg]
        raws = [RawMail(f"scale-{place}-{n}", mail.envelope, mail.content) for n, mail in enumerate(mails)]
        return [await parse_and_authenticate(context, raw) for raw in raws]

    found = asyncio.run(read())
    taken = []
    for first in range(0, len(found), BATCH):
        batch, began = found[first : first + BATCH], time.process_time()
        process_batch(context, batch)
        taken.append((time.process_time() - began) / len(batch))
    return median(taken) * 1000


def _receiver(store: Database, folder: Path) -> tuple[float, float, float]:
    """The memory of a receiver, what it takes to learn of all addresses, and of one more."""
    place = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "bench._receiver", store.url.render_as_string(hide_password=False), str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        next(issue_in_parts(store, IssueOrder("shop0", "in.example"), 1, secrets.randbelow, lambda: NOW))
        process.stdin.write("\n")
        process.stdin.flush()
        found = json.loads(process.stdout.readline())
    assert found["more"] >= 1
    return found["memory"], found["filled"] * 1000, found["fresh"] * 1000


def _median(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1000


def _print(kind: str, costs: list[Cost]) -> None:
    print(f"\n{kind}: issued a second; ms of processor for a mail; a receiver's MB, ms of processor for all addresses,")
    print("ms for a new one; ms for overview and page of a vendor")
    print(
        f"{'canaries':>10} {'issued/s':>9} {'mail':>7} {'memory':>7} {'all':>8} {'new':>7} {'overview':>9} {'vendor':>8}"
    )
    for c in costs:
        print(
            f"{c.size:>10,} {c.issued:>9,.0f} {c.mail:>7.2f} {c.memory:>7.0f} {c.filled:>8,.0f} {c.fresh:>7.1f}"
            f" {c.overview:>9.1f} {c.vendor:>8.1f}"
        )


if __name__ == "__main__":
    main()
