"""Two nodes on one PostgreSQL with a replica: what each acknowledged is in the store once, whatever dies."""

import shutil
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlmodel import select

from canary.store.signing_key import installation_key
from canary.store.tables import MailRow
from tests.conftest import administer
from tests.patience import PATIENCE
from tests.postgres import Cluster, cluster, replica
from tests.processes import House, Running, eventually
from tests.receiver import Receiver

pytestmark = pytest.mark.slow

MAILS, SENDERS = 240, 4
PRIMARY_DIES, NODE_DIES = MAILS // 4, MAILS // 2
MAIL = "From: a@bad.example\r\nSubject: Reader update {n}\r\n\r\nDownload the new version at https://bad.example/x\r\n"


@dataclass
class Sender:
    """Sends mails to nodes by turns, again to another where one gives no answer, and notes what was acknowledged."""

    ports: list[int]
    addresses: list[str]
    tried: Counter[int] = field(default_factory=Counter)
    acknowledged: set[int] = field(default_factory=set)
    left: Iterator[int] = field(default_factory=lambda: iter(range(MAILS)))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        while (number := self._next()) is not None:
            while number not in self.acknowledged:
                self._send(number)

    def _next(self) -> int | None:
        with self.lock:
            return next(self.left, None)

    def _send(self, number: int) -> None:
        self.tried[number] += 1
        port = self.ports[(number + self.tried[number]) % len(self.ports)]
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
                to = self.addresses[number % len(self.addresses)]
                client.sendmail("a@bad.example", [to], MAIL.format(n=number).encode())
        except (smtplib.SMTPException, OSError):
            return
        self.acknowledged.add(number)


@pytest.fixture
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    with cluster() as primary:
        administer(primary.url, "CREATE DATABASE canary")
        with replica(primary) as standby:
            yield primary, standby


def node(folder: Path, servers: tuple[Cluster, Cluster], receiver: Receiver) -> House:
    """A node that finds whichever server takes what is written."""
    folder.mkdir()
    hosts = "&".join(f"host={server.home}" for server in servers)
    return House(folder, {
        "CANARY_STORE__URL": f"postgresql+psycopg://canary@/canary?{hosts}&target_session_attrs=read-write",
        "CANARY_ALERT__DESTINATIONS__OPS__KIND": "webhook",
        "CANARY_ALERT__DESTINATIONS__OPS__URL": receiver.url,
        "CANARY_ALERT__DESTINATIONS__OPS__SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "CANARY_ALERT__ALLOW_PRIVATE": "true",
        "CANARY_JUDGE__CASE_AT": "0",
    })  # fmt: skip


def in_store(house: House) -> Counter[int]:
    """How often each mail is there."""
    with house.store.reading() as session:
        return Counter(int(subject.rpartition(" ")[2]) for subject in session.exec(select(MailRow.subject)))


def kill(running: Running) -> None:
    running.process.kill()
    running.process.wait(PATIENCE)


def test_every_acknowledged_mail_is_there_once_when_the_primary_and_a_node_die(
    tmp_path: Path, servers: tuple[Cluster, Cluster], receiver: Receiver
) -> None:
    primary, standby = servers
    first, second = (node(tmp_path / name, servers, receiver) for name in ("first", "second"))
    addresses = [first.vendor(f"V{n}", f"v{n}.example") for n in range(3)]
    installation_key(first.folder / "data")
    (second.folder / "data").mkdir()
    for key in ("secret.key", "decoy.key"):
        shutil.copy(first.folder / "data" / key, second.folder / "data" / key)
    with first.open(), second.open(), ExitStack() as stack:
        receivers = [stack.enter_context(house.running("smtp", until=("smtp listening",))) for house in (first, second)]
        workers = [stack.enter_context(house.running("worker", until=("worker ready",))) for house in (first, second)]
        sender = Sender([each.port("smtp") for each in receivers], addresses)
        threads = [threading.Thread(target=sender.run) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(sender.acknowledged) >= PRIMARY_DIES)
        primary.stop()
        standby.promote()
        eventually(lambda: len(sender.acknowledged) >= NODE_DIES)
        kill(workers[1])
        kill(receivers[1])
        for thread in threads:
            thread.join(PATIENCE)
        assert sender.acknowledged == set(range(MAILS))
        first.canary("spool", "drain", str(second.folder / "data/spool/smtp.db"))
        eventually(lambda: len(in_store(first)) == MAILS)
        found = in_store(first)
        assert {n for n, times in found.items() if not 1 <= times <= sender.tried[n]} == set()
        assert sum(times == 1 for times in found.values()) >= MAILS - 2 * SENDERS
        eventually(lambda: bool(receiver.got))
    assert not any("Traceback" in line for running in (*receivers, *workers) for line in running.lines)
