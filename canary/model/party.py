"""The parties: vendors that were given addresses, and the suppliers they pass addresses on to."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RelationshipEnds:
    """When a vendor should have stopped writing: contract, erasure and unsubscription, and the days of grace for all.

    Without `grace_days` each of them has its usual grace (`canary.judge.lifecycle`).
    """

    contract: datetime | None = None
    erasure: datetime | None = None
    unsubscribed: datetime | None = None
    grace: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Vendor:
    """A party the owner gave an address to; `domains` are those it sends from, `senders` what else sends for it.

    `brands` are further names that it writes under. One that `publishes` shows its addresses in public.

    `senders` are proven domains, or `esp/account` pairs, that were declared or learned for this vendor; `pending` are
    those the owner has not decided on, `denied` those that are not the vendor.
    """

    slug: str
    name: str
    domains: tuple[str, ...] = ()
    senders: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    supplies: tuple["SupplierLink", ...] = ()
    endings: RelationshipEnds = RelationshipEnds()
    brands: tuple[str, ...] = ()
    publishes: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it writes under."""
        return (self.name, *self.brands)

    @property
    def declared_accounts(self) -> frozenset[str]:
        """The accounts at suppliers that the owner declared, each `supplier/account`, under all names of the supplier."""
        return frozenset(
            f"{name}/{s.account}" for s in self.supplies if s.account and not s.learned for name in s.names
        )

    def supplies_through(self, supplier: str | None) -> bool:
        """Whether a supplier is known to get addresses of this vendor."""
        return any(supplier in supply.names for supply in self.supplies)


def isolated(name: str) -> str:
    """Return a name as it may stand in a sentence: one written from right to left does not turn what stands beside it."""
    turning = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in name)
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}" if turning else name


def possessive(name: str) -> str:
    """Return whose something is: `Zalando's`, `Trendy Shoes'`."""
    return f"{name}'" if name[-1:] in ("s", "S") else f"{name}'s"


@dataclass(frozen=True, slots=True)
class Supplier:
    """A party that vendors pass addresses on to; `domains` are those that the owner said prove it."""

    slug: str
    name: str
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupplierLink:
    """A vendor lets a supplier see the addresses of a channel for a while; None means every channel or no end.

    `account` is the vendor's there, `through` the supplier that passes addresses on to this one, `learned` means that
    mail showed it and nobody declared it. `former` are the short names of suppliers that became part of this one.
    """

    vendor: str
    supplier: str
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    account: str = ""
    through: str = ""
    learned: bool = False
    former: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The short names under which mail shows the supplier."""
        return (self.supplier, *self.former)

    def covers(self, channel: str, at: datetime) -> bool:
        """Whether addresses of this channel were with the supplier at that time."""
        return (
            self.channel in (None, channel)
            and (self.since is None or self.since <= at)
            and (self.until is None or at <= self.until)
        )
