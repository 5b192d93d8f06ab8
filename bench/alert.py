"""From the final dot of DATA to the Slack receiver: leak after leak under a background of vendors' own mail.

    make bench ARGS=alert            # LEAKS=200 RATE=200 SECONDS=400 choose other loads

One installation as a user runs it (`canary up`: listener, worker, dashboard on SQLite), a sender of its own process, and
a receiver that holds every post against Slack's rules. Each leak reaches an address of another vendor, and somebody
settles what it made once it was told of, so that each is a matter of its own: left alone, hundreds of vendors that are
hit within minutes are one leak of the owner's own. Slack takes one message a second from a hook, so the vendors are
spread by tag over so many hooks that this pace is not what is measured (`HOOKS`); the receiver keeps each to it.

Beside it, in the same run, stands the time from the same dot until the mail is in the store: what the alert adds is the
difference.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median, quantiles
from threading import Event, Thread

from sqlalchemy import text
from sqlmodel import col, select

from bench._mails import Sample, make, settle
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import workflow
from canary.cases.due import in_play
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.store.database import Database
from canary.store.queries import vendor_tags, vendors
from canary.store.tables import CanaryRow, CaseRow, HitRow
from tests.processes import House
from tests.slack import faults as slack_faults

LEAKS = int(os.environ.get("LEAKS", "200"))
RATE = int(os.environ.get("RATE", "200"))
SECONDS = int(os.environ.get("SECONDS", "400"))
HOOKS = int(os.environ.get("HOOKS", "50"))
UP = ("smtp listening", "web listening", "worker ready")
_ADDRESS = re.compile(r"[\w.+-]+\u200b?@in\.example")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name:
        measure(Path(name))


@dataclass
class Hooks:
    """Slack as far as it matters here: each hook takes a message a second, and every message is held against the rules."""

    port: int = 0
    arrived: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: -9.0))
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    async def serve(self, ready: Event, stop: Event) -> None:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await asyncio.to_thread(stop.wait)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                size = 0
                while (header := await reader.readline()).strip():
                    key, _, value = header.partition(b":")
                    size = int(value) if key.lower() == b"content-length" else size
                body = await reader.readexactly(size)
                writer.write(self._answer(line.split()[1].decode(), body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, hook: str, body: bytes) -> bytes:
        now = time.monotonic()
        if now - self.last[hook] < 1:
            self.refused += 1
            return b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
        self.last[hook] = now
        message = json.loads(body)
        self.faults += slack_faults(message)
        for address in _ADDRESS.findall(json.dumps(message, ensure_ascii=False)):
            self.arrived.setdefault(address.replace("\u200b", ""), now)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Watcher:
    """Looks every 20 ms which leaks are in the store by now."""

    store: Database
    seen: dict[str, float] = field(default_factory=dict)
    last: int = 0

    def watch(self, stop: Event) -> None:
        query = text(
            "SELECT hit.id, canary.address FROM hit JOIN canary ON canary.id = hit.canary_id"
            " WHERE hit.id > :last AND hit.case_id IS NOT NULL ORDER BY hit.id"
        )
        while not stop.wait(0.02):
            with self.store.reading() as session:
                for number, address in session.execute(query, {"last": self.last}):
                    self.last = number
                    self.seen.setdefault(address, time.monotonic())


@dataclass
class Settler:
    """Settles what a leak made once it was told of, as somebody would who looks at once."""

    store: Database
    hooks: Hooks

    def settle(self, stop: Event) -> None:
        query = select(CaseRow.id, CanaryRow.address).join(HitRow, col(HitRow.case_id) == CaseRow.id)
        query = query.join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id).where(in_play())
        while not stop.wait(0.2):
            with self.store.reading() as session:
                told = {number for number, address in session.exec(query) if address in self.hooks.arrived}
            for number in sorted(number for number in told if number):
                with self.store.writing() as session:
                    workflow.set_state(
                        session, number or 0, CaseState.FALSE_POSITIVE, Decision("bench", datetime.now(UTC))
                    )


def measure(folder: Path) -> None:
    hooks, ready, stop = Hooks(), Event(), Event()
    serving = Thread(target=lambda: asyncio.run(hooks.serve(ready, stop)))
    serving.start()
    ready.wait(10)
    house, background = _house(folder, hooks.port)
    with house.open():
        addresses = _fill(house.store)
        watcher = Watcher(house.store)
        watching = Thread(target=watcher.watch, args=(stop,))
        settling = Thread(target=Settler(house.store, hooks).settle, args=(stop,))
        try:
            with house.running("up", until=UP) as running:
                watching.start()
                settling.start()
                dots = _load(folder, running.port("smtp"), addresses, background)
                _await(lambda: len(hooks.arrived) >= len(addresses), 120)
        finally:
            stop.set()
            watching.join()
            settling.join()
            serving.join()
    tell(dots, watcher.seen, hooks)


def _house(folder: Path, port: int) -> tuple[House, Sequence[Sample]]:
    """Return the installation, its zone written, and the vendors' own mails of the background."""
    samples = make(400)
    environ = {
        "CANARY_ALERT__ALLOW_PRIVATE": "true",
        "CANARY_SMTP__EXEMPT": '["127.0.0.0/8"]',
        "CANARY_LOG__LEVEL": "WARNING",
    }
    for hook in range(HOOKS):
        name = f"CANARY_ALERT__DESTINATIONS__H{hook}__"
        environ |= {
            f"{name}KIND": "slack",
            f"{name}URL": f"http://127.0.0.1:{port}/services/{hook}",
            f"{name}TAGS": f'["hook{hook}"]',
        }
    house = House(folder, environ)
    house.canary("vendor", "list")
    zone = folder / "bench-zone.json"
    zone.write_text(json.dumps(samples.zone))
    house.environ["CANARY_DNS__ZONE"] = str(zone)
    return house, samples.of("vendor")


