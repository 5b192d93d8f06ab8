"""The vendors of the measured world: who they are, what they write about when, and through whom they send it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from canary.demo.world import dice
from tests.quality.providers import FRESHDESK, SHAPES, WORKSPACE, ZENDESK, Shape, account

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=730)

SERVICES = {
    "payment": (("Tillpoint", "tillpoint.example"), ("Coinfold", "coinfold.test")),
    "parcel": (("Parcelway", "parcelway.example"), ("Swiftcart Post", "swiftcart.test")),
    "survey": (("Askpoint", "askpoint.example"), ("Ratewise", "ratewise.test")),
    "invoice": (("Ledgerleaf", "ledgerleaf.example"),),
    "sold": (
        ("Bargain Pier", "bargainpier.example"),
        ("Velvet Hour", "velvethour.test"),
        ("Tooth Bright", "toothbright.test"),
    ),
}
"""Firms that write about business with a vendor; no book of providers knows them. The last ones buy lists."""

DKIM_ONLY, SPF_ONLY, BOTH = "dkim", "spf", "both"


@dataclass(frozen=True, slots=True)
class Route:
    """How one kind of mail of a vendor travels: from which domain, signed by whom, through which provider.

    `account` is the vendor's at that provider; `service` the firm in whose name it is sent, where that is another.
    """

    kind: str
    domain: str
    shape: Shape | None = None
    account: str = ""
    service: str = ""
    brand: str = ""
    aligned: bool = True

    @property
    def label(self) -> str:
        """What the table and the misses call it."""
        through = self.shape.slug if self.shape else self.service or "own"
        return f"{self.kind} via {through}{'' if self.aligned else ', not aligned'}"


@dataclass(frozen=True, slots=True)
class Beat:
    """A route in use: from a day on, every so many days, until a day; once where `every` is 0."""

    route: Route
    channel: str
    first: float
    every: float
    last: float = 730.0


@dataclass(frozen=True, slots=True)
class House:
    """One vendor: name, domain, its own machine, whether it asks for DMARC to be obeyed, and what it sends."""

    name: str
    domain: str
    ip: str
    policy: str
    since: datetime
    beats: tuple[Beat, ...]

    @property
    def label(self) -> str:
        """The first label of its domain, by which providers know it."""
        return self.domain.partition(".")[0]

    @property
    def channels(self) -> tuple[str, ...]:
        """Through what it was given an address."""
        return tuple(dict.fromkeys(beat.channel for beat in self.beats))


@cache
def words() -> dict[str, Any]:
    """What there is to say."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))


def houses(count: int, seed: int) -> tuple[House, ...]:
    """Return the vendors; one is the same in any number of them."""
    return tuple(_house(number, name, dice(seed, name)) for number, name in enumerate(words()["names"][:count]))


def _house(number: int, name: str, chance: Random) -> House:
    label = re.sub(r"[^a-z]", "", name.lower())
    domain = f"{label}.{'example' if number % 3 else 'test'}"
    policy = ("", "none", "quarantine", "reject")[number % 4]
    since = BEGIN + timedelta(days=chance.randrange(60), hours=chance.randrange(8, 20))
    beats = tuple(_beats(number, domain, label, chance, strict=policy in ("quarantine", "reject")))
    return House(name, domain, f"192.0.2.{number + 10}", policy, since, beats)


def _beats(number: int, domain: str, label: str, chance: Random, *, strict: bool) -> Iterator[Beat]:
    """Everybody does the usual by itself; what comes besides is dealt out so that most vendors have some of it."""
    own = {kind: Route(kind, domain) for kind in ("optin", "reset", "receipt", "notice")}
    yield Beat(own["optin"], "signup", 0.003, 0)
    yield Beat(own["reset"], "signup", 40 + chance.randrange(60), 170 + chance.randrange(90))
    yield Beat(own["notice"], "signup", 90 + chance.randrange(90), 240)
    yield Beat(own["receipt"], "order", 5, 35 + chance.randrange(50))
    yield from _newsletters(number, domain, label, chance, SHAPES[12:] if strict else SHAPES)
    yield from _outside(number, domain, label, chance, strict=strict)


