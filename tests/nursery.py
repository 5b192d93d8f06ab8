"""Real `canary smtp` processes that start in a moment: forked by a process that has everything imported already."""

import contextlib
import hashlib
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors
from tests.patience import PATIENCE
from tests.processes import eventually
from tests.sink import Dialogue

ROOT = Path(__file__).parent.parent
DAY = datetime(2026, 3, 1, tzinfo=UTC)
CLIENTS = 8


def furnish(folder: Path) -> str:
    """Makes a store in the folder `data` with one vendor, and answers the address issued to it."""
    (folder / "data" / "spool").mkdir(parents=True)
    store = Database(f"sqlite:///{folder}/data/canary.db")
    store.migrate()
    with store.writing() as session:
        vendors.add_vendor(session, "Shop", ["shop.example"], DAY)
        address = lifecycle.issue(session, IssueOrder("shop", "in.example"), secrets.randbelow, DAY).address
    store.close()
    return address


class Nursery:
    """Starts, stops and kills one receiver after another in a data folder."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = {"CANARY_LOG__LEVEL": "WARNING"} | dict(environment)

    @contextmanager
    def open(self) -> Iterator["Nursery"]:
        command = [sys.executable, "-m", "tests.nursery"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes) as self.process:  # type: ignore[call-overload]
            try:
                yield self
            finally:
                self.process.stdin.close()
                self.process.wait(PATIENCE)

    def start(self) -> tuple[str, int]:
        """A new receiver; where it listens."""
        self.tell("receive")
        heard = ""
        while not (listening := re.search(r"smtp listening on (?:smtp )?127\.0\.0\.1:(\d+)", heard)):
            heard = self.hear()
            assert heard != "ended", "the receiver did not start"
        return "127.0.0.1", int(listening[1])

    def work(self, path: Path) -> None:
        """A worker that puts off mails of a spool again and again, which is written but not synced."""
        self.tell(f"work {path}")

    def kill(self) -> None:
        """Ends all by SIGKILL, and waits until they are gone."""
        self.tell("kill")
        while self.hear() != "gone":
            pass

    def freeze(self) -> None:
        """Stops all their threads where they are."""
        self.tell("freeze")
        while self.hear() != "frozen":
            pass

    def tell(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        line = self.process.stdout.readline()
        assert line, "the nursery has ended"
        return str(line).strip()


@dataclass
class Ledger:
    """What clients have sent, and what was answered 250 or refused, by a token that begins each mail."""

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    largest: int = 12_000

    @contextmanager
    def load(self, place: tuple[str, int], address: str, name: str) -> Iterator[threading.Event]:
        """Mails from several sessions at once, until the connections break or the block ends."""
        ended = threading.Event()
        args = [(place, address, f"{name}.{number}", ended) for number in range(CLIENTS)]
        threads = [threading.Thread(target=self._send, args=one) for one in args]
        for thread in threads:
            thread.start()
        try:
            yield ended
        finally:
            ended.set()
            for thread in threads:
                thread.join(PATIENCE)

    def grow(self, mails: int) -> None:
        """Wait until so many more mails are acknowledged."""
        enough = len(self.acknowledged) + mails
        eventually(lambda: len(self.acknowledged) >= enough)

    def _send(self, place: tuple[str, int], address: str, name: str, ended: threading.Event) -> None:
        chance, number = random.Random(name), 0
        try:
            with Dialogue(place) as client:
                client.hear()
                client.ask("HELO client.example")
                while not ended.is_set():
                    self._mail(client, address, f"{name}.{number}", chance.randint(10, self.largest))
                    number += 1
        except OSError:
            return

    def _mail(self, client: Dialogue, address: str, token: str, size: int) -> None:
        client.say("MAIL FROM:<>", f"RCPT TO:<{address}>", "DATA")
        replies = [client.hear() for _ in range(3)]
        if "" in replies:
            raise ConnectionResetError
        if replies[2][:3] != "354":
            self.refused.append(replies[0] if replies[0][:1] != "2" else replies[2])
            client.ask("RSET")
            return
        self.sent.add(token)
        reply = client.ask(f"{token} {_padding(token, size // 2)}", ".")
        if reply[:3] == "250":
            self.acknowledged.add(token)
        elif reply:
            self.refused.append(reply)


def _padding(token: str, octets: int) -> str:
    return (hashlib.sha256(token.encode()).hexdigest() * (octets // 32 + 1))[: 2 * octets]


def take_all(path: Path) -> list[str]:
    """Empties a spool as a worker does; the tokens of its mails. Every mail must be whole."""
    worker = Spool(path, reserve_bytes=0, max_backlog=1)
    found = []
    while mails := worker.waiting(1000, DAY):
        for mail in mails:
            token, _, padding = mail.content.decode().strip().rpartition("\n")[2].partition(" ")
            assert padding == _padding(token, len(padding) // 2)
            found.append(token)
        worker.done([mail.key for mail in mails])
    worker.close()
    return found


# The nursery itself.


def _tend() -> None:
    import canary.processes.worker  # noqa: F401
    from canary.processes.roles import loop_factory

    loop_factory()

    children: list[int] = []
    for line in sys.stdin:
        verb, _, argument = line.strip().partition(" ")
        if verb in ("receive", "work"):
            children.append(os.fork())
            if not children[-1]:
                _grow_up(verb, argument)
        else:
            number, how, said = _ENDS[verb]
            for child in children:
                os.kill(child, number)
                os.waitpid(child, how)
            children = children if verb == "freeze" else []
            print(said, flush=True)


_ENDS = {"freeze": (signal.SIGSTOP, os.WUNTRACED, "frozen"), "kill": (signal.SIGKILL, 0, "gone")}


def _grow_up(verb: str, argument: str) -> None:
    from canary.__main__ import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        if verb == "work":
            _put_off(Path(argument))
        sys.argv = ["canary", "smtp"]
        main()
    finally:
        print("ended", flush=True)
        os._exit(1)


def _put_off(path: Path) -> None:
    worker = Spool(path, reserve_bytes=0, max_backlog=1)
    while True:
        with contextlib.suppress(OSError):
            for mail in worker.waiting(5, DAY):
                worker.postpone(mail.key, DAY, "again")


if __name__ == "__main__":
    _tend()
