"""The shops of the demo: who they are and how they write, read from one file each in `shops/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from canary.model.party import Vendor


@dataclass(frozen=True, slots=True)
class Item:
    """Something for sale: name, price as printed (`£8.99`), and a sentence in its praise."""

    name: str
    price: str
    praise: str = ""

    @property
    def pence(self) -> int:
        """The price in pence."""
        pounds, _, pence = self.price.removeprefix("£").partition(".")
        return int(pounds) * 100 + int(pence or 0)


@dataclass(frozen=True, slots=True)
class Words:
    """One kind of letter: who signs it, from which local part it comes, subject, text, and the name of a PDF if any."""

    sender: str
    mailbox: str
    subject: str
    text: str
    attachment: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """The parts of newsletters."""

    sender: str
    mailbox: str
    subjects: tuple[str, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """A vendor of the demo with its house style; a newsletter comes `every` so many days."""

    name: str
    domains: tuple[str, ...]
    network: str
    skin: str
    tint: str
    letters: Mapping[str, Words]
    news: News | None = None
    every: int = 30
    rsa: bool = False

    @property
    def slug(self) -> str:
        """Its short name in Canary."""
        return self.name.lower()

    @property
    def domain(self) -> str:
        """The domain it writes from."""
        return self.domains[0]

    @property
    def vendor(self) -> Vendor:
        """The shop as a vendor."""
        return Vendor(self.slug, self.name, self.domains)


def read_shops() -> tuple[Shop, ...]:
    """Read every shop that comes with the package, by name."""
    folder = files("canary.demo") / "shops"
    texts = (file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(sorted((read_shop(text) for text in texts), key=lambda shop: shop.name))


def read_shop(text: str) -> Shop:
    """Read one shop from its TOML."""
    told = tomllib.loads(text)
    news = told.pop("news", None)
    told["domains"] = tuple(told["domains"])
    told["letters"] = {kind: Words(**words) for kind, words in told["letters"].items()}
    return Shop(**told, news=_news(news) if news else None)


def _news(told: Mapping[str, Any]) -> News:
    lists = {key: tuple(told[key]) for key in ("subjects", "openings", "closings")}
    return News(told["sender"], told["mailbox"], **lists, items=tuple(Item(*item) for item in told["items"]))
