"""Two years of ordinary mail: what each shop writes to each address it was given, and when."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from canary.demo.html import HtmlPage
from canary.demo.letters import Box, Headers, Letter, pdf
from canary.demo.shops import Item, News, Shop, Words
from canary.demo.world import DemoOrder, DemoWorld, dice
from canary.model.canary import Canary
from canary.model.party import SupplierLink


@dataclass(frozen=True, slots=True)
class Beat:
    """When a kind of letter comes: how long after the address was given, and then how often, or only once."""

    kind: str
    first: timedelta
    every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """One reason to write: the `count`th letter of its kind to an address, with the name of what it is about."""

    shop: Shop
    order: DemoOrder
    to: Canary
    kind: str
    count: int
    at: datetime

    @property
    def about(self) -> str:
        """What letters about one purchase have in common."""
        matter = "purchase" if self.kind in _PURCHASE else self.kind
        return f"{self.order.key}:{matter}:{self.count}"


@dataclass(frozen=True, slots=True)
class DemoCarrier:
    """A supplier on the way: its domain, and the shop's account with it."""

    supplier: str
    domain: str
    account: int


_MINUTES, _DAY = timedelta(minutes=4), timedelta(days=1)
_PURCHASE = ("receipt", "dispatch", "invitation")
_EVERY_ORDER = 60 * _DAY
_CALENDAR: Mapping[str, tuple[Beat, ...]] = {
    "signup": (
        Beat("confirm", _MINUTES),
        Beat("welcome", timedelta(hours=20)),
        Beat("reset", 70 * _DAY, 230 * _DAY),
        Beat("notice", 190 * _DAY, 310 * _DAY),
    ),
    "newsletter": (Beat("confirm", _MINUTES), Beat("news", 6 * _DAY, _DAY)),
    "order": (
        Beat("receipt", 2 * _DAY, _EVERY_ORDER),
        Beat("dispatch", 4 * _DAY, _EVERY_ORDER),
        Beat("invitation", 17 * _DAY, _EVERY_ORDER),
    ),
    "account": (Beat("confirm", _MINUTES), Beat("account", 25 * _DAY, timedelta(days=30, hours=10))),
}
_CARRIED = {"silverline": ("news",), "postlantern": ("news", "dispatch"), "askwell": ("invitation",)}
"""Which letters each supplier sends; everything else the shop sends itself."""