def _fill(store: Database) -> list[str]:
    """Add the vendors of the background, and one more with one address for each leak."""
    settle(store)
    now, chance = datetime.now(UTC), Random(3)
    with store.writing() as session:
        for n in range(LEAKS):
            vendors.add_vendor(session, f"Leaky{n}", [f"leaky{n}.example"], now)
            vendor_tags.add_tags(session, f"leaky{n}", [f"hook{n % HOOKS}"])
        made = [
            lifecycle.issue(session, IssueOrder(f"leaky{n}", "in.example"), chance.randrange, now) for n in range(LEAKS)
        ]
    return [canary.address for canary in made]


def _load(folder: Path, port: int, addresses: Sequence[str], background: Sequence[Sample]) -> dict[str, float]:
    """Send leaks and background from a process of its own; return when the final dot of each leak was written."""
    task = {
        "port": port, "rate": RATE, "seconds": SECONDS, "leaks": addresses,
        "background": [[s.envelope.mail_from, s.envelope.rcpt_to[0], s.content.decode("latin-1")] for s in background],
    }  # fmt: skip
    path = folder / "task.json"
    path.write_text(json.dumps(task))
    done = subprocess.run(
        [sys.executable, "-m", "bench._alert_load", str(path)], stdout=subprocess.PIPE, check=True, text=True
    )
    told = json.loads(done.stdout)
    print(f"sent {len(told['dots'])} leaks and {told['others']} other mails in {told['seconds']:.1f} s"
          f" ({(len(told['dots']) + told['others']) / told['seconds']:.0f} mails a second), {told['refused']} refused")  # fmt: skip
    return {address: float(at) for address, at in told["dots"].items()}


def _await(condition: Callable[[], bool], seconds: float) -> None:
    end, pause = time.monotonic() + seconds, Event()
    while not condition() and time.monotonic() < end:
        pause.wait(0.05)


def tell(dots: dict[str, float], stored: dict[str, float], hooks: Hooks) -> None:
    """Print the times side by side."""
    known = [a for a in dots if a in stored and a in hooks.arrived]
    store = [stored[a] - dots[a] for a in known]
    slack = [hooks.arrived[a] - dots[a] for a in known]
    added = [hooks.arrived[a] - stored[a] for a in known]
    print(f"{os.cpu_count()} cores, {HOOKS} hooks; {len(known)} of {len(dots)} leaks arrived, {hooks.refused} posts"
          f" refused for their pace, {len(hooks.faults)} against the rules")  # fmt: skip
    print(f"    {'seconds from the final dot':36}{'median':>9}{'p99':>9}{'most':>9}")
    for name, values in (
        ("until it is in the store", store),
        ("until Slack has it", slack),
        ("added by the alert", added),
    ):
        print(f"    {name:36}{median(values):9.2f}{quantiles(values, n=100)[98]:9.2f}{max(values):9.2f}")
    fine = median(slack) <= 5 and quantiles(slack, n=100)[98] < 5
    print(f"    all told of: {_kept(len(known) == len(dots))}; median and p99 below 5 s: {_kept(fine)}")


def _kept(promise: bool) -> str:
    return "reached" if promise else "NOT REACHED"
