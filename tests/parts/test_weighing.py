"""When a case opens, is explained and opens again: by how likely a leak is, in a job beside the mail, on real stores."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlmodel import col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import merge_split, publication, workflow
from canary.cases.case_group import read_group
from canary.cases.past_mail import OwnerWord
from canary.cases.weigh import judge_group, weigh_all, weigh_next, write_group
from canary.cases.weighing import CASE_AT
from canary.model.attempt import Attempt, AttemptKind
from canary.model.case import OPEN, CaseState
from canary.model.decision import Decision
from canary.model.mail import Client, Envelope, RawMail
from canary.model.party import SupplierLink
from canary.pipeline.attempts import process_attempts
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.codec import suspects_of
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, CaseEventRow, CaseRow, OutboxRow
from tests.conftest import START, Clock

VENDORS = ("Shop", "Bikes", "Books", "Lights", "Tools", "Seeds", "Wines", "Chairs", "Lamps", "Rugs")
WORDS = (
    "The prize of {0} pounds in gold coins lies ready in the bank of {0}: write the name of your own bank back to us now.",
    "Your parcel number {0} waits at the border, and two euros of duty are due before we can bring it to you on {0}.",
    "Somebody logged in to mailbox {0} from abroad; confirm the password within {0} hours or all of it is deleted.",
)
BULK = "Issue {0} of our letter has {0} pages on gardens, boats and tea, as every month. Read on, or leave the list."


@dataclass
class World:
    """Ten vendors with an address each, and a worker that judges mail and weighs cases."""

    store: Database
    clock: Clock
    addresses: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def begin(self) -> None:
        with self.store.writing() as session:
            for name in VENDORS:
                slug = vendors.add_vendor(session, name, [f"{name.lower()}-goods.example"], START).slug
                order = IssueOrder(slug, "in.example")
                self.addresses[slug] = lifecycle.issue(session, order, secrets.randbelow, START).address

    def supply(self, *names: str, supplier: str = "Silver") -> None:
        with self.store.writing() as session:
            slug = vendors.add_supplier(session, supplier, START).slug
            for name in names:
                vendors.add_supply(session, SupplierLink(name, slug))

    def crime(self, to: str, *, days: float = 1) -> None:
        """A mail of a thief, of a campaign of its own."""
        self.sent += 1
        text = WORDS[self.sent % len(WORDS)].format(1000 + 37 * self.sent)
        self._come(
            f"From: Win <w@win{self.sent}.example>\r\nSubject: Notice {self.sent}\r\n\r\n{text}\r\n",
            to,
            "192.0.2.9",
            days,
        )

    def stranger(self, to: str, *, days: float = 1) -> None:
        """A lawful-looking mail in bulk of a sender that proves itself and has nothing to do with the vendor."""
        self.sent += 1
        name = f"letter{self.sent}.example"
        head = f"From: Letter <n@{name}>\r\nSubject: Letter {self.sent}\r\nList-Unsubscribe: <https://{name}/u>\r\n"
        self._come(f"{head}\r\n{BULK.format(self.sent)} https://{name}/read\r\n", to, "198.51.100.7", days)

    def probe(self, to: str) -> None:
        self.sent += 1
        source = f"192.0.{self.sent}.0/24"
        attempt = Attempt(AttemptKind.PROBE, "in.example", source, self.clock(), self.addresses[to])
        process_attempts(self.store, "spool", [(self.sent, attempt)])

    def _come(self, content: str, to: str, ip: str, days: float) -> None:
        self.clock.move(days * 86_400)
        zone = {f"letter{self.sent}.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]}}
        context = Context(self.store, lambda: ZoneLookup(zone), supplier_book(), self.clock)
        sender = f"b@letter{self.sent}.example" if ip == "198.51.100.7" else "w@nowhere.example"
        envelope = Envelope(sender, (self.addresses[to],), Client(ip, 25, "mx"), self.clock())
        raw = RawMail(f"k{self.sent:04}", envelope, content.encode())
        process_batch(context, [asyncio.run(parse_and_authenticate(context, raw))])

    def weigh(self) -> int:
        return weigh_all(self.store, self.clock())

    def cases(self) -> list[CaseRow]:
        with self.store.reading() as session:
            whole = select(CaseRow).where(col(CaseRow.merged_into).is_(None)).order_by(col(CaseRow.id))
            return list(session.exec(whole))

    def states(self) -> list[str]:
        return [case.state for case in self.cases()]

    def told(self) -> list[str]:
        with self.store.reading() as session:
            return sorted(row.fact["kind"] for row in session.exec(select(OutboxRow)))

    def events(self, case: int = 1) -> list[str]:
        with self.store.reading() as session:
            query = select(CaseEventRow.kind).where(CaseEventRow.case_id == case).order_by(col(CaseEventRow.id))
            return list(session.exec(query))

    def burned(self) -> set[str]:
        with self.store.reading() as session:
            rows = session.exec(select(CanaryRow.address).where(CanaryRow.state == "burned"))
            names = {address: name for name, address in self.addresses.items()}
            return {names[address] for address in rows}

    def publish(self, name: str, published: bool | None) -> None:
        with self.store.writing() as session:
            word = OwnerWord("ada", self.clock())
            publication.set_published(session, self.addresses[name], published, secrets.randbelow, word)
        self.weigh()

    def set_state(self, case: int, state: CaseState) -> None:
        with self.store.writing() as session:
            workflow.set_state(session, case, state, Decision("ada", self.clock()))


@pytest.fixture
def world(store: Database, clock: Clock) -> Iterator[World]:
    """A store in which a case opens where a leak is four times likelier than none."""
    likely = Database(store.url.render_as_string(hide_password=False), carried={CASE_AT: 0.8})
    made = World(likely, clock)
    made.begin()
    clock.move(100 * 86_400)
    yield made
    likely.close()


def test_one_mail_of_a_thief_is_watched_and_told_of_once_and_burns_nothing(world: World) -> None:
    world.crime("shop")
    world.weigh()
    world.weigh()
    assert (world.states(), world.told(), world.burned()) == (["watched"], ["watched"], set())


def test_one_mail_of_a_lawful_stranger_is_watched_and_nobody_is_told(world: World) -> None:
    world.stranger("shop")
    world.weigh()
    assert (world.states(), world.told(), world.burned()) == (["watched"], [], set())
    assert world.cases()[0].leak < 0.1


def test_a_case_opens_once_a_leak_is_likely_enough_with_all_that_was_watched(world: World) -> None:
    world.crime("shop")
    world.weigh()
    world.crime("shop", days=9)
    world.weigh()
    [case] = world.cases()
    assert (case.state, world.told(), world.burned()) == ("new", ["case-opened", "watched"], {"shop"})
    assert (case.leak >= 0.8, world.events()) == (True, ["watched", "opened"])
    with world.store.reading() as session:
        [row] = session.exec(select(CanaryRow).where(CanaryRow.state == "burned"))
        assert row.burned_at == case.opened_at


def test_what_comes_together_is_weighed_once(world: World) -> None:
    for _ in range(5):
        world.crime("shop")
    assert (world.weigh(), world.weigh(), world.states()) == (1, 0, ["new"])


def test_probes_alone_are_watched_however_many(world: World) -> None:
    for _ in range(12):
        world.probe("shop")
        world.clock.move(86_400)
    world.weigh()
    assert (world.states(), world.told(), world.burned()) == (["watched"], [], set())


def test_a_case_that_a_word_of_the_owner_explains_closes_with_the_reason_and_opens_again_without_it(
    world: World,
) -> None:
    for _ in range(3):
        world.crime("shop", days=5)
    world.weigh()
    world.publish("shop", True)
    [case] = world.cases()
    assert (case.state, world.burned()) == ("explained", set())
    with world.store.reading() as session:
        [said] = session.exec(select(CaseEventRow.text).where(CaseEventRow.kind == "explained"))
    assert "is shown in public" in said
    world.publish("shop", None)
    assert (world.states(), world.burned(), world.told().count("case-opened")) == (["new"], {"shop"}, 1)
    assert "reopened" in world.events()


def test_a_case_that_somebody_works_on_is_proposed_to_be_closed_once_and_closes_by_a_person(world: World) -> None:
    for _ in range(3):
        world.crime("shop", days=5)
    world.weigh()
    world.set_state(1, CaseState.INVESTIGATING)
    world.publish("shop", True)
    world.stranger("shop")
    world.weigh()
    assert (world.states(), world.events().count("proposal")) == (["investigating"], 1)
    world.set_state(1, CaseState.EXPLAINED)
    assert (world.states(), world.burned()) == (["explained"], set())


def test_what_a_person_opens_stays_open_whatever_is_believed(world: World) -> None:
    world.stranger("shop")
    world.weigh()
    world.set_state(1, CaseState.INVESTIGATING)
    world.stranger("shop")
    world.weigh()
    assert (world.states(), world.burned()) == (["investigating"], {"shop"})


def test_a_case_that_was_decided_on_while_it_was_weighed_is_left_as_it_was_decided(world: World) -> None:
    for _ in range(3):
        world.crime("shop")
    with world.store.reading() as session:
        group = read_group(session, 1, world.clock())
    found = judge_group(group)
    world.set_state(1, CaseState.FALSE_POSITIVE)
    with world.store.writing() as session:
        lock(session, Lock.CASES)
        write_group(session, group, found, world.clock())
    assert (world.states(), world.told(), world.burned()) == (["false-positive"], [], set())


def test_mail_that_comes_while_a_case_is_weighed_does_not_keep_it_from_opening_and_is_weighed_next(
    world: World,
) -> None:
    for _ in range(3):
        world.crime("shop")
    with world.store.reading() as session:
        group = read_group(session, 1, world.clock())
    found = judge_group(group)
    world.crime("shop")
    with world.store.writing() as session:
        lock(session, Lock.CASES)
        write_group(session, group, found, world.clock())
    assert (world.states(), world.told()) == (["new"], ["case-opened"])
    assert (weigh_next(world.store, world.clock()), weigh_next(world.store, world.clock())) == (1, 0)


def test_single_hits_at_the_vendors_of_one_supplier_over_two_years_are_one_case_that_names_it(world: World) -> None:
    clients = list(world.addresses)[:6]
    world.supply(*clients)
    for name in clients:
        world.crime(name, days=110)
        world.weigh()
    [case] = [case for case in world.cases() if case.state in OPEN]
    assert (suspects_of(case.suspects)[0].name, world.burned()) == ("Silver", set(clients))
    assert world.told().count("case-opened") == 1


def test_what_a_person_split_apart_never_comes_together_again_by_itself(world: World) -> None:
    world.supply("shop", "bikes")
    for name in ("shop", "bikes") * 2:
        world.crime(name, days=3)
    world.weigh()
    [case] = world.cases()
    with world.store.writing() as session:
        merge_split.split_vendor(session, case.id or 0, "bikes", Decision("ada", world.clock()))
    for name in ("shop", "bikes"):
        world.crime(name)
    world.weigh()
    assert len(world.cases()) == 2


def test_what_is_watched_for_long_is_weighed_again_with_what_came_since(world: World) -> None:
    world.crime("shop")
    world.weigh()
    world.clock.move(timedelta(days=400).total_seconds())
    world.crime("shop")
    world.weigh()
    assert world.states() == ["new"]


def test_one_mail_of_a_thief_at_an_address_nobody_can_guess_makes_a_case_where_it_need_only_be_likelier_than_not(
    world: World,
) -> None:
    usual = World(Database(world.store.url.render_as_string(hide_password=False)), world.clock, world.addresses)
    usual.crime("shop")
    usual.weigh()
    assert (usual.states(), usual.told()) == (["new"], ["case-opened"])
    usual.store.close()
