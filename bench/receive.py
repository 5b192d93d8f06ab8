"""Receiving beside real sinks: durable Canary, smtp-sink, Node smtp-server, maildev, Haraka and bare aiosmtpd.

What is promised is promised beside bare aiosmtpd, and beside a worker of Canary's own: the other figures are for readers.

Each round gives every one its turn, and the median counts. A turn is a fresh process that gets every load, each after two
to warm up; with `receive:warm` one process serves all turns, idle between them, which lets Node compile what is hot.
Servers and load share all processors, as they find them: Canary's second thread has the same as the load has.
Canary is a real `canary smtp` process and keeps every mail on disk before its 250 (each load ends by counting them); the
others keep nothing, or in memory. `receive:quick` measures less, `receive:count=20000` sends so many for memory.
"""

import asyncio
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, quantiles

import trustme

from bench.peers import clients
from bench.peers.canary_sink import CanarySink
from bench.peers.clients import Load, Run
from bench.peers.servers import PEERS, SMTP_SOURCE, Recipe, Server, running
from canary.processes.roles import loop_factory

CELLS = {
    "4 KB, many a session": Load(4096, many=True),
    "64 KB, many a session": Load(65536, many=True),
    "4 KB, one a session": Load(4096, many=False),
}
MANY, LARGE, ONE = CELLS
PROMISED = [(MANY, "aiosmtpd", 2.5), (LARGE, "aiosmtpd", 3.0), (ONE, "aiosmtpd", 1.5)]
MEGABYTE = 1_000_000


TLS_TURNS = 4
"""Most of a session's cost is the handshake, which both have alike: what is left shows in many turns only."""


@dataclass
class Plan:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 1.5
    sessions: int = 400
    count: int = 1_000_000
    burst: int = 20_000
    warm: bool = False

    @classmethod
    def of(cls, options: tuple[str, ...]) -> "Plan":
        plan = cls(rounds=3, seconds=0.5, sessions=100, count=20_000, burst=2_000) if "quick" in options else cls()
        for option in options:
            name, _, value = option.partition("=")
            if name == "count":
                plan.count = int(value)
            elif option == "warm":
                plan.warm = True
            elif option != "quick":
                raise SystemExit(f"{option}: no such option; there are quick, warm and count=MAILS")
        return plan


@dataclass
class Bench:
    """What can be started, what runs, and what is promised of Canary with what was found."""

    plan: Plan
    folder: Path
    recipes: dict[str, Recipe]
    sink: CanarySink
    stack: ExitStack
    verdicts: list[tuple[str, bool]] = field(default_factory=list)
    running: dict[str, Server] = field(default_factory=dict)

    def kept(self, name: str) -> Server:
        """A server that runs until the end."""
        if name not in self.running:
            self.running[name] = self.stack.enter_context(running(self.recipes[name], self.folder))
        return self.running[name]

    @contextmanager
    def turn(self, name: str) -> Iterator[Server]:
        """A server for one turn."""
        if self.plan.warm:
            yield self.kept(name)
        else:
            with running(self.recipes[name], self.folder) as server:
                yield server

    def promise(self, text: str, found: float, bound: float, *, most: bool = False) -> None:
        held = found <= bound if most else found >= bound
        self.verdicts.append((f"{text:<58} {found:>9.2f}  {'<=' if most else '>='} {bound:g}", held))


