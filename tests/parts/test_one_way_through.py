"""One way through: what an answer of the owner leads to does not depend on which side of the mails it falls.

Sequences of mails, answers about their senders and decisions on cases are played in two ways: answers move among the
mails between two decisions on cases, and the mails are cut into other batches. Both must end the same.
"""

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import answers, merge_split, workflow
from canary.model.authenticated import AuthenticatedMail
from canary.model.case import SETTLED, TRANSITIONS, CaseState
from canary.model.decision import Decision
from canary.model.mail import Client, Envelope, RawMail
from canary.model.party import SupplierLink
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import (
    CampaignHitRow,
    CanaryCountRow,
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    OutboxRow,
    VendorCountRow,
)
from tests.conftest import START

VENDORS = ("Trendy Shoes", "Bikes and More", "Corner Books")
OWNERS = (0, 0, 1, 1, 2)
"""The vendor of each address; the first two vendors share a supplier."""

SENDERS = ("tilla", "tillb", "deals", "piers")
"""The first two may write for the vendors and are asked about; the others are strangers who prove their own names."""

ZONE = {f"{name}.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]} for name in SENDERS}
TEXTS = (
    "Forty percent off everything at our pier, this week only, until stocks are gone. Unsubscribe here when you like.",
    "Learn to dance in three weeks with the best teachers in town, shoes and music are part of every single lesson.",
    "The new catalogue of garden furniture has arrived: benches, tables and parasols in all the colours of the summer.",
)
NAMED = "You paid 41.90 to Trendy Shoes and to Bikes and More and to Corner Books. "


@dataclass(frozen=True)
class Letter:
    """A mail: whose it is, what it says, and at which addresses it arrives."""

    sender: int
    text: int
    to: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """The owner's word on a sender at a vendor; `place` says before which mail of its stretch it falls, in each way."""

    sender: int
    vendor: int
    yes: bool
    place: tuple[int, int]


@dataclass(frozen=True)
class Act:
    """A decision on the cases: one of those that have mail is brought into another state, or merged into the next."""

    case: int
    state: int
    merge: bool = False


@dataclass(frozen=True)
class Stretch:
    """Mails and answers up to a decision on a case; `cuts` says after which mails a batch ends, in each way."""

    letters: tuple[Letter, ...]
    answers: tuple[Answer, ...] = ()
    cuts: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    act: Act | None = None


def places(way: int, stretch: Stretch) -> list[tuple[Answer, int]]:
    """The answers with their places in one of the two ways; their own order is the same in both."""
    at = sorted(min(a.place[way], len(stretch.letters)) for a in stretch.answers)
    return list(zip(stretch.answers, at, strict=True))


letters = st.builds(
    Letter,
    st.integers(0, len(SENDERS) - 1),
    st.integers(0, len(TEXTS) - 1),
    st.sets(st.integers(0, len(OWNERS) - 1), min_size=1, max_size=2).map(sorted).map(tuple),
)
said = st.builds(
    Answer,
    st.integers(0, len(SENDERS) - 1),
    st.integers(0, len(VENDORS) - 1),
    st.booleans(),
    st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
acts = st.builds(Act, st.integers(0, 3), st.integers(0, 4), st.sampled_from([False, False, False, True]))
cuts = st.frozensets(st.integers(1, 6))
stretches = st.builds(
    Stretch,
    st.lists(letters, max_size=6).map(tuple),
    st.lists(said, max_size=3).map(tuple),
    st.tuples(cuts, cuts),
    st.none() | acts,
)


def answerable(sequence: Sequence[Stretch]) -> list[Stretch]:
    """Leave out answers about a sender that, in one of the two ways, has never written to the vendor by then."""
    wrote: set[tuple[int, int]] = set()
    kept = []
    for stretch in sequence:
        placed = [[at for _, at in places(way, stretch)] for way in (0, 1)]
        fit = [
            replace(answer, place=(placed[0][number], placed[1][number]))
            for number, answer in enumerate(stretch.answers)
            if (answer.sender, answer.vendor) in wrote | seen(stretch.letters[: min(at[number] for at in placed)])
        ]
        kept.append(replace(stretch, answers=tuple(fit)))
        wrote |= seen(stretch.letters)
    return kept


def seen(letters: Iterable[Letter]) -> set[tuple[int, int]]:
    """Which senders wrote to which vendors."""
    return {(letter.sender, OWNERS[address]) for letter in letters for address in letter.to}


@cache
def found(sender: int, text: int) -> AuthenticatedMail:
    """A mail that was parsed and authenticated, to nobody yet."""
    name = SENDERS[sender]
    body = (NAMED if name.startswith("till") else "") + TEXTS[text]
    bulk = "" if name.startswith("till") else "List-Unsubscribe: <https://x.example/u>\r\n"
    content = f"From: {name} <r@{name}.example>\r\nSubject: Letter {text}\r\n{bulk}\r\n{body}\r\n".encode()
    envelope = Envelope(f"b@{name}.example", (), Client("198.51.100.7", 25, "mx"), START)
    context = Context(Database("sqlite://"), lambda: ZoneLookup(ZONE), supplier_book(), lambda: START)
    return asyncio.run(parse_and_authenticate(context, RawMail("", envelope, content)))


@dataclass
class Played:
    """An installation in which one way of a sequence is played."""

    store: Database
    way: int
    addresses: list[str] = field(default_factory=list)
    mails: Iterator[int] = field(default_factory=lambda: count(1))
    now: datetime = START + timedelta(days=90)

    def begin(self) -> None:
        with self.store.writing() as session:
            silver = vendors.add_supplier(session, "Silver", START).slug
            for number, name in enumerate(VENDORS):
                slug = vendors.add_vendor(session, name, [], START).slug
                if number < 2:
                    vendors.add_supply(session, SupplierLink(slug, silver))
                for _ in range(2 if number < 2 else 1):
                    order = IssueOrder(slug, "in.example")
                    self.addresses.append(lifecycle.issue(session, order, secrets.randbelow, START).address)

    def play(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            waiting: list[Letter] = []
            placed = places(self.way, stretch)
            for number in range(len(stretch.letters) + 1):
                if number in stretch.cuts[self.way] or any(at == number for _, at in placed):
                    self.receive(waiting)
                    waiting = []
                for answer in (answer for answer, at in placed if at == number):
                    self.answer(answer)
                waiting += stretch.letters[number : number + 1]
            self.receive(waiting)
            if stretch.act:
                self.act(stretch.act)

    def receive(self, letters: Sequence[Letter]) -> None:
        batch = []
        for letter in letters:
            self.now += timedelta(hours=1)
            mail, number = found(letter.sender, letter.text), next(self.mails)
            to = tuple(self.addresses[address] for address in letter.to)
            envelope = replace(mail.raw.envelope, rcpt_to=to, received=START + timedelta(days=90, hours=number))
            batch.append(replace(mail, raw=RawMail(f"k{number:03}", envelope, mail.raw.content)))
        if batch:
            process_batch(Context(self.store, lambda: ZoneLookup(ZONE), supplier_book(), lambda: self.now), batch)

    def answer(self, answer: Answer) -> None:
        say = answers.approve if answer.yes else answers.deny
        slug = ("trendy-shoes", "bikes-and-more", "corner-books")[answer.vendor]
        with self.tried() as session:
            say(session, slug, f"{SENDERS[answer.sender]}.example", "ada", self.now)

    def act(self, act: Act) -> None:
        with self.store.reading() as session:
            cases = [
                number
                for _, number in sorted(
                    (min(hits), number) for number, hits in hits_of(session, self.addresses).items()
                )
            ]
            states = {number: CaseState(session.get_one(CaseRow, number).state) for number in cases}
        if not cases:
            return
        number, word = cases[act.case % len(cases)], Decision("ada", self.now)
        other = cases[(act.case + 1) % len(cases)]
        with self.tried() as session:
            if act.merge:
                merge_split.merge(session, number, other, word)
            else:
                ways = TRANSITIONS[states[number]]
                workflow.set_state(session, number, ways[act.state % len(ways)], word)

    @contextmanager
    def tried(self) -> Iterator[Session]:
        """A transaction for something that may not be there to be decided."""
        try:
            with self.store.writing() as session:
                yield session
        except (LookupError, ValueError):
            return


def hits_of(session: Session, addresses: Sequence[str]) -> dict[int, list[tuple[str, int]]]:
    """Which mail at which of the addresses belongs to each case."""
    query = select(HitRow.case_id, MailRow.key, CanaryRow.address).join(MailRow, col(MailRow.id) == HitRow.mail_id)
    rows = session.exec(
        query.join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id).where(col(HitRow.case_id).is_not(None))
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for case, key, address in rows:
        found.setdefault(case or 0, []).append((key, addresses.index(address)))
    return {case: sorted(hits) for case, hits in found.items()}


def end_of(store: Database, addresses: Sequence[str]) -> dict[str, object]:
    """How it ended, in terms that are the same in both ways."""
    with store.reading() as session:
        number = {
            row.id: addresses.index(row.address) for row in session.exec(select(CanaryRow)) if row.address in addresses
        }
        hits = {case: frozenset(its) for case, its in hits_of(session, addresses).items()}
        rows = {row.id: row for row in session.exec(select(CaseRow))}
        members: dict[int, set[int]] = {}
        for member in session.exec(select(CaseVendorRow)):
            members.setdefault(member.case_id, set()).add(member.vendor_id)
        verdicts = session.exec(
            select(MailRow.key, HitRow.canary_id, HitRow.verdict).join(MailRow, col(MailRow.id) == HitRow.mail_id)
        )
        return {
            "verdicts": {(key, number[canary]): verdict for key, canary, verdict in verdicts},
            "cases": {(hits[case], rows[case].state, rows[case].outcome, frozenset(members[case])) for case in hits},
            "canaries": {(number[r.id], r.state, r.burned_at) for r in session.exec(select(CanaryRow))},
            "canary counts": {
                (number[r.canary_id], r.own, r.outside, r.asking, r.hints, r.other, r.first_outside, r.last_outside)
                for r in session.exec(select(CanaryCountRow))
            },
            "vendor counts": {
                (r.vendor_id, r.own, r.outside, r.asking, r.hints, r.other, r.first_outside)
                for r in session.exec(select(VendorCountRow))
            },
            "campaign hits": sorted(
                (sorted(hits.get(r.case_id, ())), number[r.canary_id], r.hits, r.leaks)
                for r in session.exec(select(CampaignHitRow).where(CampaignHitRow.case_id > 0))
            ),
        }  # fmt: skip


def told(store: Database) -> dict[int, int]:
    """How often it was told of each case that it was opened."""
    with store.reading() as session:
        facts = [row.fact for row in session.exec(select(OutboxRow))]
    opened = [int(fact["case"]) for fact in facts if fact["kind"] == "case-opened"]
    return {case: opened.count(case) for case in opened}


def check_every_case_was_told_once(made: Played) -> None:
    with made.store.reading() as session:
        rows, hits = list(session.exec(select(CaseRow))), hits_of(session, made.addresses)
    assert told(made.store) == {row.id: 1 for row in rows}
    # What was told and then freed is settled.
    assert {row.state for row in rows if row.id not in hits} <= set(SETTLED)


Open = Callable[[], Database]
NO_SHRINKING = (Phase.explicit, Phase.generate)


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[Open]:
    """New stores, as many as are asked for."""
    made: list[Database] = []

    def open_new() -> Database:
        path = tmp_path / f"{len(made)}.db"
        shutil.copy(sqlite_template, path)
        made.append(Database(f"sqlite:///{path}"))
        return made[-1]

    yield open_new
    for store in made:
        store.close()


def played(fresh: Open, way: int, sequence: Sequence[Stretch]) -> Played:
    made = Played(fresh(), way)
    made.begin()
    made.play(answerable(sequence))
    return made


THREE_MAILS = (
    Stretch((Letter(1, 0, (0,)), Letter(0, 0, (1,))), (Answer(1, 0, yes=False, place=(1, 1)),), act=Act(0, 2)),
    Stretch((Letter(0, 1, (1,)),), (Answer(0, 0, yes=False, place=(0, 1)),)),
)
"""A campaign is settled as a false positive; another sender of it is refused before or after it sends another one."""


def check_both_ways_end_the_same(fresh: Open, sequence: Sequence[Stretch]) -> None:
    one, other = (played(fresh, way, sequence) for way in (0, 1))
    assert end_of(one.store, one.addresses) == end_of(other.store, other.addresses)
    for each in (one, other):
        check_every_case_was_told_once(each)


@pytest.mark.parametrize("way", [0, 1])
def test_what_is_new_after_a_false_positive_begins_another_case_whichever_way_it_comes(fresh: Open, way: int) -> None:
    made = played(fresh, way, THREE_MAILS)
    with made.store.reading() as session:
        states = [row.state for row in session.exec(select(CaseRow).order_by(col(CaseRow.id)))]
        hits = hits_of(session, made.addresses)
    assert (states, hits) == (["false-positive", "new"], {1: [("k001", 0), ("k002", 1)], 2: [("k003", 1)]})
    assert told(made.store) == {1: 1, 2: 1}


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(st.lists(stretches, min_size=1, max_size=4))
@example(list(THREE_MAILS))
def test_an_answer_leads_to_the_same_whichever_side_of_the_mails_it_falls_on(
    fresh: Open, sequence: list[Stretch]
) -> None:
    check_both_ways_end_the_same(fresh, sequence)


@pytest.mark.slow
def test_an_answer_that_comes_between_gathering_and_writing_counts(postgres_store: Database) -> None:
    made = Played(postgres_store, 0)
    made.begin()
    made.receive([Letter(0, 0, (0,))])
    stages: list[str] = []

    def answer_meanwhile(stage: str) -> None:
        stages.append(stage)
        if stages == ["gather", "judge"]:
            made.answer(Answer(0, 0, yes=False, place=(0, 0)))

    context = Context(postgres_store, lambda: ZoneLookup(ZONE), supplier_book(), lambda: made.now, answer_meanwhile)
    mail = found(0, 1)
    envelope = replace(mail.raw.envelope, rcpt_to=(made.addresses[1],), received=made.now)
    process_batch(context, [replace(mail, raw=RawMail("meanwhile", envelope, mail.raw.content))])
    assert stages == ["gather", "judge", "gather", "judge", "assign", "write", "commit"]
    with postgres_store.reading() as session:
        assert set(session.exec(select(HitRow.verdict))) == {"third-party"}
    check_every_case_was_told_once(made)
