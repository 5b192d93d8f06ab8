"""Real mail that arrives at canaries after their vendor has lost them, read in place and delivered as it once was."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from canary.authenticate.message import split
from canary.authenticate.results.trusted import OUTLOOK, border_hop
from canary.demo.world import dice
from canary.mail.parse import parse
from canary.mail.received import read_received
from canary.model.canary import Canary
from canary.model.mail import Client
from tests.quality.houses import END, House, Route, outsiders, words
from tests.quality.post import STRANGERS, Posting, PostOffice, Truth, draft

_RETURN = re.compile(rb"(?im)^return-path:[ \t]*<?([^>\r\n]*)")


@dataclass(frozen=True, slots=True)
class Victim:
    """A vendor that lost its addresses on a day, and those it had then."""

    house: House
    canaries: tuple[Canary, ...]
    day: datetime

    def moment(self, chance: Random) -> datetime:
        """Some time after the loss."""
        return self.day + timedelta(seconds=chance.randrange(int((END - self.day).total_seconds())))

    def hit(self, chance: Random) -> tuple[Canary, ...]:
        """Which of its addresses one mail goes to."""
        return tuple(chance.sample(self.canaries, 1 + (chance.random() < 0.15 and len(self.canaries) > 1)))


def real_mail(corpus: Path, share: float, seed: int) -> dict[str, list[Path]]:
    """Return a share of the files of each folder, in an order of their own."""
    folders = ("phishing_pot", "spamassassin/spam", "spamassassin/hard_ham", "dsn")
    found = {}
    for folder in folders:
        files = sorted(path for path in (corpus / folder).iterdir() if path.is_file())
        dice(seed, folder).shuffle(files)
        found[folder] = files[: round(len(files) * share * (0.25 if folder == "dsn" else 1))]
    return found


def leaked(office: PostOffice, victims: Sequence[Victim], corpus: Path, share: float, seed: int) -> Iterator[Posting]:
    """Yield the spam and phishing of the corpus, newsletters of strangers, and bounces, each at victims' addresses."""
    labels = {
        "dsn": ("answer", "bounce or automatic reply"),
        "spamassassin/hard_ham": ("leak", "stranger's newsletter, 2002"),
    }
    for folder, files in real_mail(corpus, share, seed).items():
        kind, label = labels.get(folder, ("leak", f"real {folder.rpartition('/')[2]}"))
        for path in files:
            chance = dice(seed, path.name)
            victim = chance.choice(victims)
            yield _delivered(office, path, victim, chance, Truth(kind, label, f"{folder}/{path.name}"))


def _delivered(office: PostOffice, path: Path, victim: Victim, chance: Random, truth: Truth) -> Posting:
    content = path.read_bytes()
    message = split(content)
    trusted = OUTLOOK if truth.source.startswith("phishing_pot") else ""
    hop = border_hop(message, [OUTLOOK]) if trusted else None
    ip = (hop.client.ip if hop else "") if trusted else _first_outside(content)
    found = _RETURN.search(content[:65536])
    mail_from = found[1].decode("utf-8", "replace").strip() if found else ""
    client = Client(ip or f"{STRANGERS}.{chance.randrange(1, 250)}")
    return Posting(office.raw(content, mail_from, victim.hit(chance), client, victim.moment(chance)), truth, trusted)


def _first_outside(content: bytes) -> str:
    """The first host that is not the receiver's own, from what the archive's trace says."""
    for name, value in parse(content).headers:
        seen = read_received(value).ip if name.lower() == "received" else ""
        if seen and not seen.startswith(("127.", "10.", "192.168.", "172.16.")):
            return seen
    return ""


def written(office: PostOffice, victims: Sequence[Victim], seed: int) -> Iterator[Posting]:
    """Yield what the corpus cannot hold: lures that bear the vendor's name, and buyers of the list at known providers."""
    firms = outsiders()
    for victim in victims:
        for number in range(4):
            chance = dice(seed, victim.house.name, "lure", number)
            yield _lure(office, victim, chance, number, seed)
            route = firms[chance.randrange(len(firms))]
            to, at = chance.choice(victim.canaries), victim.moment(chance)
            yield office.post(draft(victim.house, route, to, at, seed))


def _lure(office: PostOffice, victim: Victim, chance: Random, number: int, seed: int) -> Posting:
    """Forged with the vendor's own From, or from a hacked or new domain, signed or not."""
    domain = victim.house.domain if number == 0 else f"{chance.choice(_HACKED)}{chance.randrange(100)}.test"
    route = Route("lure", domain, aligned=number == 2)
    written = draft(victim.house, route, chance.choice(victim.canaries), victim.moment(chance), seed)
    if number == 2:
        return office.post(written)
    client = Client(f"{STRANGERS}.{chance.randrange(1, 250)}", 25_000, "vps.invalid")
    path = f"www-data@{domain}" if number else f"bounce@{chance.choice(_HACKED)}.test"
    raw = office.raw(written.content(), path, written.to, client, written.at)
    return Posting(raw, Truth("leak", ("forged From of the vendor", "lure in the vendor's name")[number > 0]))


_HACKED = ("lakeside-bakery", "drkovacs", "autohaus-nord", "parish-choir", "metalworks", "villa-rosa")


def strays(office: PostOffice, houses: Sequence[tuple[House, tuple[Canary, ...]]], seed: int) -> Iterator[Posting]:
    """Yield private letters to a wrong address."""
    for number, (house, canaries) in enumerate(houses):
        if number % 2:
            continue
        chance = dice(seed, house.name, "stray")
        route = Route("person", f"{words()['people'][number % 8].split()[1].lower()}-family.example")
        at = house.since + timedelta(days=chance.randrange(30, 600))
        yield office.post(draft(house, route, chance.choice(canaries), at, seed))