def main(*options: str) -> None:
    """Prints the tables and each promise; ends with 1 when one is broken."""
    if SMTP_SOURCE is None:
        raise SystemExit("smtp-source is not there; `.ci/install bench-tools` installs postfix, which brings it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    plan, began = Plan.of(options), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificate = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("sink.test", key_type=trustme.KeyType.ECDSA)
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "sink.pem")
        sink = CanarySink(folder / "installed")
        for absent in [peer.name for peer in PEERS if peer.lacks]:
            print(f"{absent} is not installed and left out; `.ci/install bench-tools` installs it")
        recipes = [sink.recipe(folder / "sink.pem"), *(peer for peer in PEERS if not peer.lacks)]
        with ExitStack() as stack, asyncio.Runner(loop_factory=loop_factory()) as runner:
            bench = Bench(plan, folder, {recipe.name: recipe for recipe in recipes}, sink, stack)
            broken = runner.run(measure(bench))
    print(f"{time.monotonic() - began:.0f} s in all")
    if broken:
        raise SystemExit(f"{broken} promises are broken")


async def measure(bench: Bench) -> int:
    """All tables; answers how many promises are broken."""
    python = f"Python {platform.python_version()}"
    print(f"{bench.plan.rounds} rounds, {clients.cores()} processors for servers and load together, {python}")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    rate = throughput(bench)
    await latency(bench)
    await tls(bench)
    memory(bench)
    burst(bench, rate)
    print()
    for line, held in bench.verdicts:
        print(f"{'reached ' if held else 'MISSED  '} {line}")
    return sum(not held for _, held in bench.verdicts)


# Throughput.


def throughput(bench: Bench) -> float:
    """The table of loads; answers how many small mails a second are kept."""
    found = rounds_of(bench)
    print(f"\n{'mails/s (server CPU in us for each)':<36}" + "".join(f"{cell:>28}" for cell in CELLS))
    for name in bench.recipes:
        print(f"{name:<36}" + "".join(f"{_shown(found[cell][name]):>28}" for cell in CELLS))
    for cell, peer, bound in PROMISED:
        if peer in bench.recipes:
            ratio = _rate(found[cell]["canary"]) / _rate(found[cell][peer])
            bench.promise(f"{cell}: canary / {peer}", ratio, bound)
    return _rate(found[MANY]["canary"])


def rounds_of(bench: Bench) -> dict[str, dict[str, list[Run]]]:
    """The runs by load and server, one of each in every round."""
    found: dict[str, dict[str, list[Run]]] = {cell: {name: [] for name in bench.recipes} for cell in CELLS}
    for number in range(bench.plan.rounds):
        for name in turned(list(bench.recipes), number):
            with bench.turn(name) as server:
                for cell, load in CELLS.items():
                    found[cell][name].append(sent(bench, server, load, sized(bench, server, load)))
    return found


def turned(names: list[str], number: int) -> Iterator[str]:
    """The names in their order, each round beginning with another."""
    start = number % len(names)
    yield from names[start:] + names[:start]


def sized(bench: Bench, server: Server, load: Load) -> int:
    """How many mails fill the time of a run, by two trials."""
    sent(bench, server, load, 100)
    return max(100, int(bench.plan.seconds * sent(bench, server, load, 300).rate))


def sent(bench: Bench, server: Server, load: Load, mails: int) -> Run:
    run = clients.send(server, load, mails)
    if server.name == "canary" and (kept := bench.sink.take()) != mails:
        raise SystemExit(f"canary kept {kept} of {mails} acknowledged mails")
    return run


def _rate(runs: list[Run]) -> float:
    return median(run.rate for run in runs)


def _shown(runs: list[Run]) -> str:
    rates = sorted(run.rate for run in runs)
    return f"{median(rates):.0f} [{rates[0]:.0f}-{rates[-1]:.0f}] ({median(r.cpu for r in runs) * 1e6:.0f})"


# Latency, TLS, memory.


