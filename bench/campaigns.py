"""Campaigns: what one more mail costs with 1,000, 10,000 and 100,000 kept, and how well sendings are told apart.

The mails are written here and varied by a fixed seed: words replaced, greeting, names, numbers, links and a chaff line
of each copy's own. The peer is linking by exact keys: same normal text, or same link host with the same subject.
Arguments of `CANARY_BENCH_MAILS` (default 100000) and `CANARY_BENCH_URL` (default a SQLite file) change the size and
the store.
"""

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from canary.attribute.campaigns.features import sending
from canary.attribute.campaigns.normalise import Addressee
from canary.campaigns import membership
from canary.judge.providers import ProviderRegistry
from canary.mail.text import link_host, words
from canary.model.campaign import CampaignSending
from canary.model.identity import Identity
from canary.model.mail import Client, Mailbox, ParsedMail
from canary.model.proof import Proofs
from canary.store.database import Database
from canary.store.tables import MailRow

SEED = 7
STEPS = (1_000, 10_000, 100_000)
MEASURED = 300
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOBODY, BOOK = Addressee(), ProviderRegistry()
SYLLABLES = "ba co du fe gi ho ju ka le mi no pu ra se ti vo wa ze lin mar ton ver sel dor pan gul".split()
FOOTER = (
    "You receive this message because you are on our list. To stop receiving it, unsubscribe here. "
    "This message is confidential and intended only for its recipient. Copyright, all rights reserved."
)


@dataclass(frozen=True)
class Template:
    """What the copies of one sending have in common."""

    words: tuple[str, ...]
    subject: str
    host: str
    net: int


def vocabulary(chance: random.Random, size: int = 6_000) -> list[str]:
    return sorted({"".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(size)})


