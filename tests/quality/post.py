"""Writes letters of the measured world, signs them with test keys, and says what DNS knows of their senders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from canary.demo.html import SKINS, HtmlPage
from canary.demo.letters import Box, Letter, compose, multipart, part
from canary.demo.signing import Signer, sign
from canary.demo.world import dice
from canary.model.canary import Canary
from canary.model.mail import Client, Envelope, RawMail
from tests.quality.houses import House, Route, words

FORWARDER = "192.0.2.240"
STRANGERS = "203.0.113"
_SKINS = ("plain", "cards", "column", "band")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """What a mail really is: `own` (lawful), `leak`, `answer`, `person`; `label` is its kind, `source` where from."""

    kind: str
    label: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    """One mail with what it really is; `trusted` names the receiver whose results stand for it, if any."""

    raw: RawMail
    truth: Truth
    trusted: str = ""


@dataclass
class PostOffice:
    """Keeps keys and zone, so that whatever it sends can be verified."""

    zone: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    keys: dict[tuple[str, str], Signer] = field(default_factory=dict)
    sent: int = 0

    def key(self, domain: str, selector: str) -> Signer:
        """Return the key of a signer, and publish it."""
        if (domain, selector) not in self.keys:
            seed = dice(domain, selector).randbytes(32)
            signer = Signer(domain, selector, Ed25519PrivateKey.from_private_bytes(seed))
            self.keys[domain, selector] = signer
            self.zone[signer.name] = {"TXT": [signer.record]}
        return self.keys[domain, selector]

    def publish(self, domain: str, network: str, policy: str = "") -> None:
        """Publish SPF and, where there is a policy, DMARC of a sender."""
        self.zone.setdefault(domain, {"TXT": [f"v=spf1 ip4:{network} -all"], "MX": [[10, f"mx.{domain}"]]})
        if policy:
            self.zone[f"_dmarc.{domain}"] = {"TXT": [f"v=DMARC1; p={policy}"]}

    def name(self, ip: str, host: str) -> None:
        """Publish the reverse name of a machine, and back."""
        self.zone[".".join(reversed(ip.split("."))) + ".in-addr.arpa"] = {"PTR": [host]}
        self.zone[host] = {"A": [ip]}

    def post(self, letter: "Draft", mishap: str = "") -> Posting:
        """Sign and send a letter along its route."""
        route, facts = letter.route, letter.facts
        content = letter.content()
        shape = route.shape
        if route.aligned:
            selector = shape.own_selector.format_map(facts) if shape else "post"
            content = sign(content, self.key(route.domain, selector), letter.at)
        if shape and shape.signer:
            content = sign(content, self.key(shape.signer.format_map(facts), shape.selector), letter.at)
        path = shape.path.format_map(facts) if shape else f"bounces+{facts['mark']}@{route.domain}"
        ip = shape.ip if shape else letter.ip
        self.publish(path.rpartition("@")[2], shape.network if shape else f"{ip}/32")
        if shape and shape.host:
            self.name(shape.ip, shape.host)
        return self._delivered(letter, content, path, (ip, shape.host if shape else f"mx.{route.domain}"), mishap)

    def _delivered(
        self, letter: "Draft", content: bytes, path: str, where: tuple[str, str], mishap: str = ""
    ) -> Posting:
        content, path, where = _MISHAPS[mishap](content, path, where)
        client = Client(where[0], 25_000, where[1])
        trace = f"Received: from {where[1]} by relay.invalid with ESMTP id {letter.facts['mark'][:10]};\r\n\t{letter.at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        truth = replace(letter.truth, label=f"{letter.truth.label}{f' ({mishap})' if mishap else ''}")
        return Posting(self.raw(trace.encode() + content, path, letter.to, client, letter.at), truth)

    def raw(self, content: bytes, path: str, to: Iterable[Canary], client: Client, at: datetime) -> RawMail:
        """Wrap octets in an envelope, under a key that says how many were sent before."""
        self.sent += 1
        recipients = tuple(canary.address for canary in to)
        return RawMail(
            f"quality-{self.sent:06d}", Envelope(path, recipients, client, at + timedelta(seconds=9)), content
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter before it is signed."""

    route: Route
    to: tuple[Canary, ...]
    at: datetime
    facts: Mapping[str, str]
    letter: Letter
    truth: Truth
    ip: str

    def content(self) -> bytes:
        """The letter as a mail; an invitation brings its calendar entry."""
        if self.route.kind != "invite":
            return compose(self.letter)
        event = (
            "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
            f"DTSTART:{self.at:%Y%m%dT%H%M%SZ}\r\nUID:{self.facts['mark']}\r\nSUMMARY:{self.letter.subject}\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        text = part("text/plain", "\n\n".join(str(block) for block in self.letter.page.blocks))
        return compose(
            self.letter,
            multipart("alternative", self.facts["mark"], (text, part("text/calendar; method=REQUEST", event))),
        )


def draft(house: House, route: Route, to: Canary, at: datetime, seed: int) -> Draft:
    """Write a letter of some kind; the same one for the same arguments."""
    chance = dice(seed, house.name, route.label, to.address, at)
    facts = _facts(house, route, to, at, chance)
    text = words()[route.kind]
    subject, sender = (chance.choice(text[key]).format_map(facts) for key in ("subjects", "senders"))
    mailbox = chance.choice(text["mailboxes"]).format_map(facts)
    blocks = tuple(
        block.format_map(facts)
        for block in chance.sample(text["blocks"], min(len(text["blocks"]), 1 + chance.randrange(3)))
    )
    page = HtmlPage(subject, blocks, chance.choice(text["foot"]).format_map(facts))
    headers = tuple((name, value.format_map(facts)) for name, value in (route.shape.headers if route.shape else ()))
    skin = "plain" if route.kind in ("invite", "person") else chance.choice(_SKINS)
    letter = Letter(
        Box(f'"{sender}"', f"{mailbox}@{route.domain}"), Box("", to.address), subject, page, at, facts["mark"],
        skin if skin in SKINS else "plain", "#336699", headers,
    )  # fmt: skip
    ip = house.ip if route.domain == house.domain else f"192.0.2.{dice(route.domain).randrange(100, 230)}"
    kind = {"lure": "leak", "sold": "leak", "person": "person"}.get(route.kind, "own")
    return Draft(route, (to,), at, facts, letter, Truth(kind, route.label), ip)


def _facts(house: House, route: Route, to: Canary, at: datetime, chance: Random) -> dict[str, str]:
    item, item2 = chance.sample(words()["items"], 2)
    mark = f"{chance.getrandbits(64):016x}"
    who = chance.choice(words()["people"])
    site = house.domain if route.kind == "second" else route.domain
    link = chance.choice((site, f"www.{site}", f"links.{site}"))
    home = house.domain if route.brand else site
    return {
        "shop": house.name, "SHOP": house.name.upper()[:16], "domain": house.domain, "label": house.label, "brand": route.brand, "shopish": _shopish(house, chance),
        "service": route.service, "first": who.split()[0], "who": who.lower().replace(" ", "."), "item": item, "item2": item2,
        "Item": item[0].upper() + item[1:], "price": f"£{chance.randrange(5, 300)}.{chance.choice(('00', '50', '99'))}",
        "percent": str(chance.randrange(5, 60)), "month": _MONTHS[at.month - 1], "mood": chance.choice(words()["moods"]),
        "number": str(chance.randrange(10**6, 10**8)), "name": to.persona.given_name if to.persona else "customer",
        "hour": f"{chance.randrange(8, 12)}:00", "hour2": f"{chance.randrange(13, 18)}:30", "mark": mark, "short": mark[:4],
        "job": str(chance.randrange(10**6, 10**7)), "uuid": f"{mark[:8]}-{mark[:4]}-4{mark[4:7]}-8{mark[7:10]}-{mark[:12]}",
        "link": f"https://{link}/{mark}", "link2": f"https://www.{home}/leave/{mark}", "account": route.account,
        "to": to.address.replace("@", "="),
    }  # fmt: skip


def _shopish(house: House, chance: Random) -> str:
    """The vendor's name as others write it."""
    ways = (house.name, house.name.upper(), house.name.replace("&", "and"), f"{house.name} Trading Ltd", house.domain)
    return chance.choice(ways)


Sent = tuple[bytes, str, tuple[str, str]]


def _untouched(content: bytes, path: str, where: tuple[str, str]) -> Sent:
    return content, path, where


def _footed(content: bytes, path: str, where: tuple[str, str]) -> Sent:
    """Something on the way adds a line, so that no signature holds."""
    return content.rstrip(b"\r\n") + b"\r\nScanned and found clean.\r\n", path, where


def _forwarded(content: bytes, path: str, where: tuple[str, str]) -> Sent:
    """A forwarder that leaves the envelope as it is: SPF fails, signatures hold."""
    hop = f"Received: from {where[1]} ([{where[0]}]) by alias.invalid with ESMTPS;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
    return hop.encode() + content, path, (FORWARDER, "alias.invalid")


def _rewritten(content: bytes, path: str, where: tuple[str, str]) -> Sent:
    """A forwarder that puts its own envelope sender, for which SPF passes."""
    content, path, where = _forwarded(content, path, where)
    return content, f"srs0=x=y={path.replace('@', '=')}@forwarder.invalid", where


_MISHAPS = {"": _untouched, "DKIM broken": _footed, "forwarded": _forwarded, "forwarded with SRS": _rewritten}
MISHAPS = tuple(_MISHAPS)