async def latency(bench: Bench) -> None:
    print(f"\n{'final dot to 250, 50 sessions':<36}{'mails/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
    names = ["canary", "aiosmtpd"]
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for _ in range(bench.plan.rounds):
        for name in names:
            waits = await clients.waits(bench.kept(name), 2 * bench.plan.seconds)
            cuts = quantiles(waits, n=100)
            found[name].append((len(waits) / (2 * bench.plan.seconds), cuts[49] * 1e3, cuts[98] * 1e3))
        bench.sink.take()
    middle = {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    for name, (rate, p50, p99) in middle.items():
        print(f"{name:<36}{rate:>12.0f}{p50:>10.2f}{p99:>10.2f}")
    bench.promise("final dot to 250 with 50 sessions, p50 in ms", middle["canary"][1], 10, most=True)
    bench.promise("final dot to 250 with 50 sessions, p99 in ms", middle["canary"][2], 30, most=True)


async def tls(bench: Bench) -> None:
    names = ["canary", "aiosmtpd"]
    spent: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TLS_TURNS * bench.plan.rounds):
        for name in names:
            spent[name].append(await clients.tls_sessions(bench.kept(name), bench.plan.sessions))
    bench.sink.take()
    # In one round the kernel's clock ticks once in 25 us a session, which is too coarse for a median.
    middle = {name: fmean(rows) for name, rows in spent.items()}
    print(f"\n{'one STARTTLS session for each mail':<36}{'server CPU in us':>22}")
    for name in names:
        print(f"{name:<36}{middle[name] * 1e6:>22.0f}")
    bench.promise("STARTTLS session, CPU: canary / aiosmtpd", middle["canary"] / middle["aiosmtpd"], 0.75, most=True)


def memory(bench: Bench) -> None:
    server, count = bench.kept("canary"), bench.plan.count
    print(f"\n{'memory of canary in MB':<44}{'before':>10}{'most':>10}")
    with clients.watched(server) as seen:
        reply = clients.endless_line(server, 200 * MEGABYTE)
    told(f"a line of 200 MB ({reply[:9]})", seen)
    # Until it is too big it may become a mail of the largest size, and is held as one.
    bench.promise("a line of 200 MB: MB more, a mail may have 26.5", (max(seen) - seen[0]) / MEGABYTE, 30, most=True)
    with clients.watched(server) as seen:
        for _ in range(0, count, 20_000):
            sent(bench, server, CELLS[MANY], min(count, 20_000))
    told(f"{count:,} mails at full speed", seen)
    bench.promise(f"{count:,} mails at full speed: MB at most", max(seen) / MEGABYTE, 150, most=True)
    with clients.watched(server) as seen, clients.idle_crowd(server, 2000):
        time.sleep(1)
    told("2,000 idle connections", seen)
    bench.promise("2,000 idle connections: MB at most", max(seen) / MEGABYTE, 150, most=True)


# A burst.


def burst(bench: Bench, rate: float) -> None:
    """Far more mails at once than a worker can judge: all are taken while it judges, and it comes to their end."""
    sink, count = CanarySink(bench.folder / "burst"), bench.plan.burst
    with running(sink.recipe(bench.folder / "sink.pem"), bench.folder) as server, sink.judging():
        taken = clients.send(server, CELLS[MANY], count)  # ends the program if one is refused
        left, began = sink.backlog(), time.monotonic()
        while sink.backlog():
            if time.monotonic() > began + 600:
                raise SystemExit(f"a worker has not come to the end of {left} mails in ten minutes")
            time.sleep(0.2)
        alone = left / max(time.monotonic() - began, 0.2)
    print(f"\n{'burst of ' + format(count, ',') + ' mails from 50 sessions':<44}{'mails/s':>10}")
    print(f"{'taken while the worker judges, none refused':<44}{taken.rate:>10.0f}")
    print(f"{'judged meanwhile':<44}{(count - left) * taken.rate / count:>10.0f}")
    print(f"{'judged afterwards, until none waited':<44}{alone:>10.0f}")
    bench.promise("4 KB, many a session: kept / judged by a worker alone", rate / alone, 5)


def told(what: str, seen: list[int]) -> None:
    print(f"{what:<44}{seen[0] / MEGABYTE:>10.1f}{max(seen) / MEGABYTE:>10.1f}")


if __name__ == "__main__":
    main()
