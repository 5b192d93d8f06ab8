"""An installation as it grows over two years: vendors, addresses issued and adopted, decoys among them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlmodel import Session

from canary.canaries import decoys, lifecycle
from canary.canaries.decoy_key import prepare_key
from canary.canaries.decoys import DecoyRequest
from canary.canaries.lifecycle import IssueOrder
from canary.importing import import_store
from canary.judge.adoption import AdoptionProposal, adopted_bits
from canary.model.canary import Style
from canary.store.database import Database
from canary.store.queries import vendors

BEGIN = datetime(2024, 1, 8, 9, 30, 12, 345678, tzinfo=UTC)
DOMAIN = "in.example"
CHANNELS = ("signup", "newsletter", "order", "support", "account")
STYLES = (Style.TAGGED, Style.TAGGED, Style.PLAUSIBLE, Style.PLUS)
MAKES = ("{}", "{}", "{}-news", "{}.shop", "{}{year}", "{}-{year}", "shop-{}", "{}{number}")
STEMS = """
    harlow kinmere foxdale brightwell oakham stonegate riverton ashby maplesoft corwin dunmore elmstead fairholt glenrow
    highcliff ironbridge juniper kestrel larkfield moorside northway orchard pinewood quarry redmill silverton thornbury
    umberfold valemont westbrook yarrow zephyr amberley blackthorn coldstream dovecote eastgate fernhill greystone hollow
""".split()


@dataclass
class Installation:
    """A store and the chance that fills it; times go on as addresses are issued."""

    store: Database
    random: Random
    now: datetime = BEGIN
    shows: Random = field(default_factory=lambda: Random(0))
    adopted: list[str] = field(default_factory=list)

    def draw(self, below: int) -> int:
        return self.random.randrange(below)

    def pass_time(self, days: float) -> None:
        seconds = self.random.expovariate(1 / (days * 86400))
        self.now += timedelta(seconds=round(seconds, 6))

    def begin(self) -> None:
        with self.store.writing() as session:
            prepare_key(session)
            for stem in STEMS[:20]:
                vendors.add_vendor(session, f"{stem.title()} Ltd", [f"{stem}.example"], self.now)

    def adopt(self, count: int) -> None:
        """Take over addresses that were given away for years, to vendors known and new."""
        found: dict[str, AdoptionProposal] = {}
        while len(found) < count:
            stem = self.random.choice(STEMS)
            make = self.random.choice(MAKES)
            local = make.format(stem, year=self.random.randrange(2010, 2024), number=self.random.randrange(10, 99))
            address = f"{local}@{DOMAIN}"
            first = BEGIN.replace(microsecond=0) - timedelta(seconds=self.random.randrange(10 * 365 * 86400))
            found[address] = AdoptionProposal(
                address, "", f"{stem.title()} Ltd", (f"{stem}.example",), self.random.choice(CHANNELS), "told",
                Style.TAGGED, adopted_bits(address), first, 3,
            )  # fmt: skip
        proposals = sorted(found.values(), key=lambda p: (p.name, p.address))
        with self.store.writing() as session:
            import_store.adopt(session, proposals, self.now, self.draw)
        self.adopted = [each.address for each in proposals]

    def issue(self, count: int, days: float = 5) -> None:
        """Issue addresses one by one, some in one go, and rotate one now and then."""
        known: list[str] = []
        with self.store.writing() as session:
            for _ in range(count):
                if self.random.random() < 0.8:
                    self.pass_time(days)
                else:
                    self.now += timedelta(microseconds=self.random.randrange(2_000, 9_000))
                if known and self.random.random() < 0.1:
                    old = self.random.choice(known)
                    known.append(lifecycle.rotate(session, old, self.draw, self.now).address)
                else:
                    order = self.order()
                    shown = order.channel == "support" and self.shows.random() < 0.5
                    order = replace(order, published=shown or None)
                    known.append(lifecycle.issue(session, order, self.draw, self.now).address)
                    self.publish(session, known)

    def publish(self, session: Session, known: list[str]) -> None:
        """Say now and then of an address that it is shown in public after all, or is not, or as those of its vendor."""
        if self.shows.random() < 0.3:
            told, address = self.shows.choice((True, True, False, None)), self.shows.choice(self.adopted + known)
            lifecycle.set_published(session, address, told, self.shows.randrange)

    def order(self) -> IssueOrder:
        vendor, style = self.random.choice(STEMS[:20]) + "-ltd", self.random.choice(STYLES)
        return IssueOrder(vendor, DOMAIN, self.random.choice(CHANNELS), style)

    def keep(self, count: int = 20) -> int:
        with self.store.writing() as session:
            return decoys.maintain_decoys(session, DecoyRequest(count), self.draw, self.now)


def grown(store: Database, seed: int) -> Installation:
    """Return an installation of 200 issued addresses, half of them adopted, and its decoys."""
    made = Installation(store, Random(seed), shows=Random(seed))
    made.begin()
    made.adopt(100)
    made.issue(100)
    made.keep()
    return made


def key_file(folder: Path) -> Path:
    """A key that is the same in every run, as all else is that chance decides here."""
    file = folder / "elsewhere" / "decoy.key"
    file.parent.mkdir(exist_ok=True)
    file.write_text("d3c0" * 16)
    return file
