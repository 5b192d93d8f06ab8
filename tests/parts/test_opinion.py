"""The second opinion: rspamd is asked after the commit, for two seconds at most, and nothing hangs on its answer."""

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.model.mail import Client, Envelope, RawMail
from canary.model.verdict import Reason
from canary.net.http import Unreachable
from canary.net.rspamd import MAX_MAIL, Rspamd, Unanswered
from canary.pipeline.batch import run_pending
from canary.pipeline.rspamd_check import BATCH, FRESH, REST, RspamdChecker, RspamdClient
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import HitRow, RspamdCheckRow
from tests import rspamd
from tests.conftest import START, Clock
from tests.patience import PATIENCE
from tests.receiver import receiving

LURE = b"From: Reader <u@bad.invalid>\r\nTo: you@in.example\r\nSubject: Gift\r\n\r\nClaim your airdrop now.\r\n"
NEWS = b"From: News <news@shop.example>\r\nSubject: Hello\r\n\r\nThis is our news.\r\n"
ENVELOPE = Envelope(
    "u@bad.invalid", ("a@in.example", "b@in.example"), Client("203.0.113.5", 25, "mx.bad.invalid"), START
)
RAW = RawMail("spool-1", ENVELOPE, LURE)
SAID = json.dumps({"score": 8.5, "symbols": {"LURE": {"name": "LURE", "score": 8.5}, "NONE": {"name": "NONE"}}})