def _newsletters(number: int, domain: str, label: str, chance: Random, shapes: tuple[Shape, ...]) -> Iterator[Beat]:
    """A third changes its provider midway, and every sixth sends by itself.

    A domain that asks for DMARC to be obeyed has its providers sign in its name, or nobody would accept its mail.
    """
    every = chance.choice((7, 9, 12, 14, 21))
    routes = [_carried("newsletter", domain, label, shapes[(number + n * 7) % len(shapes)]) for n in range(2)]
    routes = [Route("newsletter", domain)] if number % 6 == 5 else routes[: 2 if number % 3 == 0 else 1]
    cut = 200 + chance.randrange(300) if len(routes) == 2 else 730
    yield Beat(
        Route("optin", routes[0].domain, routes[0].shape, routes[0].account, aligned=routes[0].aligned),
        "newsletter",
        0.004,
        0,
    )
    yield Beat(routes[0], "newsletter", 3, every, cut)
    for route in routes[1:]:
        yield Beat(route, "newsletter", cut + 3, every)


def _outside(number: int, domain: str, label: str, chance: Random, *, strict: bool) -> Iterator[Beat]:
    if number % 2 == 0:
        yield Beat(_served("payment", number), "order", 20, 60 + chance.randrange(60))
    if number % 3 == 1:
        yield Beat(_served("parcel", number), "order", 7, 70 + chance.randrange(50))
    if number % 4 == 2:
        yield Beat(_served("survey", number), "order", 25, 100 + chance.randrange(60))
    if number % 7 == 3:
        yield Beat(_served("invoice", number), "order", 30, 60)
    if number % 3 == 2:
        desk = ZENDESK if number % 2 else FRESHDESK
        route = Route("support", f"{label}.{desk.slug}.com", desk, account(desk.account, chance), aligned=False)
        yield Beat(route, "signup", 60 + chance.randrange(100), 150)
        yield Beat(route, "signup", 61 + chance.randrange(100), 151)
    if number % 4 == 1:
        brand = words()["brands"][number % len(words()["brands"])]
        route = Route("brand", f"{re.sub('[^a-z]', '', brand.lower())}.example", brand=brand)
        yield Beat(route, "newsletter", 120 + chance.randrange(300), 20)
    yield from _beside(number, domain, label, chance, strict=strict)


def _beside(number: int, domain: str, label: str, chance: Random, *, strict: bool) -> Iterator[Beat]:
    """An undeclared domain of the vendor's own, and invitations by its people."""
    if number % 6 == 4:
        yield Beat(Route("second", f"{label}-post.example"), "newsletter", 200 + chance.randrange(200), 25)
    if number % 5 == 4:
        route = Route("invite", domain, WORKSPACE, f"{label}-example", aligned=strict or number % 2 == 0)
        yield Beat(route, "signup", 50 + chance.randrange(200), 200)


def _carried(kind: str, domain: str, label: str, shape: Shape) -> Route:
    number = account(shape.account, dice(label, shape.slug)).format(label=label)
    return Route(kind, domain, shape, number, aligned=shape.aligned)


def _served(kind: str, number: int) -> Route:
    firms = SERVICES[kind]
    service, domain = firms[number // 2 % len(firms)]
    return Route(kind, domain, service=service)


def outsiders() -> tuple[Route, ...]:
    """Firms that bought a list: each with its own account at a provider that vendors use too, or sending by itself."""
    found = [Route("sold", domain, service=service) for service, domain in SERVICES["sold"]]
    for number, (service, domain) in enumerate(SERVICES["sold"] * 4):
        shape = SHAPES[number]
        ours = account(shape.account, dice(domain, shape.slug)).format(label=domain.partition(".")[0])
        found.append(Route("sold", domain, shape, ours, service=service, aligned=shape.aligned))
    return tuple(found)
