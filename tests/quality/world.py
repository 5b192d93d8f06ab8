"""The measured world: vendors, their canaries, two years of lawful mail, and what came of the addresses some lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.demo.world import dice
from canary.model.canary import Canary, Style
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.vendors import slug
from tests.quality.houses import BEGIN, END, Beat, House, houses
from tests.quality.leaks import Victim, leaked, strays, written
from tests.quality.post import FORWARDER, Posting, PostOffice, draft

DOMAIN = "in.quality.test"
_STYLES = (Style.TAGGED, Style.TAGGED, Style.PLAUSIBLE, Style.PLUS)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a world: the vendors, and which share of the corpus comes in."""

    vendors: int = 40
    share: float = 1.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class World:
    """Everything that happens, by time, and what DNS says of its senders; `asked` vendors are known by slug."""

    houses: tuple[House, ...]
    postings: tuple[Posting, ...]
    lookup: ZoneLookup

    @property
    def years(self) -> float:
        """How long it lasts."""
        return (END - BEGIN).days / 365


def build(store: Database, scale: Scale, corpus: Path) -> World:
    """Add the vendors and issue their canaries, then write and collect all mail."""
    found = houses(scale.vendors, scale.seed)
    issued = {house.name: _issue(store, house, scale.seed) for house in found}
    office = PostOffice()
    office.publish("forwarder.invalid", f"{FORWARDER}/32")
    postings = [posting for house in found for posting in _lawful(office, house, issued[house.name], scale.seed)]
    victims = [_victim(house, issued[house.name], scale.seed) for house in found[::3]]
    postings += leaked(office, victims, corpus, scale.share, scale.seed)
    postings += written(office, victims, scale.seed)
    postings += strays(office, [(house, tuple(issued[house.name].values())) for house in found], scale.seed)
    postings.sort(key=lambda posting: (posting.raw.envelope.received, posting.raw.key))
    return World(found, tuple(postings), ZoneLookup(office.zone))


def _issue(store: Database, house: House, seed: int) -> dict[str, Canary]:
    """Give the vendor an address for each channel; of its senders the owner knows its domain."""
    chance = dice(seed, house.name, "issue")
    with store.writing() as session:
        vendors.add_vendor(session, house.name, [house.domain], house.since)
        return {
            channel: lifecycle.issue(
                session,
                lifecycle.IssueOrder(
                    slug(house.name), DOMAIN, channel, _STYLES[(number + len(house.name)) % len(_STYLES)]
                ),
                chance.randrange,
                house.since,
            )
            for number, channel in enumerate(house.channels)
        }


def _victim(house: House, issued: dict[str, Canary], seed: int) -> Victim:
    day = house.since + timedelta(days=dice(seed, house.name, "loss").randrange(60, 500))
    return Victim(house, tuple(issued.values()), day)


def _lawful(office: PostOffice, house: House, issued: dict[str, Canary], seed: int) -> Iterator[Posting]:
    office.publish(house.domain, f"{house.ip}/32", house.policy)
    for beat in house.beats:
        for number, at in enumerate(_times(house, beat, seed)):
            letter = draft(house, beat.route, issued[beat.channel], at, seed)
            yield office.post(letter, _mishap(beat, house, number, at))


def _times(house: House, beat: Beat, seed: int) -> Sequence[datetime]:
    chance, found, days = dice(seed, house.name, beat.route.label, beat.first), [], beat.first
    while days < beat.last:
        at = house.since + timedelta(days=days, hours=chance.random() * 9 if days > 1 else 0)
        if at < END:
            found.append(at)
        if not beat.every:
            break
        days += beat.every
    return found


def _mishap(beat: Beat, house: House, number: int, at: datetime) -> str:
    """Now and then a signature breaks on the way, or somebody forwards; never both, which would leave no proof."""
    fate = dice(house.name, beat.route.label, number, at).random()
    if fate < 0.02 and beat.route.shape is None:
        return "DKIM broken"
    if 0.02 <= fate < 0.05 and (beat.route.aligned or (beat.route.shape and beat.route.shape.signer)):
        return "forwarded" if fate < 0.035 else "forwarded with SRS"
    return ""