_HEADERS: Mapping[str, Headers] = {
    "silverline": (
        ("X-Silverline-Account", "{account}"),
        ("X-Silverline-Job", "{account}_{job}"),
        ("Feedback-ID", "{job}:{account}:engage:silverline"),
        ("List-Unsubscribe", "<https://click.{domain}/u/{account}/{mark}>,\r\n <mailto:leave-{mark}@bounce.{domain}>"),
        ("Precedence", "bulk"),
    ),
    "postlantern": (
        ("X-Lantern-Campaign", "c{job}.a{account}"),
        ("List-ID", "<a{account}.lists.{domain}>"),
        ("List-Unsubscribe", "<https://out.{domain}/{account}/{mark}>"),
        ("X-Mailer", "Postlantern 4.2 (batch)"),
    ),
    "askwell": (
        ("X-Askwell-Invite", "{account}/{mark}"),
        ("Reply-To", "answers+{mark}@{domain}"),
        ("List-Unsubscribe", "<mailto:stop+{mark}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
    ),
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def occasions(world: DemoWorld, issued: Mapping[str, Canary], seed: int, end: datetime) -> Iterator[Occasion]:
    """Yield every reason to write until the end; a rotated address gets no more letters."""
    shops = {shop.slug: shop for shop in world.shops}
    left = {order.replaces: order.issued for order in world.orders if order.replaces}
    for order in world.orders:
        shop = shops[order.vendor]
        for beat in _CALENDAR[order.channel]:
            if beat.kind in shop.letters or (beat.kind == "news" and shop.news):
                occasion = Occasion(shop, order, issued[order.key], beat.kind, 0, order.issued)
                yield from _repeated(occasion, beat, seed, min(end, left.get(order.key, end)))


def carrier(world: DemoWorld, occasion: Occasion) -> DemoCarrier | None:
    """Return the supplier that sends such a letter for this shop at that time, if any."""
    for supply in world.supplies:
        if _carries(supply, occasion):
            account = dice(supply.vendor, supply.supplier).randrange(10_000, 100_000)
            return DemoCarrier(supply.supplier, world.stations[supply.supplier].domain, account)
    return None


def write_letter(occasion: Occasion, via: DemoCarrier | None, seed: int) -> Letter:
    """Return the letter for an occasion, with the marks of the supplier that sends it."""
    chance = dice(seed, occasion.order.key, occasion.kind, occasion.count)
    mark = f"{chance.getrandbits(64):016x}"
    letter = _news(occasion, chance, mark) if occasion.kind == "news" else _words(occasion, seed, mark)
    if via is None:
        return letter
    facts = {"account": via.account, "job": _job(occasion), "domain": via.domain, "mark": mark}
    headers = tuple((name, value.format(**facts)) for name, value in _HEADERS[via.supplier])
    return replace(letter, headers=headers, page=_through(letter.page, occasion.shop, via))


def _repeated(occasion: Occasion, beat: Beat, seed: int, last: datetime) -> Iterator[Occasion]:
    pause = occasion.shop.every * _DAY if beat.kind == "news" else beat.every
    due, count = occasion.at + beat.first, 0
    while due < last:
        hour = dice(seed, occasion.order.key, beat.kind, count, "hour")
        at = due if beat.first < timedelta(hours=1) else _office_hours(due, hour)
        if at < last:
            yield replace(occasion, count=count, at=at)
        if pause is None:
            return
        due, count = due + pause, count + 1


def _office_hours(day: datetime, chance: Random) -> datetime:
    minute = chance.randrange(7 * 60, 19 * 60)
    return day.replace(hour=0, minute=0) + timedelta(minutes=minute, seconds=chance.randrange(60))


def _carries(supply: SupplierLink, occasion: Occasion) -> bool:
    order = occasion.order
    mine = supply.vendor == order.vendor and occasion.kind in _CARRIED[supply.supplier]
    return mine and supply.covers(order.channel, occasion.at)


def _job(occasion: Occasion) -> int:
    return dice(occasion.shop.slug, occasion.kind, occasion.at.date()).randrange(100_000, 1_000_000)


def _news(occasion: Occasion, chance: Random, mark: str) -> Letter:
    shop, news = occasion.shop, _told(occasion.shop)
    items = tuple(chance.sample(news.items, 3))
    facts = _facts(occasion, chance, items) | {"number": str(occasion.count + 1)}
    subject = chance.choice(news.subjects).format(**facts)
    hello = _hello(occasion.to)
    foot = f"{shop.name}. You get this letter because you asked for it. Leave: https://www.{shop.domain}/leave/{mark}"
    blocks = (hello, chance.choice(news.openings), items, chance.choice(news.closings))
    page = HtmlPage(subject, blocks, foot, f"https://img.{shop.domain}/{occasion.at:%Y/%m}/head.png")
    return _letter(occasion, Words(news.sender, news.mailbox, subject, ""), page, mark)


def _words(occasion: Occasion, seed: int, mark: str) -> Letter:
    shop, words = occasion.shop, occasion.shop.letters[occasion.kind]
    chance = dice(seed, occasion.about)
    items = _bought(shop, chance)
    facts = _facts(occasion, chance, items) | {"link": f"https://www.{shop.domain}/{occasion.kind}/{mark}"}
    blocks = tuple(items if text == "{lines}" else _flat(text).format(**facts) for text in words.text.split("\n\n"))
    subject = words.subject.format(**facts)
    letter = _letter(occasion, words, HtmlPage(subject, blocks, f"{shop.name} - {shop.domain}"), mark, subject)
    if not words.attachment:
        return letter
    lines = (shop.name, subject, *(f"{item.name}  {item.price}" for item in items), f"{occasion.at:%d %B %Y}")
    return replace(letter, enclosure=(words.attachment.format(**facts), pdf(lines)))


def _letter(occasion: Occasion, words: Words, page: HtmlPage, mark: str, subject: str = "") -> Letter:
    shop = occasion.shop
    sender = Box(words.sender, f"{words.mailbox}@{shop.domain}")
    to = Box(_full_name(occasion.to) if occasion.kind != "news" else "", occasion.to.address)
    return Letter(sender, to, subject or words.subject, page, occasion.at, mark, shop.skin, shop.tint)


def _through(page: HtmlPage, shop: Shop, via: DemoCarrier) -> HtmlPage:
    """Return the page as a supplier sends it: links and pictures lead through its own trackers."""
    inside = re.compile(rf"https://(?:www|img)\.{re.escape(shop.domain)}/")
    track = f"https://click.{via.domain}/{via.account}/"
    blocks = tuple(inside.sub(track, block) if isinstance(block, str) else block for block in page.blocks)
    return replace(page, blocks=blocks, foot=inside.sub(track, page.foot), picture=inside.sub(track, page.picture))


def _facts(occasion: Occasion, chance: Random, items: tuple[Item, ...]) -> dict[str, str]:
    pence = sum(item.pence for item in items)
    first, *more = [_short(item.name) for item in items] or [""]
    return {
        "name": occasion.to.persona.given_name if occasion.to.persona else "customer",
        "number": f"{occasion.shop.name[0]}{chance.randrange(10**5, 10**7)}",
        "month": _MONTHS[occasion.at.month - 1],
        "year": str(occasion.at.year),
        "first": first,
        "second": more[0] if more else first,
        "total": f"£{pence // 100}.{pence % 100:02d}",
    }


def _bought(shop: Shop, chance: Random) -> tuple[Item, ...]:
    stock = shop.news.items if shop.news else ()
    count = min(len(stock), chance.choice((1, 1, 2, 3)))
    return tuple(replace(item, praise="") for item in chance.sample(stock, count))


def _told(shop: Shop) -> News:
    if shop.news is None:
        raise ValueError(f"shop {shop.slug!r} has no [news]: write it, or issue it no newsletter address")
    return shop.news


def _hello(to: Canary) -> str:
    return f"Hello {to.persona.given_name}," if to.persona else "Hello,"


def _full_name(to: Canary) -> str:
    return f"{to.persona.given_name} {to.persona.family_name}" if to.persona else ""


def _short(name: str) -> str:
    return re.split(r", | \(", name)[0]


def _flat(text: str) -> str:
    return " ".join(text.split("\n"))
