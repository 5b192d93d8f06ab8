"""The whole story as mails for the listener: each with its envelope and its time, in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from canary.demo.campaign import bounces, guesses, lure_signer, report, sendings, strayed
from canary.demo.letters import Letter, compose
from canary.demo.regular_mail import DemoCarrier, Occasion, carrier, occasions, write_letter
from canary.demo.signing import Signer, sign
from canary.demo.world import FRIEND, DemoWorld, Station, day, dice
from canary.model.canary import Canary
from canary.model.mail import Client, Envelope

RECENT = day("2011-03-07")
"""Mail from this day on goes through the real listener."""

END = day("2011-03-25")
_STATEMENT = day("2011-03-22") + timedelta(hours=15, minutes=4)
_UNDERWAY = timedelta(seconds=9)


class PostingKind(StrEnum):
    """What a mail really is, which only the author of the story can know."""

    ORDINARY = "ordinary"
    CAMPAIGN = "campaign"
    BOUNCE = "bounce"
    STRAY = "stray"


@dataclass(frozen=True, slots=True)
class Posting:
    """One mail with its envelope, and the time at which it arrives."""

    at: datetime
    envelope: Envelope
    content: bytes
    kind: PostingKind


@dataclass(frozen=True, slots=True)
class Story:
    """All mails by time, cut where the last weeks begin, and the never-issued recipients tried in these weeks."""

    history: tuple[Posting, ...]
    recent: tuple[Posting, ...]
    guesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Post:
    """Sends letters: signs them and adds the envelope."""

    world: DemoWorld
    keys: Mapping[str, Signer]

    def ordinary(self, letter: Letter, via: DemoCarrier | None) -> Posting:
        """The shop signs, and then the supplier that sends it."""
        sender = self._station(letter.sender.domain)
        station = self._station(via.domain) if via else sender
        content = sign(compose(letter), self.keys[sender.domain], letter.at)
        if via:
            content = sign(content, self.keys[via.domain], letter.at)
        path = f"v-{via.account}-{letter.mark}" if via else "bounces"
        return self._posted(letter, content, f"{path}@bounce.{station.domain}", (station.ip, station.host))

    def lure(self, letter: Letter, count: int) -> Posting:
        """The spammer signs some mails, and sends from anywhere."""
        content, signer = compose(letter), lure_signer(count)
        if signer:
            content = sign(content, self.keys[signer], letter.at)
        host = f"dsl-{count}.pool.northbarn.example"
        return self._posted(
            letter, content, letter.sender.address, (f"203.0.113.{100 + count}", host), PostingKind.CAMPAIGN
        )

    def bounce(self, letter: Letter) -> Posting:
        """A delivery report has no return address (RFC 5321 section 4.5.5)."""
        where = (f"203.0.113.{200 + letter.at.day}", letter.sender.domain)
        return self._posted(letter, compose(letter, report(letter)), "", where, PostingKind.BOUNCE)

    def stray(self, letter: Letter) -> Posting:
        """A private letter, signed by its own small domain."""
        station = self._station(FRIEND)
        content = sign(compose(letter), self.keys[FRIEND], letter.at)
        return self._posted(letter, content, letter.sender.address, (station.ip, station.host), PostingKind.STRAY)

    def _station(self, domain: str) -> Station:
        return next(station for station in self.world.stations.values() if station.domain == domain)

    def _posted(
        self,
        letter: Letter,
        content: bytes,
        mail_from: str,
        where: tuple[str, str],
        kind: PostingKind = PostingKind.ORDINARY,
    ) -> Posting:
        at, (ip, host) = letter.at + _UNDERWAY, where
        port = dice(letter.mark).randrange(20_000, 60_000)
        trace = (
            f"Received: from [10.4.0.{letter.at.minute + 1}] by {host} with ESMTP id {letter.mark[:10]};\r\n"
            f"\t{letter.at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        )
        envelope = Envelope(mail_from, (letter.to.address,), Client(ip, port, host), at)
        return Posting(at, envelope, trace.encode() + content, kind)


def write(world: DemoWorld, issued: Mapping[str, Canary], keys: Mapping[str, Signer], seed: int) -> Story:
    """Write every mail of the story to the addresses that were issued for the world's orders, by `DemoOrder.key`."""
    missing = sorted(order.key for order in world.orders if order.key not in issued)
    if missing:
        raise ValueError(f"orders without an address: {', '.join(missing)}; issue each order of the world first")
    postings = sorted(_postings(world, issued, keys, seed), key=lambda posting: posting.at)
    return Story(
        history=tuple(posting for posting in postings if posting.at < RECENT),
        recent=tuple(posting for posting in postings if posting.at >= RECENT),
        guesses=guesses(world, issued),
    )


def _postings(
    world: DemoWorld, issued: Mapping[str, Canary], keys: Mapping[str, Signer], seed: int
) -> Iterator[Posting]:
    post = _Post(world, keys)
    for occasion in (*occasions(world, issued, seed, END), _statement(world, issued)):
        via = carrier(world, occasion)
        yield post.ordinary(write_letter(occasion, via, seed), via)
    stolen = [issued[order.key] for order in world.stolen]
    yield from (post.lure(letter, count) for count, letter in enumerate(sendings(stolen, seed)))
    yield from map(post.bounce, bounces(world, issued, seed))
    yield post.stray(strayed(issued, seed))


def _statement(world: DemoWorld, issued: Mapping[str, Canary]) -> Occasion:
    """Return the vendor's own statement about it, two days after it began."""
    order = next(order for order in world.orders if order.key == "playbox/signup/1")
    shop = next(shop for shop in world.shops if shop.slug == order.vendor)
    return Occasion(shop, order, issued[order.key], "statement", 0, _STATEMENT)
