"""Probes and guesses from the spool to a finding and the arithmetic, on a store of each kind."""

import asyncio
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Client, Envelope
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.queries import attempts, probes, vendors
from canary.store.tables import CaseRow, GuessRow, HitRow, ProbeRow
from canary.views import vendor_pages, view_queries
from tests.conftest import Clock

pytestmark = pytest.mark.slow

LURE = b"From: Reader <u@bad.example>\r\nSubject: Reader update\r\n\r\nDownload the new version now.\r\n"
NEWS = b"From: News <news@shop.example>\r\nSubject: Hello\r\n\r\nThis is our news.\r\n"


@dataclass
class World:
    """A spool, a store, and one canary of one vendor."""

    store: Database
    spool: Spool
    clock: Clock
    address: str

    def probe(self, source: str = "203.0.113.0/24") -> None:
        self.spool.note(Attempt(AttemptKind.PROBE, "in.example", source, self.clock(), self.address))

    def send(self, content: bytes, sender: str = "u@bad.example", ip: str = "203.0.113.5") -> None:
        asyncio.run(self.spool.keep(Envelope(sender, (self.address,), Client(ip, 25), self.clock()), content))

    def run(self) -> None:
        # The writer keeps order: a mail kept later means that the attempts before it are written.
        asyncio.run(self.spool.keep(Envelope("", ("postmaster@in.example",), Client(""), self.clock()), b"\r\n"))
        zone = ZoneLookup({"shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}})
        asyncio.run(run_pending(Context(self.store, lambda: zone, supplier_book(), self.clock), self.spool))
        weigh_all(self.store, self.clock())

    def cases(self) -> list[str]:
        with self.store.reading() as session:
            return [case.state for case in session.exec(select(CaseRow))]

    def hits(self) -> list[HitRow]:
        with self.store.reading() as session:
            return list(session.exec(select(HitRow).order_by("id")).all())


@pytest.fixture
def world(store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    with store.writing() as session:
        slug = vendors.add_vendor(session, "Shop", ["shop.example"], clock()).slug
        address = lifecycle.issue(session, IssueOrder(slug, "in.example"), secrets.randbelow, clock()).address
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield World(store, spool, clock, address)
    spool.close()


def test_a_probe_is_a_hit_without_a_mail_that_is_watched(world: World) -> None:
    world.probe()
    world.run()
    [hit] = world.hits()
    assert (hit.verdict, hit.mail_id, world.cases()) == ("probe", None, ["watched"])
    assert [reason.code for reason in reasons_of(hit.reasons)] == ["no-mail-followed", "hard-to-guess"]


def test_a_probe_joins_a_case_that_is_open(world: World) -> None:
    world.send(LURE)
    world.run()
    world.probe()
    world.run()
    with world.store.reading() as session:
        assert {hit.case_id for hit in world.hits()} == {session.exec(select(CaseRow.id)).one()}


def test_probes_of_one_network_and_day_are_one_finding_with_a_count(world: World) -> None:
    for _ in range(3):
        world.probe()
        world.run()
    world.clock.move(86_400)
    world.probe()
    world.run()
    with world.store.reading() as session:
        assert [row.count for row in session.exec(select(ProbeRow).order_by("id")).all()] == [3, 1]
    assert len(world.hits()) == 2


def test_who_asks_for_an_address_by_vrfy_probes_it(world: World) -> None:
    for address in (world.address, ""):
        world.spool.note(Attempt(AttemptKind.VERIFY, "in.example", "203.0.113.0/24", world.clock(), address))
    world.run()
    assert [hit.verdict for hit in world.hits()] == ["probe"]


def test_a_flood_that_was_added_up_counts_whole(world: World) -> None:
    flood = (Attempt(AttemptKind.PROBE, "in.example", "", world.clock(), world.address, count=70),
             Attempt(AttemptKind.PROBE, "in.example", "", world.clock(), world.address, count=5),
             Attempt(AttemptKind.GUESS, "in.example", "", world.clock(), shape=LocalShape.NAME, count=300))  # fmt: skip
    for attempt in flood:
        world.spool.note(attempt)
    world.run()
    with world.store.reading() as session:
        assert session.exec(select(ProbeRow.count)).all() == [75]
        assert attempts.guesses(session, "in.example") == {"name": 300}
        assert view_queries.figures(session)["attempts"] == {"probe": 75, "guess": 300}
    assert reasons_of(world.hits()[0].reasons)[0].text.startswith("Somebody asked")


def test_a_flood_of_probes_from_many_networks_is_bounded(world: World) -> None:
    for number in range(60):
        world.probe(f"10.0.{number}.0/24")
    world.run()
    assert len(world.hits()) == probes.MOST_A_DAY


def test_a_connection_of_the_vendors_own_host_that_broke_off_is_no_probe(world: World) -> None:
    world.send(NEWS, "b@shop.example", "192.0.2.17")
    world.run()
    world.probe("192.0.2.0/24")
    world.run()
    assert [hit.verdict for hit in world.hits()] == ["expected"]


def test_probes_show_on_the_page_of_the_vendor(world: World) -> None:
    world.probe()
    world.run()
    with world.store.reading() as session:
        page = vendor_pages.vendor_page(session, "shop", world.clock())
    assert page is not None
    assert [(hit.verdict, hit.mail, hit.subject) for hit in page.hits] == [("probe", None, "")]


def test_guesses_are_counted_by_the_shape_of_their_local_part(world: World) -> None:
    for shape in (LocalShape.NAME, LocalShape.NAME, LocalShape.ROLE, LocalShape.UNKNOWN):
        world.spool.note(Attempt(AttemptKind.GUESS, "in.example", "192.0.2.0/24", world.clock(), shape=shape))
    world.run()
    with world.store.reading() as session:
        rows = session.exec(select(GuessRow)).all()
    assert {(row.domain, row.shape, row.count) for row in rows} == {
        ("in.example", "name", 2), ("in.example", "role", 1), ("in.example", "", 1),
    }  # fmt: skip


def test_the_reason_states_the_guesses_seen(world: World) -> None:
    for _ in range(40):
        world.spool.note(Attempt(AttemptKind.GUESS, "in.example", "192.0.2.0/24", world.clock(), shape=LocalShape.WORD))
    world.run()
    world.send(LURE)
    world.run()
    assert "even after 40 attempts" in reasons_of(world.hits()[0].reasons)[-1].text


def test_workers_that_count_the_same_guesses_at_once_lose_none(store: Database, clock: Clock) -> None:
    shapes = [LocalShape.NAME, LocalShape.WORD, LocalShape.ROLE]
    tried = [Attempt(AttemptKind.GUESS, "in.example", "192.0.2.0/24", clock(), shape=shape) for shape in shapes]

    def count(spool: int) -> None:
        for batch in range(5):
            with store.writing() as session:
                order = tried if spool % 2 else tried[::-1]
                attempts.take_attempts(session, str(spool), [(3 * batch + n, a) for n, a in enumerate(order, 1)])

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(count, range(4)))
    with store.reading() as session:
        assert attempts.guesses(session, "in.example") == dict.fromkeys(("name", "word", "role"), 20)
