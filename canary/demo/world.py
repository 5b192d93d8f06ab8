"""The plot before any mail: vendors, their suppliers, the addresses given to them, and who sends from where."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from canary.demo.shops import Shop, read_shops
from canary.model.canary import Style
from canary.model.party import Supplier, SupplierLink, Vendor

DOMAIN = "inbox.example"
"""Where the owner of the canaries receives mail."""

LEAK = datetime(2010, 12, 9, tzinfo=UTC)
"""The day a copy of some customers' lists leaves the common supplier; three months pass before it is used."""

LEAKED_BY = "silverline"
LEAKED_FROM = ("playbox", "hearthline", "pedalmoor", "brambleworth")
"""Four of the five customers of that supplier; the thief had no access to the fifth."""

LEAKED_CHANNEL = "newsletter"
SPAMMER = "offerpress.test"
FRIEND = "elmcottage.example"


@dataclass(frozen=True, slots=True)
class Station:
    """A domain that sends and signs: its network, the selector of its key, and whether the key is RSA."""

    domain: str
    network: str
    selector: str = "post"
    rsa: bool = False

    @property
    def ip(self) -> str:
        """The address its mail comes from, the second of its network."""
        first, _, last = self.network.partition("/")[0].rpartition(".")
        return f"{first}.{int(last) + 2}"

    @property
    def host(self) -> str:
        """The name of the machine that sends."""
        return f"mx1.{self.domain}"


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """An address to be issued: for which vendor and channel, in which style, when; a later generation replaces one."""

    vendor: str
    channel: str
    style: Style
    issued: datetime
    generation: int = 1

    @property
    def key(self) -> str:
        """The name of the address before it exists."""
        return f"{self.vendor}/{self.channel}/{self.generation}"

    @property
    def replaces(self) -> str | None:
        """The key of the address that this one is a rotation of."""
        return f"{self.vendor}/{self.channel}/{self.generation - 1}" if self.generation > 1 else None


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Everything that is fixed before the first letter; `orders` are sorted by date."""

    domain: str
    shops: tuple[Shop, ...]
    suppliers: tuple[Supplier, ...]
    supplies: tuple[SupplierLink, ...]
    orders: tuple[DemoOrder, ...]
    stations: Mapping[str, Station]

    @property
    def vendors(self) -> tuple[Vendor, ...]:
        """The vendors by name."""
        return tuple(shop.vendor for shop in self.shops)

    @property
    def stolen(self) -> tuple[DemoOrder, ...]:
        """The addresses that were in the stolen lists."""
        return tuple(
            order
            for order in self.orders
            if order.vendor in LEAKED_FROM and order.channel == LEAKED_CHANNEL and order.issued < LEAK
        )


_SUPPLIERS = {
    "Silverline": Station("silverline.example", "198.51.100.0/27", "sl", rsa=True),
    "Postlantern": Station("postlantern.example", "198.51.100.32/27", "lantern"),
    "Askwell": Station("askwell.test", "198.51.100.64/27", "ask"),
}
_STRANGERS = (Station(SPAMMER, "203.0.113.0/27", "bulk"), Station(FRIEND, "203.0.113.32/28", "home"))

_SUPPLIES = (
    ("playbox", "silverline", "newsletter", "2008-06-02"),
    ("hearthline", "silverline", "newsletter", "2009-01-12"),
    ("pedalmoor", "silverline", "newsletter", "2009-04-06"),
    ("quillwick", "silverline", "newsletter", "2009-09-07"),
    ("brambleworth", "silverline", "newsletter", "2010-03-01"),
    ("norrgarde", "postlantern", "newsletter", "2008-11-03"),
    ("ticketlark", "postlantern", "newsletter", "2009-02-02"),
    ("farewing", "postlantern", "newsletter", "2009-03-02"),
    ("voltbarn", "postlantern", "newsletter", "2009-06-01"),
    ("quillwick", "postlantern", "order", "2009-10-01"),
    ("playbox", "askwell", "order", "2009-03-02"),
    ("hearthline", "askwell", "order", "2009-05-04"),
    ("lensford", "askwell", "order", "2009-04-01"),
    ("voltbarn", "askwell", "order", "2009-07-01"),
)
"""Mossgate and Tollmark do everything themselves."""

_TAGGED, _PLAUSIBLE, _PLUS = Style.TAGGED, Style.PLAUSIBLE, Style.PLUS
_ORDERS: tuple[tuple[str, str, Style, tuple[str, ...]], ...] = (
    ("playbox", "signup", _TAGGED, ("2009-03-03",)),
    ("playbox", "newsletter", _TAGGED, ("2009-03-09", "2010-02-15", "2011-01-12")),
    ("playbox", "order", _PLAUSIBLE, ("2009-03-16",)),
    ("hearthline", "signup", _TAGGED, ("2009-04-14",)),
    ("hearthline", "newsletter", _TAGGED, ("2009-04-20", "2010-11-22")),
    ("hearthline", "order", _TAGGED, ("2009-05-11",)),
    ("pedalmoor", "signup", _PLUS, ("2009-05-18",)),
    ("pedalmoor", "newsletter", _TAGGED, ("2009-06-02", "2010-07-05")),
    ("pedalmoor", "order", _TAGGED, ("2009-08-10",)),
    ("quillwick", "signup", _TAGGED, ("2009-09-28",)),
    ("quillwick", "newsletter", _TAGGED, ("2009-10-05", "2010-09-13")),
    ("quillwick", "order", _TAGGED, ("2009-10-19",)),
    ("brambleworth", "signup", _PLAUSIBLE, ("2009-03-23",)),
    ("brambleworth", "newsletter", _TAGGED, ("2010-04-12", "2011-02-07")),
    ("norrgarde", "signup", _TAGGED, ("2009-03-17",)),
    ("norrgarde", "newsletter", _TAGGED, ("2009-03-30", "2010-05-10")),
    ("norrgarde", "order", _PLUS, ("2009-10-26",)),
    ("ticketlark", "signup", _TAGGED, ("2009-06-15",)),
    ("ticketlark", "newsletter", _TAGGED, ("2009-06-22",)),
    ("ticketlark", "order", _PLAUSIBLE, ("2009-07-06",)),
    ("farewing", "signup", _PLAUSIBLE, ("2009-07-20",)),
    ("farewing", "newsletter", _TAGGED, ("2009-08-03",)),
    ("farewing", "order", _TAGGED, ("2010-01-18",)),
    ("tollmark", "signup", _TAGGED, ("2009-03-05",)),
    ("tollmark", "account", _TAGGED, ("2009-03-12",)),
    ("mossgate", "signup", _PLUS, ("2009-04-02",)),
    ("mossgate", "newsletter", _TAGGED, ("2009-04-06", "2010-10-04")),
    ("lensford", "signup", _PLAUSIBLE, ("2009-11-02",)),
    ("lensford", "newsletter", _TAGGED, ("2009-11-09",)),
    ("lensford", "order", _TAGGED, ("2009-11-30",)),
    ("voltbarn", "signup", _TAGGED, ("2009-08-24",)),
    ("voltbarn", "newsletter", _TAGGED, ("2009-09-01",)),
    ("voltbarn", "order", _TAGGED, ("2009-09-21",)),
)


def plan(seed: int) -> DemoWorld:
    """Return the world; the seed moves the hours of its dates, never the plot."""
    shops = read_shops()
    houses = {name.lower(): station for name, station in _SUPPLIERS.items()}
    stations = {shop.slug: Station(shop.domain, shop.network, rsa=shop.rsa) for shop in shops}
    return DemoWorld(
        domain=DOMAIN,
        shops=shops,
        suppliers=tuple(Supplier(name.lower(), name) for name in _SUPPLIERS),
        supplies=tuple(SupplierLink(vendor, who, channel, day(since)) for vendor, who, channel, since in _SUPPLIES),
        orders=tuple(sorted(_orders(seed), key=lambda order: order.issued)),
        stations={**stations, **houses, **{station.domain: station for station in _STRANGERS}},
    )


def day(text: str) -> datetime:
    """Return the beginning of a day in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dice(*what: object) -> Random:
    """Return the random generator of something, the same in every run."""
    return Random(":".join(map(str, what)))  # noqa: S311 - a story is told the same twice; nothing here is secret


def _orders(seed: int) -> list[DemoOrder]:
    found = []
    for vendor, channel, style, days in _ORDERS:
        for generation, date in enumerate(days, 1):
            minute = dice(seed, vendor, channel, generation).randrange(8 * 60, 20 * 60)
            found.append(DemoOrder(vendor, channel, style, day(date) + timedelta(minutes=minute), generation))
    return found
