"""What pages show as counts is what a recount finds, whatever has happened to mails, senders and campaigns."""

import asyncio
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import Session, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import answers, campaign_decisions
from canary.cases.rejudge import RejudgeOutcome
from canary.cases.weigh import weigh_all
from canary.judge.providers import ProviderRegistry
from canary.model.attempt import Attempt, AttemptKind
from canary.model.authenticated import AuthenticatedMail
from canary.model.decision import Decision
from canary.model.mail import Client, Envelope, RawMail
from canary.model.party import SupplierLink
from canary.pipeline.attempts import process_probe
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store import counters
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.queries import vendors
from canary.store.queries.canaries import find_canaries
from canary.store.queries.vendors import Unknown
from canary.store.tables import CampaignRow, CanaryCountRow, MailRow, VendorCountRow
from tests.conftest import START, Clock
from tests.recounting import counted, kept

ZONE: dict[str, object] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "deals.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "tillroll.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
}
LETTERS = {
    "own": ("o@shop.example", "192.0.2.1", "From: Shop <o@shop.example>\r\nSubject: Order\r\n\r\nYour order.\r\n"),
    "offer": (
        "b@deals.example", "198.51.100.9",
        ("From: Pier <d@deals.example>\r\nSubject: Forty\r\nList-Unsubscribe: <https://deals.example/u>\r\n\r\n"
        "Forty percent off everything at our pier, this week only. Unsubscribe here.\r\n"),
    ),
    "lure": (
        "u@bad.example", "203.0.113.5",
        "From: Reader <u@bad.example>\r\nSubject: Reader update\r\n\r\nDownload the new version now: https://bad.example/x\r\n",
    ),
    "receipt": (
        "b@tillroll.example", "198.51.100.7",
        ("From: Tillroll <r@tillroll.example>\r\nSubject: Your receipt\r\n\r\n"
        "Shop has taken 41.90 from your card. Details: https://tillroll.example/r/\r\n"),
    ),
}  # fmt: skip


@dataclass
class World:
    """A store with two vendors that share a supplier and two canaries each, and mails that are concluded at once."""

    store: Database
    clock: Clock
    book: ProviderRegistry
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.store.writing() as session:
            supplier = vendors.add_supplier(session, "Silver", START).slug
            for name in ("Shop", "Bikes"):
                slug = vendors.add_vendor(session, name, [f"{name.lower()}.example"], START).slug
                vendors.add_supply(session, SupplierLink(slug, supplier))
                order = IssueOrder(slug, "in.example")
                self.addresses += [lifecycle.issue(session, order, secrets.randbelow, START).address for _ in range(2)]

    def number(self, at: int) -> int:
        """The number of a canary."""
        with self.store.reading() as session:
            return find_canaries(session, [self.addresses[at]])[self.addresses[at]].id

    def send(self, letters: Sequence[tuple[str, Sequence[int]]]) -> None:
        """Conclude mails in one transaction."""
        parts = Context(self.store, lambda: ZoneLookup(ZONE), self.book, self.clock)
        process_batch(parts, [self._found(parts, name, to) for name, to in letters])
        weigh_all(self.store, self.clock())

    def _found(self, parts: Context, name: str, to: Sequence[int]) -> AuthenticatedMail:
        sender, ip, text = LETTERS[name]
        self.clock.move(86_400 * 5)
        envelope = Envelope(sender, tuple(self.addresses[n] for n in to), Client(ip, 25, "mx.example"), self.clock())
        return asyncio.run(parse_and_authenticate(parts, RawMail(secrets.token_hex(8), envelope, text.encode())))

    def probe(self, at: int) -> None:
        attempt = Attempt(AttemptKind.PROBE, "in.example", "203.0.113.0/24", self.clock(), self.addresses[at])
        with self.store.writing() as session:
            lock(session, Lock.CASES)
            process_probe(session, attempt)

    def say(self, do: Callable[[Session], object]) -> None:
        """Let the owner decide something that may not be there to be decided."""
        try:
            with self.store.writing() as session:
                do(session)
        except (Unknown, ValueError):
            return

    def decide(self, what: str, key: str, vendor: str) -> None:
        ways = {"approve": answers.approve, "deny": answers.deny, "declare": self._declare}
        self.say(lambda session: ways[what](session, vendor, key, "ada", self.clock()))

    @staticmethod
    def _declare(session: Session, vendor: str, domain: str, who: str, now: datetime) -> RejudgeOutcome:
        return answers.declare_domains(session, vendor, [domain], who, now)

    def merge(self) -> None:
        word = Decision("ada", self.clock())
        self.say(
            lambda session: campaign_decisions.merge(
                session, [row.id or 0 for row in session.exec(select(CampaignRow))], word
            )
        )

    def split(self, nth: int) -> None:
        self.say(lambda session: self._split(session, nth))

    def _split(self, session: Session, nth: int) -> None:
        charged = session.exec(select(MailRow).where(MailRow.campaign_id != None)).all()  # noqa: E711 - SQL
        if charged:
            mail = charged[nth % len(charged)]
            campaign_decisions.split(session, mail.campaign_id or 0, [mail.id or 0], Decision("ada", self.clock()))


