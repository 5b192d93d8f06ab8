"""Forms and lists for issuing addresses to vendors, known or new; all are checked before any address is issued."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from canary.canaries.issuing import IssueSet, issue_sets
from canary.canaries.lifecycle import IssueOrder
from canary.judge.organisation import is_domain, is_never_vendor
from canary.judge.sites import domain_of
from canary.model.address import Draw, Locale
from canary.model.canary import Canary, Style
from canary.model.postal_address import PersonaPart
from canary.store.queries import vendors
from canary.store.queries.canaries import newest_active
from canary.store.queries.vendors import Unknown

MOST = 10_000
"""So many addresses are made for one request: on SQLite, others that write wait for it, some five seconds."""

COLUMNS = ("vendor", "channel", "count", "style")
PUBLISHED = {"yes": True, "no": False, "vendor": None}
"""Whether addresses are shown in public, as forms have it; that of `vendor` is what holds for the vendor."""

_STYLES = {style.value: style for style in (Style.TAGGED, Style.PLAUSIBLE)}


class IssueRefused(ValueError):
    """A request that cannot be met; the message names the thing, its value and the cure."""


@dataclass(frozen=True, slots=True)
class IssueSettings:
    """The settings of issuing: at which domains, and which domains are platforms that prove no vendor.

    `never` says of a domain whether it can be no vendor's at an address of another domain.
    By `key`, that of the installation, a mail is recognised as the owner's own test.
    """

    domains: tuple[str, ...] = ()
    shared: Callable[[str], bool] = lambda _: False
    key: bytes = field(default=b"", repr=False)
    draw: Draw = secrets.randbelow
    never: Callable[[str, str], bool] = lambda domain, home: is_never_vendor(domain, (home,))

    def domain(self, session: Session) -> str:
        """Return the domain at which addresses are issued: the first in the settings, else that of the newest address."""
        newest = self.domains[0] if self.domains else (newest_active(session) or "").rpartition("@")[2]
        if not newest:
            raise IssueRefused(
                "No domain is set: name one under `domains` in canary.toml, or run `canary init --domain D`."
            )
        return newest

    def own_domains(self, session: Session) -> tuple[str, ...]:
        """Return all domains at which addresses are issued, the first one to be proposed."""
        return self.domains or (self.domain(session),)


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """A number of addresses of one channel for one vendor; `writes_from` is the domain of a new vendor.

    `published` says whether they will be shown in public, None for what holds for the vendor.
    """

    vendor: str
    channel: str = "signup"
    count: int = 1
    style: Style = Style.TAGGED
    writes_from: str = ""
    published: bool | None = None
    locale: Locale = Locale.EN
    parts: frozenset[PersonaPart] = frozenset()


def with_persona(one: IssueRequest, locale: str, parts: Mapping[str, str]) -> IssueRequest:
    """Return a request with what its personas shall be; raises IssueRefused for a locale that is none."""
    if locale not in {each.value for each in Locale}:
        raise IssueRefused(f"Country {locale[:20]!r}: choose one of {', '.join(Locale)}.")
    wanted = frozenset(part for part in PersonaPart if parts.get(part.value))
    return replace(one, locale=Locale(locale), parts=wanted)


def wish(
    vendor: str, channel: str, count: str, style: str, writes_from: str = "", published: str = "vendor"
) -> IssueRequest:
    """Read a request; raises IssueRefused for an invalid one.

    A vendor's domain may be written as the address of a page: `https://www.shop.example/` is `shop.example`.
    """
    vendor, channel, writes_from = vendor.strip(), channel.strip(), domain_of(writes_from)
    if not vendor or len(vendor) > 100 or not vendor.isprintable():
        raise IssueRefused(f"Vendor {vendor[:40]!r}: give a name of at most 100 characters.")
    if not channel or len(channel) > 60 or not channel.isprintable():
        raise IssueRefused(f"Channel {channel[:40]!r}: give a word such as signup or newsletter.")
    if not (count.isascii() and count.isdigit() and len(count) < 6 and 1 <= int(count) <= MOST):
        raise IssueRefused(f"Count {count[:20]!r}: give a number from 1 to {MOST}.")
    if style not in _STYLES:
        raise IssueRefused(f"Style {style[:20]!r}: choose one of {', '.join(_STYLES)}.")
    if published not in PUBLISHED:
        raise IssueRefused(f"Shown in public {published[:20]!r}: choose one of {', '.join(PUBLISHED)}.")
    return IssueRequest(vendor, channel, int(count), _STYLES[style], writes_from, PUBLISHED[published])


def fill(session: Session, wishes: list[IssueRequest], with_: IssueSettings, now: datetime) -> list[Canary]:
    """Issue the requested addresses, all or none; raises IssueRefused for a new vendor that cannot be added."""
    domain, owners = with_.domain(session), _vendors(session, wishes, with_, now)
    sets = [
        IssueSet(
            IssueOrder(
                vendor, domain, one.channel, one.style, published=one.published, locale=one.locale, parts=one.parts
            ),
            one.count,
        )
        for one, vendor in zip(wishes, owners, strict=True)
    ]
    return issue_sets(session, sets, with_.draw, now)


def _vendors(session: Session, wishes: list[IssueRequest], with_: IssueSettings, now: datetime) -> Iterator[str]:
    """Yield the vendor of each request, added if it is new and its domain was given."""
    known = {row.slug: row.slug for row in vendors.rows_by_slug(session, [vendors.slug(one.vendor) for one in wishes])}
    for one in wishes:
        short = vendors.slug(one.vendor)
        if short not in known:
            known[short] = _known_otherwise(session, short) or _added(session, one, with_, now)
        yield known[short]


def _known_otherwise(session: Session, short: str) -> str:
    """Return the short name of a vendor that was renamed or merged and had one before, "" where none had."""
    try:
        return vendors.vendor_row(session, short).slug
    except Unknown:
        return ""


def _added(session: Session, one: IssueRequest, with_: IssueSettings, now: datetime) -> str:
    if not is_domain(one.writes_from):
        raise IssueRefused(f"Vendor {one.vendor!r} is new: say which domain it writes from, such as bikeparts.example.")
    if with_.shared(one.writes_from):
        raise IssueRefused(
            f"Domain {one.writes_from!r}: a platform that many senders share, which identifies none of them; give the vendor's own."
        )
    return vendors.add_vendor(session, one.vendor, [one.writes_from], now).slug
