"""No mail that a stranger may send costs a real worker much, or keeps the mail behind it waiting."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from canary.mail.parse import parse
from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from canary.store.tables import HitRow, MailRow
from tests.costly_mail import FULL, MB, SHAPES, make
from tests.effort import cpu_seconds
from tests.processes import House, Running, eventually
from tests.signer import rsa

pytestmark = pytest.mark.slow
LEAK = b"From: a@bad.example\r\nSubject: Offer\r\n\r\nDownload the new version at https://bad.example/x now\r\n"


class Bench:
    """A worker that runs, its spool, and what its processes took."""

    def __init__(self, house: House, running: Running, address: str) -> None:
        self.house, self.address, self.worker = house, address, running.process.pid
        folder = house.folder / "data/spool"
        folder.mkdir(parents=True, exist_ok=True)
        self.spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=1000)
        self.spool.start(lambda: datetime.now(UTC))

    def send(self, content: bytes) -> str:
        envelope = Envelope("a@bad.example", (self.address,), Client("203.0.113.5"), datetime.now(UTC))
        return asyncio.run(self.spool.keep(envelope, content))

    def is_judged(self, key: str) -> bool:
        with self.house.store.reading() as session:
            query = select(HitRow.verdict).join(MailRow, col(MailRow.id) == HitRow.mail_id).where(MailRow.key == key)
            return session.exec(query).first() is not None

    def processor(self) -> float:
        """Seconds of processor that the worker's main process took so far."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def megabytes(self) -> int:
        """The most memory that the worker and its child took so far, both at their worst."""
        lists = [file.read_text() for file in Path(f"/proc/{self.worker}/task").glob("*/children")]
        return _most(self.worker) + sum(_most(int(child)) for text in lists for child in text.split())


def _most(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    # Every signature has a key, so that all of its work is done.
    key, zone = rsa(), tmp_path / "keys.json"
    zone.write_text(json.dumps({f"s{n}._domainkey.shop.example": {"TXT": [key.record()]} for n in range(10)}))
    with House(tmp_path, {"CANARY_DNS__ZONE": str(zone)}).open() as house:
        address = house.vendor("Shop", "shop.example")
        with house.running("worker", until=("worker ready",)) as running:
            found = Bench(house, running, address)
            found.send(LEAK)
            eventually(lambda: found.spool.backlog() == 0)
            yield found
            found.spool.close()


def test_no_shape_of_costly_mail_costs_the_worker_a_second_or_keeps_a_leak_waiting(bench: Bench) -> None:
    beyond = []
    for name in SHAPES:
        for size in (None, FULL):
            content, before = make(name, size), bench.processor()
            costly, leak, sent = bench.send(content), bench.send(LEAK), time.monotonic()
            eventually(lambda leak=leak: bench.is_judged(leak))  # type: ignore[misc]
            waited = time.monotonic() - sent
            eventually(lambda costly=costly: bench.is_judged(costly))  # type: ignore[misc]
            spent, memory = bench.processor() - before, bench.megabytes()
            print(f"{name:32}{len(content):10,} {spent:5.2f} s {waited:5.2f} s {memory} MB")
            if spent > 1 or waited > 10 or memory > 300:
                beyond.append(f"{name}, {len(content)} octets: {spent:.2f} s, waited {waited:.2f} s, {memory} MB")
    assert beyond == []


@given(st.sampled_from(sorted(SHAPES)), st.sampled_from(sorted(SHAPES)), st.integers(1000, 4 * MB))
@settings(max_examples=60, deadline=None)
def test_shapes_of_any_size_and_one_in_another_are_parsed_in_a_second(outer: str, inner: str, size: int) -> None:
    boundary = b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    mail = make(outer, size // 2) + b"\r\n" + boundary + make(inner, size // 2)
    assert cpu_seconds(partial(parse, mail)) < 1