RECIPIENTS = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
LETTER = st.tuples(st.sampled_from(sorted(LETTERS)), RECIPIENTS)
STEP = st.one_of(
    st.tuples(st.just("send"), st.tuples(st.lists(LETTER, min_size=1, max_size=4))),
    st.tuples(st.just("probe"), st.tuples(st.integers(0, 3))),
    st.tuples(
        st.just("decide"),
        st.tuples(
            st.sampled_from(("approve", "deny", "declare")),
            st.sampled_from(("deals.example", "tillroll.example", "shop.example")),
            st.sampled_from(("shop", "bikes")),
        ),
    ),
    st.tuples(st.just("merge"), st.tuples()),
    st.tuples(st.just("split"), st.tuples(st.integers(0, 20))),
)


@pytest.fixture(scope="module")
def book() -> ProviderRegistry:
    return supplier_book()


@pytest.fixture
def world(store: Database, clock: Clock, book: ProviderRegistry) -> World:
    return World(store, clock, book)


def agree(store: Database) -> None:
    with store.reading() as session:
        assert kept(session) == counted(session)


@pytest.mark.slow
# A failure is told as it was found: to make it smaller would run the whole pipeline for minutes.
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=3, max_size=9))
def test_counts_are_what_a_recount_finds_after_any_steps(
    sqlite_template: Path, tmp_path: Path, book: ProviderRegistry, steps: list[tuple[str, tuple[object, ...]]]
) -> None:
    shutil.copy(sqlite_template, tmp_path / "c.db")
    world = World(Database(f"sqlite:///{tmp_path / 'c.db'}"), Clock(), book)
    try:
        for name, arguments in steps:
            getattr(world, name)(*arguments)
            agree(world.store)
    finally:
        world.store.close()


def test_a_refused_sender_moves_its_mail_from_asking_to_outside(world: World) -> None:
    world.clock.move(86_400 * 60)
    world.send([("receipt", [0]), ("receipt", [0, 2]), ("own", [1])])
    agree(world.store)
    world.decide("deny", "tillroll.example", "shop")
    with world.store.reading() as session:
        tally = session.get_one(VendorCountRow, 1)
        assert (tally.own, tally.asking, tally.outside, tally.outsiders) == (1, 0, 2, 1)
    agree(world.store)
    world.decide("approve", "tillroll.example", "shop")
    with world.store.reading() as session:
        assert session.get_one(CanaryCountRow, world.number(0)).first_outside is None
    agree(world.store)


def test_merging_and_splitting_campaigns_keeps_what_they_struck(world: World) -> None:
    world.send([("offer", [0]), ("lure", [0, 2]), ("offer", [3])])
    world.merge()
    agree(world.store)
    world.split(1)
    agree(world.store)


def test_a_recount_mends_counts_that_are_wrong(world: World) -> None:
    world.send([("offer", [0, 1]), ("own", [0]), ("lure", [2])])
    with world.store.writing() as session:
        session.execute(delete(VendorCountRow))
        session.get_one(CanaryCountRow, world.number(0)).own = 99
        session.flush()
        assert counters.recount(session) == 4
    agree(world.store)
