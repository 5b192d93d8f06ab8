"""The promise of 200: inlets killed at any moment lose no mail that was answered, and a mail that is posted again is stored once."""

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from canary.processes.entered import EnteredSettings
from canary.processes.spools import clock
from canary.processes.stores import open_store
from canary.settings import Arranged
from canary.spool.spool import Spool
from canary.store.tables import HitRow
from tests.ingest import MAIL, SERVICES, SETTINGS, Post, Words, mailgun, postmark, raw
from tests.nursery import furnish
from tests.patience import PATIENCE
from tests.processes import ROOT, House, eventually

pytestmark = pytest.mark.slow

STEPS = ("asked", "accepted", "stored")
KILLS = 3
CLIENTS = 4


@contextmanager
def serving(folder: Path, step: str) -> Iterator[str]:
    """The inlets in a process that dies at a step; where they are."""
    command = [sys.executable, "-m", "tests.slow.dying_inlet", str(folder), step]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def posted(url: str, post: Post) -> int:
    """The status of the answer, 0 if there was none."""
    try:
        return httpx.post(
            url + post.path, content=post.body, headers=dict(post.headers), timeout=PATIENCE, trust_env=False
        ).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("step", STEPS)
def test_a_mail_is_stored_once_though_the_inlet_was_killed_at_this_step_and_the_service_posts_again(
    tmp_path: Path, step: str
) -> None:
    posts = [SERVICES[name](Words(at=datetime.now(UTC), content=MAIL + name.encode())) for name in ("raw", "mailgun")]
    for post in posts:
        with serving(tmp_path, step) as url:
            assert posted(url, post) == 0
    with serving(tmp_path, "none") as url:
        assert [posted(url, post) for post in posts for _ in range(2)] == [200] * 4
    with closing(Spool(tmp_path / "ingest.db", reserve_bytes=0, max_backlog=10)) as spool:
        assert Counter(mail.envelope.inlet for mail in spool.waiting(10, datetime.now(UTC))) == {"raw": 1, "mailgun": 1}


@dataclass
class Poster:
    """A service with one mail after another, each of which it posts until it is answered 200."""

    name: str
    address: str
    url: list[str]
    over: threading.Event = field(default_factory=threading.Event)
    delivered: list[bytes] = field(default_factory=list)
    again: int = 0

    def work(self) -> None:
        make = (raw, mailgun, postmark)[len(self.name) % 3]
        while not self.over.is_set():
            number = len(self.delivered)
            content = (
                f"From: a@b.example\r\nSubject: {self.name} {number}\r\n\r\n{'x' * (number % 50) * 500}\r\n".encode()
            )
            words = Words(content, self.address, id=f"{self.name}-{number:08}", at=datetime.now(UTC))
            while posted(self.url[-1], make(words)) != 200:
                self.again += 1
                self.over.wait(0.02)
            self.delivered.append(hashlib.sha256(content).digest())


def wait_for_one_more(posters: Sequence[Poster]) -> None:
    """Wait until each has delivered another mail."""
    before = [len(poster.delivered) for poster in posters]
    eventually(lambda: all(len(p.delivered) > b for p, b in zip(posters, before, strict=True)))


def test_every_mail_that_was_posted_until_it_was_answered_is_there_once_after_kills_at_random(tmp_path: Path) -> None:
    address, chance = furnish(tmp_path), random.Random(1)
    environ = {"CANARY_INGEST__PORT": "0", "CANARY_INGEST__RAW__SECRETS": f'["{SETTINGS["raw"]["secrets"][0]}"]'}
    environ["CANARY_INGEST__MAILGUN__SECRETS"] = f'["{SETTINGS["mailgun"]["secrets"][0]}"]'
    environ["CANARY_INGEST__POSTMARK__PASSWORD"] = SETTINGS["postmark"]["password"]
    house, urls = House(tmp_path, environ), ["http://127.0.0.1:9"]
    posters = [Poster("n" * (number + 1), address, urls) for number in range(CLIENTS)]
    threads = [threading.Thread(target=poster.work) for poster in posters]
    for thread in threads:
        thread.start()
    for number in range(KILLS + 1):
        with house.running("ingest", until=("ingest listening",)) as running:
            urls.append(f"http://127.0.0.1:{running.port('ingest')}")
            wait_for_one_more(posters)
            if number < KILLS:
                threading.Event().wait(chance.uniform(0.05, 0.3))
                running.process.kill()
                running.process.wait(PATIENCE)
            else:
                for poster in posters:
                    poster.over.set()
                for thread in threads:
                    thread.join(PATIENCE)
    with closing(Spool(tmp_path / "data/spool/ingest.db", reserve_bytes=0, max_backlog=10)) as spool:
        found = Counter(hashlib.sha256(mail.content).digest() for mail in spool.waiting(100_000, datetime.now(UTC)))
    assert found == Counter(digest for poster in posters for digest in poster.delivered)
    assert len(found) > CLIENTS * KILLS
    assert all(poster.again for poster in posters)


def hits(house: House) -> list[str]:
    with house.store.reading() as session:
        return list(session.exec(select(HitRow.verdict)))


def test_an_inlet_that_is_entered_while_canary_runs_gets_its_mail_judged_and_the_doctor_finds_it(
    tmp_path: Path,
) -> None:
    address = furnish(tmp_path)
    with (
        House(tmp_path, {"CANARY_INGEST__PORT": "0"}).open() as house,
        house.running("up", until=("worker ready",)) as running,
    ):
        settings = Arranged(data=tmp_path / "data", domains=("in.example",))
        with closing(open_store(settings)) as store, store.writing() as session:
            EnteredSettings(settings, clock).enter(session, "ingest/raw", "", SETTINGS["raw"], "ann")
        port = running.port("ingest")
        house.environ |= {"CANARY_INGEST__PORT": str(port), "CANARY_SMTP__PORT": str(running.port("smtp"))}
        tested = json.loads(house.canary("inlet", "test", "ingest/raw", "--json"))
        assert tested["seconds"] < PATIENCE
        assert posted(f"http://127.0.0.1:{port}", raw(Words(to=address, at=datetime.now(UTC)))) == 200
        eventually(lambda: len(hits(house)) == 2)
        told = subprocess.run(
            [sys.executable, "-m", "canary", "doctor", "--json"], cwd=ROOT, capture_output=True, check=False,
            env=house.environment,
        )  # fmt: skip
        eventually(lambda: json.loads(house.canary("inlet", "list", "--json"))[0]["kept"] == 2)
    found = {row["check"]: row for row in json.loads(told.stdout)}
    assert (found["http inlets"]["fine"], found["http inlets"]["text"]) == (True, f"answers 200 on port {port} for raw")
    assert found["inlet ingest/raw"]["fine"]
