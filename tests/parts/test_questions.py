"""Questions in groups: asked once, listed, answered together, expired and asked again, on a real store of each kind."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlmodel import col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import question_answers
from canary.judge.providers import ProviderRegistry
from canary.model.mail import Client, Envelope, RawMail
from canary.model.sender import SenderState
from canary.model.verdict import Judgement, Reason, Verdict, state_reason
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.senders import asking
from canary.senders.profile import list_senders, open_questions, waiting
from canary.senders.questions import EXPIRES, Question
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.vendors import Unknown
from canary.store.tables import HitRow, OutboxRow, SenderRow
from tests.conftest import Clock

LONG_AGO = timedelta(days=200)
NAMES = ("Trendy Shoes", "Bikes and More", "Tea House", "Old Maps")
HOSTS = ("till.example", "trendyshoes-post.example", "trendyshoes-mail.example")
ZONE: dict[str, object] = {host: {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]} for host in HOSTS}


@dataclass
class World:
    """A store with four vendors, whose addresses were given away long ago, and a clock that moves."""

    store: Database
    clock: Clock
    book: ProviderRegistry
    addresses: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def send(self, *names: str, host: str = "till.example", days: float = 0) -> None:
        """Let a firm write about business with each vendor, in one batch, so many days later."""
        self.clock.move(days * 86_400)
        parts = Context(self.store, lambda: ZoneLookup(ZONE), self.book, self.clock)
        process_batch(parts, [self._found(parts, name, host) for name in names])

    def _found(self, parts: Context, name: str, host: str):  # type: ignore[no-untyped-def]
        self.sent += 1
        label = host.partition(".")[0].title()
        text = f"From: {label} <r@{host}>\r\nSubject: Receipt\r\n\r\n{label}: you paid {name} 41.90.\r\n"
        envelope = Envelope(f"b@{host}", (self.addresses[name],), Client("198.51.100.7", 25, "mx"), self.clock())
        return asyncio.run(parse_and_authenticate(parts, RawMail(f"m{self.sent}", envelope, text.encode())))

    def questions(self) -> list[Question]:
        with self.store.reading() as session:
            return open_questions(session, self.clock())

    def groups(self) -> dict[str, int]:
        return {question.group: len(question.members) for question in self.questions()}

    def told(self) -> list[str]:
        with self.store.reading() as session:
            facts = session.exec(select(OutboxRow.fact).order_by(col(OutboxRow.at))).all()
        return [str(fact["group"]) for fact in facts if fact["kind"] == "new-sender"]

    def answer(self, group: str, state: SenderState, only: list[tuple[str, str]] | None = None) -> None:
        with self.store.writing() as session:
            asked = question_answers.get_question(session, group, self.clock())
            question_answers.answer_question(session, asked, state, "ada", self.clock(), only=only)

    def states(self) -> list[str]:
        with self.store.reading() as session:
            return sorted(session.exec(select(SenderRow.state)).all())

    def verdicts(self) -> list[str]:
        with self.store.reading() as session:
            return sorted(session.exec(select(HitRow.verdict)).all())


@pytest.fixture(scope="module")
def book() -> ProviderRegistry:
    return supplier_book()


@pytest.fixture
def world(store: Database, clock: Clock, book: ProviderRegistry) -> World:
    made = World(store, clock, book)
    with store.writing() as session:
        for name in NAMES:
            slug = vendors.add_vendor(session, name, [f"{name.split()[0].lower()}.example"], clock()).slug
            order = IssueOrder(slug, "in.example")
            made.addresses[name] = lifecycle.issue(session, order, secrets.randbelow, clock() - LONG_AGO).address
    return made


TILL = "sender:till.example"


def test_a_sender_at_many_vendors_is_one_message_and_one_question(world: World) -> None:
    world.send(*NAMES[:2])
    world.send(*NAMES[2:], days=1)
    assert (world.told(), world.groups()) == ([TILL], {TILL: 4})
    with world.store.reading() as session:
        assert waiting(session, world.clock()) == 1


def test_one_answer_is_for_all_vendors_of_a_question(world: World) -> None:
    world.send(*NAMES)
    world.answer(TILL, SenderState.LEARNED)
    assert (world.states(), world.verdicts(), world.groups()) == (["learned"] * 4, ["expected"] * 4, {})


def test_what_is_left_out_of_an_answer_goes_on_waiting(world: World) -> None:
    world.send(*NAMES)
    world.answer(TILL, SenderState.DENIED, only=[("old-maps", "till.example")])
    assert (world.states(), world.groups()) == (["denied", *["pending"] * 3], {TILL: 3})


def test_an_answer_names_only_senders_of_its_question(world: World) -> None:
    world.send(NAMES[0])
    with pytest.raises(Unknown, match=r"old-maps.*sender:till\.example"):
        world.answer(TILL, SenderState.LEARNED, only=[("old-maps", "till.example")])
    with pytest.raises(Unknown, match="canary sender list"):
        world.answer("sender:nobody.example", SenderState.LEARNED)
    assert world.states() == ["pending"]


def test_what_the_owner_approved_elsewhere_is_listed_charged_to_nobody_and_not_asked_again(world: World) -> None:
    world.send(NAMES[0])
    world.answer(TILL, SenderState.LEARNED)
    world.send(NAMES[1], days=100)
    [listed] = world.questions()
    assert (world.told(), listed.asked, world.verdicts()) == ([TILL], None, ["expected", "new-sender"])
    with world.store.reading() as session:
        assert waiting(session, world.clock()) == 0


def test_what_the_owner_refused_elsewhere_is_asked_about(world: World) -> None:
    world.send(NAMES[0])
    world.answer(TILL, SenderState.DENIED)
    world.send(NAMES[1], days=1)
    assert world.told() == [TILL] * 2


def test_the_domains_of_a_vendors_family_are_one_question(world: World) -> None:
    world.send(NAMES[0], host=HOSTS[1])
    world.send(NAMES[0], host=HOSTS[2], days=1)
    family = "family:trendy-shoes"
    assert (world.told(), world.groups()) == ([family], {family: 2})
    world.answer(family, SenderState.LEARNED)
    assert world.states() == ["learned"] * 2


def test_a_question_nobody_answered_expires_and_is_asked_again_when_its_sender_writes(world: World) -> None:
    world.send(NAMES[0])
    world.clock.move((EXPIRES.days + 1) * 86_400)
    with world.store.reading() as session:
        assert (world.groups(), list_senders(session, now=world.clock())) == ({}, [])
    world.send(NAMES[0])
    assert (world.told(), world.groups(), world.verdicts()) == ([TILL] * 2, {TILL: 1}, ["new-sender"] * 2)


def test_an_unlikely_sender_joins_the_question_that_is_about_it_already(world: World) -> None:
    world.send(NAMES[0])
    doubt = Judgement(Verdict.NEW_SENDER, 0.75, (state_reason(Reason.TIED_TO_VENDOR),), 0.05)
    with world.store.writing() as session:
        row = SenderRow(vendor_id=2, key="till.example", state="pending", question="unlikely", last_at=world.clock())
        session.add(row)
        session.flush()
        bikes = vendors.get_vendor(session, "bikes-and-more")
        asking.ask(session, [asking.Fresh(row, bikes, "b@in.example", doubt, "", "", world.clock())], world.clock())
    assert (world.told(), world.groups()) == ([TILL], {TILL: 2})


def test_no_verdict_depends_on_how_many_questions_wait(world: World) -> None:
    with world.store.writing() as session:
        session.add_all(
            SenderRow(vendor_id=1, key=f"junk{n}.example", state="pending", question="unlikely", asked_at=world.clock())
            for n in range(300)
        )
    world.send(*NAMES)
    assert world.verdicts() == ["new-sender"] * 4
    assert world.groups() == {TILL: 4, "unlikely": 300}
