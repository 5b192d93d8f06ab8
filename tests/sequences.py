"""Sequences of mails, probes, answers about senders and decisions on cases, and an installation that plays them.

A sequence can be played in two ways: answers move among the mails between two decisions on cases, and the mails are cut
into other batches.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import count

from hypothesis import strategies as st
from sqlmodel import Session, col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import answers, merge_split, workflow
from canary.cases.weigh import weigh_all
from canary.model.attempt import Attempt, AttemptKind
from canary.model.authenticated import AuthenticatedMail
from canary.model.case import OPEN, SETTLED, TRANSITIONS, CaseState
from canary.model.decision import Decision
from canary.model.mail import Client, Envelope, RawMail
from canary.model.party import SupplierLink
from canary.pipeline.attempts import process_attempts
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
    MoveRow,
    OutboxRow,
    VendorCountRow,
)
from tests.conftest import START
from tests.recounting import counted, kept

VENDORS = ("Trendy Shoes", "Bikes and More", "Corner Books", "Garden Lights")
SLUGS = tuple(vendors.slug(name) for name in VENDORS)
OWNERS = (0, 0, 1, 1, 2, 3)
"""The vendor of each address."""

SUPPLIERS = {"Silver": (0, 1), "Golden": (1, 2)}
"""Which vendors each supplier works for; the last vendor has none."""

DECLARED = ("trendy.example", "bikes.example", "books.example", "lights.example")
"""A domain of each vendor, as where none is known nobody is a stranger."""

DOMAINS = {0: "trendy.example", 3: "lights.example"}
"""From where vendors are known to write."""

ASKING, STRANGE = ("tilla.example", "tillb.example"), ("deals.example", "piers.example")
ACCOUNTS = {"sendgrid/4711": "trendy.example", "sendgrid/4712": "lights.example"}
SENDERS = (*ASKING, *STRANGE, *ACCOUNTS, *DOMAINS.values())
"""Some may write for the vendors and are asked about, some are strangers who prove their own names. In the name of two
vendors there is mail through an account at a provider, and mail that they prove themselves through another provider."""

TILLA, TILLB, DEALS, PIERS, ACCOUNT, OTHER_ACCOUNT, CARRIED, OTHER_CARRIED = range(len(SENDERS))

ZONE = {
    **{name: {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]} for name in (*ASKING, *STRANGE)},
    **{name: {"TXT": ["v=spf1 ip4:192.0.2.0/24 include:sendgrid.net -all"]} for name in DOMAINS.values()},
    **{f"bounce.mail.{name}": {"TXT": ["v=spf1 ip4:13.111.0.0/16 -all"]} for name in DOMAINS.values()},
    "sendgrid.net": {"TXT": ["v=spf1 ip4:149.72.0.0/16 -all"]},
}
TEXTS = (
    """Forty percent off everything at our pier, this week only, until stocks are gone. We have shoes, bags, hats, coats and
    scarves in every size and colour, delivered to your door within two days. Unsubscribe here whenever you like.""",
    """Learn to dance in three weeks with the best teachers in town: music and partners are part of every single lesson.
    Beginners meet on Mondays and Thursdays, everybody else on Saturday evenings in the old theatre behind the station.""",
    """The new catalogue of garden furniture has arrived: benches, tables and parasols for long evenings of the summer.
    Order before the end of the month and get a set of cushions for nothing, or send it back within thirty days.""",
)
SUBJECTS = ("Everything must go until Sunday evening", "Three lessons that cost you nothing")
"""What mails of different texts may have in common, so that they are one campaign."""

NAMED = f"You paid {', '.join(VENDORS)}. "
BEGINS = START + timedelta(days=90)


@dataclass(frozen=True)
class Letter:
    """A mail: whose it is, what it says, at which addresses it arrives, and whether it is an automatic reply.

    `subject` makes it one campaign with mails of other texts; `late` says how many days ago it was sent.
    """

    sender: int
    text: int
    to: tuple[int, ...]
    reply: bool = False
    subject: int | None = None
    late: int = 0


@dataclass(frozen=True)
class Probe:
    """A question for an address that no mail followed."""

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
    """A decision on the cases that have hits: what is done to which of them, and the state, the vendor or the campaign."""

    case: int
    choice: int
    kind: str = "state"


@dataclass(frozen=True)
class Stretch:
    """Mails and answers up to a decision on a case; `cuts` says after which mails a batch ends, in each way."""

    letters: tuple[Letter | Probe, ...]
    answers: tuple[Answer, ...] = ()
    cuts: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    act: Act | None = None


addresses = st.integers(0, len(OWNERS) - 1)
letters = st.builds(
    Letter,
    st.integers(0, len(SENDERS) - 1),
    st.integers(0, len(TEXTS) - 1),
    st.sets(addresses, min_size=1, max_size=3).map(sorted).map(tuple),
    st.sampled_from([False, False, False, True]),
    late=st.sampled_from([0, 0, 0, 10]),
)
probed = st.builds(Probe, addresses.map(lambda address: (address,)))
said = st.builds(
    Answer,
    st.integers(0, len(SENDERS) - 1),
    st.integers(0, len(VENDORS) - 1),
    st.booleans(),
    st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
acts = st.builds(
    Act,
    st.integers(0, 3),
    st.integers(0, 4),
    st.sampled_from(["state", "state", "merge", "split-vendor", "split-campaign", "undo"]),
)
cuts = st.frozensets(st.integers(1, 6))
stretches = st.builds(
    Stretch,
    st.lists(st.one_of(letters, letters, letters, probed), max_size=6).map(tuple),
    st.lists(said, max_size=3).map(tuple),
    st.tuples(cuts, cuts),
    st.none() | acts,
)


def places(way: int, stretch: Stretch) -> list[tuple[Answer, int]]:
    """The answers with their places in one of the two ways; their own order is the same in both."""
    at = sorted(min(a.place[way], len(stretch.letters)) for a in stretch.answers)
    return list(zip(stretch.answers, at, strict=True))


def answerable(sequence: Sequence[Stretch]) -> list[Stretch]:
    """Leave out answers about a sender that, in one of the two ways, has never written to the vendor by then."""
    wrote: set[tuple[int, int]] = set()
    fitting = []
    for stretch in sequence:
        placed = [[at for _, at in places(way, stretch)] for way in (0, 1)]
        fit = [
            replace(answer, place=(placed[0][number], placed[1][number]))
            for number, answer in enumerate(stretch.answers)
            if (answer.sender, answer.vendor) in wrote | seen(stretch.letters[: min(at[number] for at in placed)])
        ]
        fitting.append(replace(stretch, answers=tuple(fit)))
        wrote |= seen(stretch.letters)
    return fitting


def seen(events: Iterable[Letter | Probe]) -> set[tuple[int, int]]:
    """Which senders wrote to which vendors."""
    written = (event for event in events if isinstance(event, Letter))
    return {(letter.sender, OWNERS[address]) for letter in written for address in letter.to}


providers = cache(supplier_book)


@cache
def found(sender: int, text: int, reply: bool, subject: int | None) -> AuthenticatedMail:
    """A mail that was parsed and authenticated, to nobody yet."""
    name = SENDERS[sender]
    asking = name in ASKING and not reply
    domain = ACCOUNTS.get(name, name)
    about = f"Letter {text}" if subject is None else SUBJECTS[subject]
    head = [f"From: {domain.partition('.')[0]} <r@{domain}>", f"Subject: {'Re: ' if reply else ''}{about}"]
    if reply:
        head += ["Auto-Submitted: auto-replied", "In-Reply-To: <1@x>"]
    elif not asking:
        head += ["List-Unsubscribe: <https://x.example/u>"]
    content = "\r\n".join((*head, "", f"{NAMED if asking else ''}{TEXTS[text]}", "")).encode()
    path, ip = f"b@{name}", "198.51.100.7"
    if name in ACCOUNTS:
        path, ip = f"bounces+{name.partition('/')[2]}-ab12-x=y@sendgrid.net", "149.72.33.44"
    elif name in DOMAINS.values():
        path, ip = f"bounce-12_HTML-1-1400500-7898424-{len(name)}@bounce.mail.{name}", "13.111.9.9"
    envelope = Envelope(path, (), Client(ip, 25, "mx"), START)
    context = Context(Database("sqlite://"), lambda: ZoneLookup(ZONE), providers(), lambda: START)
    return asyncio.run(parse_and_authenticate(context, RawMail("", envelope, content)))


@dataclass
class Played:
    """An installation in which one way of a sequence is played."""

    store: Database
    way: int
    addresses: list[str] = field(default_factory=list)
    events: Iterator[int] = field(default_factory=lambda: count(1))
    now: datetime = BEGINS
    on_stage: Callable[[str], None] = lambda _: None

    def begin(self) -> None:
        with self.store.writing() as session:
            for number, name in enumerate(VENDORS):
                vendors.add_vendor(session, name, [DECLARED[number]], START)
            for name, using in SUPPLIERS.items():
                supplier = vendors.add_supplier(session, name, START).slug
                for vendor in using:
                    vendors.add_supply(session, SupplierLink(SLUGS[vendor], supplier))
            for vendor in OWNERS:
                order = IssueOrder(SLUGS[vendor], "in.example")
                self.addresses.append(lifecycle.issue(session, order, secrets.randbelow, START).address)

    def play(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            waiting: list[Letter | Probe] = []
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

    def receive(self, events: Sequence[Letter | Probe]) -> None:
        batch: list[AuthenticatedMail] = []
        for event in events:
            number = next(self.events)
            self.now = BEGINS + timedelta(hours=number)
            if isinstance(event, Probe):
                self.process(batch)
                batch = []
                source, address = f"192.0.{number}.0/24", self.addresses[event.to[0]]
                attempt = Attempt(AttemptKind.PROBE, "in.example", source, self.now, address)
                process_attempts(self.store, "spool", [(number, attempt)])
                weigh_all(self.store, self.now)
            else:
                batch.append(self.mail(event, number))
        self.process(batch)

    def mail(self, letter: Letter, number: int) -> AuthenticatedMail:
        mail = found(letter.sender, letter.text, letter.reply, letter.subject)
        to = tuple(self.addresses[address] for address in letter.to)
        envelope = replace(mail.raw.envelope, rcpt_to=to, received=self.now - timedelta(days=letter.late))
        return replace(mail, raw=RawMail(f"k{number:03}", envelope, mail.raw.content))

    def process(self, batch: Sequence[AuthenticatedMail]) -> None:
        if batch:
            context = Context(self.store, lambda: ZoneLookup(ZONE), providers(), lambda: self.now, self.on_stage)
            process_batch(context, batch)
            weigh_all(self.store, self.now)

    def answer(self, answer: Answer) -> None:
        say = answers.approve if answer.yes else answers.deny
        with self.tried() as session:
            say(session, SLUGS[answer.vendor], SENDERS[answer.sender], "ada", self.now)

    def act(self, act: Act) -> None:
        with self.store.reading() as session:
            cases = [number for _, number in sorted((min(h), n) for n, h in hits_of(session, self.addresses).items())]
            if not cases:
                return
            number = cases[act.case % len(cases)]
            state = CaseState(session.get_one(CaseRow, number).state)
            campaigns = campaigns_of(session, number)
        other, word = cases[(act.case + 1) % len(cases)], Decision("ada", self.now)
        with self.tried() as session:
            if act.kind == "merge":
                merge_split.merge(session, number, other, word)
            elif act.kind == "split-vendor":
                merge_split.split_vendor(session, number, SLUGS[act.choice % len(SLUGS)], word)
            elif act.kind == "split-campaign":
                merge_split.split_campaign(session, number, campaigns[act.choice % len(campaigns)], word)
            elif act.kind == "undo":
                merge_split.undo(session, number, word)
            else:
                ways = TRANSITIONS[state]
                workflow.set_state(session, number, ways[act.choice % len(ways)], word)

    @contextmanager
    def tried(self) -> Iterator[Session]:
        """A transaction for something that may not be there to be decided."""
        try:
            with self.store.writing() as session:
                yield session
        except (LookupError, ValueError):
            return


Hit = tuple[int, int]
"""After how many hours it came, and to which address."""


def hits_of(session: Session, addresses: Sequence[str]) -> dict[int, list[Hit]]:
    """What came to each case."""
    query = select(HitRow.case_id, HitRow.at, CanaryRow.address).join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
    found: dict[int, list[Hit]] = defaultdict(list)
    for case, at, address in session.exec(query.where(col(HitRow.case_id).is_not(None))):
        found[case or 0].append((hours(at), addresses.index(address)))
    return {case: sorted(hits) for case, hits in found.items()}


def hours(at: datetime) -> int:
    return round((at - BEGINS) / timedelta(hours=1))


def campaigns_of(session: Session, case: int) -> list[int]:
    """The campaigns of a case in the order in which their first mails came to it, or one that does not exist."""
    query = select(MailRow.campaign_id).join(HitRow, col(HitRow.mail_id) == MailRow.id).where(HitRow.case_id == case)
    found = session.exec(query.order_by(col(MailRow.received_at)))
    return list(dict.fromkeys(number for number in found if number)) or [999]


def end_of(store: Database, addresses: Sequence[str]) -> dict[str, object]:
    """How it ended, in terms that are the same in both ways."""
    with store.reading() as session:
        number = {row.id: addresses.index(row.address) for row in session.exec(select(CanaryRow))}
        hits = {case: frozenset(its) for case, its in hits_of(session, addresses).items()}
        rows = {row.id: row for row in session.exec(select(CaseRow))}
        members = defaultdict(set)
        for member in session.exec(select(CaseVendorRow)):
            members[member.case_id].add(member.vendor_id)
        opened = sorted(hits, key=lambda case: rows[case].opening_hit)
        return {
            "verdicts": {(hours(hit.at), number[hit.canary_id]): hit.verdict for hit in session.exec(select(HitRow))},
            "cases": [
                (
                    sorted(hits[case]), rows[case].state, rows[case].outcome, rows[case].vendor_id, sorted(members[case]),
                    hours(rows[case].last_hit_at),
                )
                for case in opened
            ],
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
    """Every open case was told of once, but those that a person split off; what lost all of its mail is settled."""
    with made.store.reading() as session:
        rows, hits = list(session.exec(select(CaseRow))), hits_of(session, made.addresses)
        split = set(session.exec(select(MoveRow.to_id).where(MoveRow.kind == "split")))
    assert set(told(made.store).values()) <= {1}
    assert {row.id for row in rows if row.state in OPEN and not row.touched and row.id not in split} <= told(
        made.store
    ).keys()
    assert {row.state for row in rows if row.id not in hits} <= {*SETTLED, CaseState.EXPLAINED}


def check_all_is_counted(made: Played) -> None:
    """What is kept count of is what there is."""
    with made.store.reading() as session:
        assert kept(session) == counted(session)