class Author:
    """Writes sendings and their copies; common words are common, as in a language."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.words = vocabulary(self.chance)
        self.weights = [1 / (rank + 3) for rank in range(len(self.words))]
        self.made = 0

    def some(self, count: int) -> list[str]:
        return self.chance.choices(self.words, self.weights, k=count)

    def template(self) -> Template:
        self.made += 1
        length = int(25 * 16 ** self.chance.random())
        host = f"{''.join(self.some(2))}{self.made}.example"
        return Template(tuple(self.some(length)), " ".join(self.some(5)), host, self.chance.randrange(1 << 16))

    def copy(self, template: Template, spun: float = 0.04) -> tuple[ParsedMail, Client]:
        chance = self.chance
        body = [chance.choice(self.words) if chance.random() < spun else word for word in template.words]
        lines = [" ".join(body[at : at + 9]) + "." for at in range(0, len(body), 9)]
        greeting = f"{chance.choice(('Dear', 'Hello', 'Hi'))} {''.join(self.some(2)).title()},"
        host = template.host if chance.random() < 0.5 else f"{''.join(self.some(3))}{chance.randrange(99)}.example"
        link = f"https://{host}/{chance.getrandbits(40):x}"
        chaff = " ".join(self.some(chance.randrange(4)))
        subject = template.subject if chance.random() < 0.5 else " ".join(self.some(4))
        parts = [greeting, *lines, link, chaff, FOOTER if template.net % 2 else ""]
        mail = ParsedMail(
            subject=f"{subject} {chance.randrange(10_000)}", text="\n".join(parts), links=(link,),
            senders=(Mailbox("", f"a{chance.randrange(10_000)}@{''.join(self.some(2))}.example"),),
        )  # fmt: skip
        net = template.net if chance.random() < 0.5 else chance.randrange(1 << 16)
        return mail, Client(f"203.{net >> 8}.{net & 255}.{chance.randrange(1, 255)}", 25, "localhost")


def shown(mail: ParsedMail, client: Client) -> CampaignSending:
    return sending(mail, Proofs(), Identity(), client, NOBODY, BOOK)


def exact(mail: ParsedMail) -> list[str]:
    """The keys of the peer."""
    text, subject = words(mail.text), words(mail.subject)
    return [" ".join(text), " ".join((link_host(mail.links[0]), *subject))]


def quality(author: Author, sendings: int = 200, copies: int = 10, singles: int = 1_000) -> None:
    """Print precision, recall and F1 over pairs of mails, for both ways of linking."""
    mails: list[tuple[int, ParsedMail, Client]] = []
    for number in range(sendings + singles):
        template = author.template()
        mails += [(number, *author.copy(template)) for _ in range(copies if number < sendings else 1)]
    author.chance.shuffle(mails)
    truth = [number for number, _, _ in mails]
    print(f"{len(mails)} mails of {sendings} sendings of {copies} copies, and {singles} single ones")
    print(f"{'linked by':<28} {'precision':>9} {'recall':>7} {'F1':>6}")
    for name, found in (
        ("likeness and features", linked([shown(mail, client) for _, mail, client in mails])),
        ("likeness alone", linked([replace(shown(mail, client), features=()) for _, mail, client in mails])),
        ("exact keys", joined([exact(mail) for _, mail, _ in mails])),
    ):
        precision, recall = scores(truth, found)
        print(f"{name:<28} {precision:>9.3f} {recall:>7.3f} {2 * precision * recall / (precision + recall or 1):>6.3f}")


def linked(sendings: Sequence[CampaignSending]) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        store = Database(f"sqlite:///{folder}/canary.db")
        store.migrate()
        with store.writing() as session:
            rows = [mail_row(number) for number in range(len(sendings))]
            session.add_all(rows)
            session.flush()
            batch = membership.CampaignBatch(session)
            for row, each in zip(rows, sendings, strict=True):
                batch.join(membership.MailSent(row.id or 0, row.received_at, row.subject), each)
            batch.write()
            found = list(batch.campaigns.values())
        store.close()
    return found


def joined(keys: Sequence[Iterable[str]]) -> list[int]:
    """Link by any shared key, as union-find."""
    parent = list(range(len(keys)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[str, int] = {}
    for at, mine in enumerate(keys):
        for key in mine:
            parent[root(at)] = root(first.setdefault(key, at))
    return [root(at) for at in range(len(keys))]


def scores(truth: Sequence[int], found: Sequence[int]) -> tuple[float, float]:
    def pairs(groups: Iterable[object]) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(groups).values())

    both = pairs(zip(truth, found, strict=True))
    return both / max(1, pairs(found)), both / max(1, pairs(truth))


def mail_row(number: int) -> MailRow:
    return MailRow(
        key=str(number), sha256="0" * 64, size=1, received_at=NOW, envelope={}, identity={}, proofs={}, parts={}
    )


def stream(author: Author, hot: int = 400) -> Iterator[tuple[ParsedMail, Client]]:
    """Mails as they come: half of them singles, a third copies of sendings that go on, the rest of one huge sending."""
    going, huge = [author.template() for _ in range(hot)], author.template()
    while True:
        dice = author.chance.random()
        if dice < 0.5:
            template = author.template()
        elif dice < 0.85:
            going[author.chance.randrange(hot)] = template = author.chance.choice(going)
            if author.chance.random() < 0.05:
                going[author.chance.randrange(hot)] = author.template()
        else:
            template = huge
        yield author.copy(template)


def cost(store: Database, most: int) -> None:
    """Print what one mail costs when so many are kept: each in a transaction of its own, as the pipeline has it.

    `cpu` is the processor's time for both (on SQLite all of the work), which other programs disturb least; `x` is how
    often the cost at the smallest size goes into that of this one, by the clock and by the processor.
    """
    author, kept = Author(SEED), 0
    coming = stream(author)
    print(
        f"{'kept':>9} {'features':>11} {'join p50':>11} {'join mean':>11} {'join p95':>11} {'sum, p50':>11} {'x':>6} {'cpu':>11} {'x':>6}"
    )
    first: tuple[float, float] = (0.0, 0.0)
    for step in (step for step in STEPS if step <= most):
        while kept < step - MEASURED:
            count = min(1000, step - MEASURED - kept)
            fill(store, [shown(*next(coming)) for _ in range(count)], kept)
            kept += count
        drawing, joining = [], []
        for _ in range(MEASURED):
            mail, client = next(coming)
            drawing.append(timed(lambda mail=mail, client=client: shown(mail, client)))  # type: ignore[misc]
            joining.append(one(store, shown(mail, client), kept))
            kept += 1
        draw, clock = median(spent.clock for spent in drawing), sorted(spent.clock for spent in joining)
        cpu = median(spent.cpu for spent in drawing) + median(spent.cpu for spent in joining)
        whole = draw + median(clock)
        first = first if first[0] else (whole, cpu)
        figures = (draw, median(clock), sum(clock) / len(clock), clock[int(len(clock) * 0.95)], whole)
        line = f"{kept:>9}" + "".join(f" {seconds * 1e3:>8.3f} ms" for seconds in figures)
        print(f"{line} {whole / first[0]:>6.2f} {cpu * 1e3:>8.3f} ms {cpu / first[1]:>6.2f}", flush=True)


def fill(store: Database, sendings: Sequence[CampaignSending], kept: int) -> None:
    with store.writing() as session:
        for number, each in enumerate(sendings, kept):
            join(session_add(session, number), session, each)


def session_add(session: object, number: int) -> MailRow:
    row = mail_row(number)
    session.add(row)  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]
    return row


def join(row: MailRow, session: object, each: CampaignSending) -> None:
    batch = membership.CampaignBatch(session)  # type: ignore[arg-type]
    batch.join(membership.MailSent(row.id or 0, row.received_at, row.subject), each)
    batch.write()


def one(store: Database, each: CampaignSending, number: int) -> "Spent":
    with store.writing() as session:
        row = session_add(session, number)
        return timed(lambda: join(row, session, each))


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and by the processor."""

    clock: float
    cpu: float


def timed(work: Callable[[], object]) -> Spent:
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - clock, time.process_time() - cpu)


def main() -> None:
    most = int(os.environ.get("CANARY_BENCH_MAILS", "100000"))
    with tempfile.TemporaryDirectory() as folder:
        store = Database(os.environ.get("CANARY_BENCH_URL", f"sqlite:///{folder}/canary.db"))
        store.migrate()
        cost(store, most)
        if store.sqlite:
            print(f"{Path(folder, 'canary.db').stat().st_size / most / 1024:.2f} KB a mail on disk, mail rows included")
        store.close()
    quality(Author(SEED + 1))


if __name__ == "__main__":
    main()