@dataclass
class World:
    """A spool, a store, and one canary of one vendor."""

    store: Database
    spool: Spool
    clock: Clock
    address: str

    def send(self, content: bytes = LURE, sender: str = "u@bad.invalid", ip: str = "203.0.113.5") -> None:
        asyncio.run(self.spool.keep(Envelope(sender, (self.address,), Client(ip, 25), self.clock()), content))
        zone = ZoneLookup({"shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}})
        asyncio.run(run_pending(Context(self.store, lambda: zone, supplier_book(), self.clock), self.spool))
        weigh_all(self.store, self.clock())

    def asking(self, adviser: RspamdClient) -> RspamdChecker:
        return RspamdChecker(self.store, adviser, self.clock)

    def reasons(self) -> list[list[str]]:
        with self.store.reading() as session:
            hits = session.exec(select(HitRow).order_by("id")).all()
        return [[reason.text for reason in reasons_of(hit.reasons) if reason.code is Reason.RSPAMD] for hit in hits]

    def faults(self) -> list[str]:
        with self.store.reading() as session:
            return list(session.exec(select(RspamdCheckRow.fault)).all())


@pytest.fixture
def world(sqlite_store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    with sqlite_store.writing() as session:
        slug = vendors.add_vendor(session, "Shop", ["shop.example"], clock()).slug
        address = lifecycle.issue(session, IssueOrder(slug, "in.example"), secrets.randbelow, clock()).address
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield World(sqlite_store, spool, clock, address)
    spool.close()


@dataclass
class Told:
    """Answers what it was made with, and counts."""

    answer: str | Exception = SAID
    asked: int = 0

    def check(self, raw: RawMail) -> str:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_its_symbols_become_a_reason_and_change_no_verdict(world: World) -> None:
    world.send()
    assert world.asking(Told()).ask_due() == 1
    assert world.reasons() == [["rspamd scores it 8.5 (LURE +8.5)."]]


@pytest.mark.slow
def test_a_mail_is_asked_about_once_and_the_vendors_own_mail_never(world: World) -> None:
    told = Told()
    world.send()
    world.send(NEWS, "b@shop.example", "192.0.2.1")
    asking = world.asking(told)
    assert (asking.ask_due(), asking.ask_due(), told.asked) == (1, 0, 1)


def test_mail_older_than_a_day_is_not_asked_about(world: World) -> None:
    world.send()
    world.clock.move((FRESH + timedelta(seconds=1)).total_seconds())
    assert world.asking(Told()).ask_due() == 0


@pytest.mark.slow
def test_a_run_is_bounded(world: World) -> None:
    for _ in range(BATCH + 1):
        world.send()
    asking = world.asking(Told())
    assert (asking.ask_due(), asking.ask_due()) == (BATCH, 1)


def test_a_server_that_is_not_there_is_asked_again_after_a_rest(world: World) -> None:
    world.send()
    told = Told(Unreachable("nobody there"))
    asking = world.asking(told)
    assert (asking.ask_due(), asking.ask_due(), told.asked, world.faults()) == (0, 0, 1, [])
    world.clock.move(REST.total_seconds())
    told.answer = SAID
    assert (asking.ask_due(), world.faults()) == (1, [""])


@pytest.mark.parametrize(
    "answer",
    [
        Unanswered("no answer within 2 s"),
        "nonsense",
        "[]",
        "{}",
        '{"score": NaN, "symbols": {}}',
        '{"score": 1e999, "symbols": {}}',
        "[" * 100_000,
    ],
)
def test_an_answer_that_is_no_use_settles_its_mail_and_lets_the_others_rest(
    world: World, answer: str | Exception
) -> None:
    world.send()
    world.send()
    asking = world.asking(Told(answer))
    assert (asking.ask_due(), len(world.faults()), world.reasons()) == (0, 1, [[], []])
    assert all(world.faults())


def test_the_client_sends_the_envelope_and_the_password() -> None:
    with receiving() as server:
        server.answers.append((200, SAID, {}))
        assert Rspamd(server.url, "secret", PATIENCE).check(RAW) == SAID
        [(headers, body)] = server.got
    assert body == LURE
    told = [headers[name] for name in ("ip", "helo", "from", "queue-id", "password")]
    assert told == ["203.0.113.5", "mx.bad.invalid", "u@bad.invalid", "spool-1", "secret"]


def test_what_a_stranger_said_cannot_end_a_header_line() -> None:
    strange = RawMail("k", Envelope("a\r\nPassword: x@b", ("c\n@d",), Client("", 0, "h\r\n\r\nGET /"), START), LURE)
    with receiving() as server:
        server.answers.append((200, SAID, {}))
        Rspamd(server.url, seconds=PATIENCE).check(strange)
        [(headers, _)] = server.got
    assert (headers["from"], headers["helo"], headers.get("password")) == ("aPassword:x@b", "hGET/", None)


@pytest.mark.parametrize("status", [301, 403, 500])
def test_anything_but_200_is_no_answer(status: int) -> None:
    with receiving() as server:
        server.answers.append((status, SAID, {"Location": "http://192.0.2.1/"}))
        with pytest.raises(Unanswered, match=str(status)):
            Rspamd(server.url, seconds=PATIENCE).check(RAW)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with receiving() as server:
        server.answers.append((200, "x" * 1_000_000, {}))
        with pytest.raises(Unanswered, match="more than"):
            Rspamd(server.url, seconds=PATIENCE).check(RAW)


def test_a_mail_too_large_is_not_sent() -> None:
    with receiving() as server, pytest.raises(Unanswered, match="more than 8 MB"):
        Rspamd(server.url, seconds=PATIENCE).check(RawMail("k", ENVELOPE, b"x" * (MAX_MAIL + 1)))
    assert server.got == []


def test_nobody_listening_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="127.0.0.1"):
        Rspamd(f"http://127.0.0.1:{rspamd.free_port()}").check(RAW)


def silent(client: socket.socket, stop: threading.Event) -> None:
    stop.wait(PATIENCE)


def dripping(client: socket.socket, stop: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not stop.wait(0.02):
        client.sendall(b" ")


def dripping_headers(client: socket.socket, stop: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.wait(0.02):
        client.sendall(b"X-More: x\r\n")


@contextmanager
def serving(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                try:
                    behave(client, stop)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("behave", [silent, dripping, dripping_headers], ids=lambda f: f.__name__)
def test_the_deadline_holds_whatever_the_server_does(behave: Callable[[socket.socket, threading.Event], None]) -> None:
    with serving(behave) as url, pytest.raises(Unanswered, match="no answer within 0.3 s"):
        Rspamd(url, seconds=0.3).check(RAW)


@pytest.mark.slow
@pytest.mark.skipif(not rspamd.installed(), reason="rspamd is not installed: apt-get install rspamd to run this test")
def test_a_real_rspamd_gives_its_opinion(world: World, tmp_path: Path) -> None:
    world.send()
    with rspamd.running(tmp_path) as url:
        assert world.asking(Rspamd(url, seconds=PATIENCE)).ask_due() == 1
    assert world.reasons() == [["rspamd scores it 7.5 (CANARY_TEST_LURE +7.5)."]]
