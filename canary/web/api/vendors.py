"""Vendors over the API: who was given addresses, and when they should stop writing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases import answers, end_dates, publication, vendor_changes
from canary.cases.past_mail import OwnerWord
from canary.judge.grounds import family_problem
from canary.model.party import SupplierLink, Vendor
from canary.store.queries import vendor_tags, vendors
from canary.views.api_queries import vendors_after
from canary.web.api.schema import (
    LIMIT,
    Cursor,
    Label,
    Limit,
    ListPage,
    Name,
    PartyMerge,
    Removed,
    RequestBody,
    Slug,
    Time,
    Word,
    call,
    named_by,
    page,
)
from canary.web.rendering import PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Domains = Annotated[tuple[Label, ...], Field(max_length=50)]
Brands = Annotated[tuple[Annotated[Label, Field(min_length=2, max_length=100)], ...], Field(max_length=20)]
Tags = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")], ...], Field(max_length=50)]

_SHOWS = "It shows its addresses in public: strangers may collect them there, which is no leak."


class SupplyOut(BaseModel):
    """A supplier that a vendor passes addresses of a channel (null: every channel) to, and how this is known."""

    supplier: str
    channel: str | None
    account: str
    since: datetime | None
    until: datetime | None
    through: str
    origin: str


class VendorOut(BaseModel):
    """A vendor: where it sends from, to whom it passes addresses, when it should stop writing, whether it shows them in public."""

    slug: str
    name: str
    domains: list[str]
    brands: list[str]
    tags: list[str]
    suppliers: list[SupplyOut]
    contract_ends: datetime | None
    erasure_requested: datetime | None
    unsubscribed: datetime | None
    grace_days: int | None
    publishes: bool


class VendorNew(RequestBody):
    """A vendor to add, with the domains it sends from and further names that it writes under."""

    name: Name
    domains: Annotated[tuple[Label, ...], Field(min_length=1, max_length=50)]
    brands: Brands = ()
    tags: Tags = ()
    publishes: Annotated[bool, Field(description=_SHOWS)] = False


class VendorChange(RequestBody):
    """Changes to a vendor; what is left out stays: domains, brands and tags are added, unless they are to be dropped.

    Another name leaves the slug as it is.
    """

    name: Name | None = None
    domains: Domains = ()
    drop_domains: Domains = ()
    brands: Brands = ()
    drop_brands: Brands = ()
    tags: Tags = ()
    drop_tags: Tags = ()
    contract_ends: Time | None = None
    erasure_requested: Time | None = None
    unsubscribed: Time | None = None
    grace_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    publishes: Annotated[bool | None, Field(description=_SHOWS)] = None


class SupplyNew(RequestBody):
    """A supplier that a vendor passes addresses to: of one channel or of all, from and until a time."""

    supplier: Name
    channel: Annotated[Label, Field(min_length=1, max_length=60)] | None = None
    account: Label = ""
    since: Time | None = None
    until: Time | None = None


class SupplyGone(RequestBody):
    """A supplier to which a vendor does not pass addresses of a channel, or of every channel where null was declared."""

    supplier: Name
    channel: Annotated[Label, Field(min_length=1, max_length=60)] | None = None


class VendorHoldingsOut(BaseModel):
    """How many addresses, mails, cases, senders, suppliers and domains hang on a vendor."""

    addresses: int
    mails: int
    cases: int
    senders: int
    suppliers: int
    domains: int


class VendorsApi:
    """The calls about vendors."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/vendors", Role.VIEWER, self.vendors),
            call("POST", "/vendors", Role.ANALYST, self.add, 201),
            call("GET", "/vendors/{slug}", Role.VIEWER, self.vendor),
            call("PATCH", "/vendors/{slug}", Role.ANALYST, self.change),
            call("DELETE", "/vendors/{slug}", Role.ANALYST, self.remove),
            call("GET", "/vendors/{slug}/holdings", Role.VIEWER, self.holdings),
            call("POST", "/vendors/{slug}/merge", Role.ANALYST, self.merge),
            call("POST", "/vendors/{slug}/suppliers", Role.ANALYST, self.supply, 201),
            call("POST", "/vendors/{slug}/suppliers/withdraw", Role.ANALYST, self.withdraw),
        )

    def vendors(self, cursor: Cursor = None, limit: Limit = LIMIT, tag: Word = "") -> ListPage[VendorOut]:
        """List vendors in order of their slugs."""
        with self._frame.database.reading() as session:
            found = vendors_after(session, named_by(cursor), limit + 1, tag)
            words = vendor_tags.by_vendor(session, [vendor.slug for vendor in found])
        return page(found, limit, lambda v: show(v, words.get(v.slug, ())), lambda v: v.slug)

    def vendor(self, slug: Slug) -> VendorOut:
        """Return one vendor."""
        with map_store_errors(), self._frame.database.reading() as session:
            return _show(session, slug)

    def add(self, request: Request, new: VendorNew) -> VendorOut:
        """Add a vendor."""
        self._check(new.domains)
        with map_store_errors(), self._frame.writing(request) as session:
            now = self._frame.clock()
            vendor = vendors.add_vendor(session, new.name, new.domains, now, publishes=new.publishes)
            vendors.add_brands(session, vendor.slug, new.brands, now)
            vendor_tags.add_tags(session, vendor.slug, new.tags)
            self._frame.audit(session, request, "vendor-added", vendor.slug, ", ".join(vendor.domains))
            return _show(session, vendor.slug)

    def change(self, request: Request, slug: Slug, change: VendorChange) -> VendorOut:
        """Change a vendor; past mail that the change affects is judged again."""
        self._check(change.domains)
        who, now = request.state.user.name, self._frame.clock()
        ends = {
            name: getattr(change, column)
            for name, column in end_dates.COLUMNS.items()
            if column in change.model_fields_set
        }
        with map_store_errors(), self._frame.writing(request) as session:
            answers.declare_domains(session, slug, change.domains, who, now)
            answers.retract_domains(session, slug, change.drop_domains, who, now)
            answers.add_brands(session, slug, change.brands, who, now)
            answers.drop_brands(session, slug, change.drop_brands, who, now)
            vendor_tags.add_tags(session, slug, change.tags)
            vendor_tags.drop_tags(session, slug, change.drop_tags)
            end_dates.set_endings(session, slug, ends, who, now)
            if "grace_days" in change.model_fields_set:
                end_dates.set_grace(session, slug, change.grace_days, who, now)
            if change.name is not None:
                vendor_changes.rename(session, slug, change.name, OwnerWord(who, now))
            if change.publishes is not None:
                publication.set_publishes(session, slug, change.publishes, OwnerWord(who, now))
            self._frame.audit(session, request, "vendor-changed", slug, ", ".join(sorted(change.model_fields_set)))
            return _show(session, slug)

    def supply(self, request: Request, slug: Slug, new: SupplyNew) -> VendorOut:
        """Declare that a vendor passes addresses to a supplier; past mail of its account there is judged again."""
        who, now = request.state.user.name, self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            supplier = vendors.slug(new.supplier)
            supply = SupplierLink(slug, supplier, new.channel, new.since, new.until, new.account)
            answers.declare_supply(session, supply, new.supplier, who, now)
            self._frame.audit(
                session, request, "supplier-declared", f"{slug}: {supplier}", new.channel or "every channel"
            )
            return _show(session, slug)

    def withdraw(self, request: Request, slug: Slug, gone: SupplyGone) -> VendorOut:
        """Withdraw that a vendor passes addresses to a supplier; past mail of its account there is judged again."""
        with map_store_errors(), self._frame.writing(request) as session:
            who, now = request.state.user.name, self._frame.clock()
            answers.drop_supply(session, slug, gone.supplier, gone.channel, who, now)
            told = gone.channel or "every channel"
            self._frame.audit(session, request, "supplier-withdrawn", f"{slug}: {gone.supplier}", told)
            return _show(session, slug)

    def holdings(self, slug: Slug) -> VendorHoldingsOut:
        """Return what hangs on a vendor: what a merger moves, and what stands against removing it."""
        with map_store_errors(), self._frame.database.reading() as session:
            return VendorHoldingsOut(**asdict(vendor_changes.holdings(session, slug)))

    def merge(self, request: Request, slug: Slug, wanted: PartyMerge) -> VendorOut:
        """Merge a vendor into another: all that hangs on it becomes the other's, and past mail is judged again."""
        with map_store_errors(), self._frame.writing(request) as session:
            vendor_changes.merge(session, slug, wanted.into, OwnerWord(request.state.user.name, self._frame.clock()))
            return _show(session, vendors.vendor_row(session, wanted.into).slug)

    def remove(self, request: Request, slug: Slug) -> Removed:
        """Remove a vendor that was given no address; 422 with what hangs on it for one that was."""
        with map_store_errors(), self._frame.writing(request) as session:
            vendor_changes.remove(session, slug, OwnerWord(request.state.user.name, self._frame.clock()))
        return Removed(removed=slug)

    def _check(self, domains: Sequence[str]) -> None:
        shared = self._frame.config.issuing.shared
        problem = next(filter(None, (family_problem(domain, shared) for domain in domains)), "")
        if problem:
            raise HTTPException(422, problem)


def _show(session: Session, slug: str) -> VendorOut:
    return show(vendors.get_vendor(session, slug), vendor_tags.by_vendor(session, [slug]).get(slug, ()))


def show(vendor: Vendor, words: tuple[str, ...]) -> VendorOut:
    """Return a vendor as the API shows it."""
    ends = vendor.endings
    return VendorOut(
        slug=vendor.slug, name=vendor.name, domains=list(vendor.domains), brands=list(vendor.brands), tags=list(words),
        suppliers=[_supply(supply) for supply in vendor.supplies],
        contract_ends=ends.contract, erasure_requested=ends.erasure, unsubscribed=ends.unsubscribed,
        grace_days=None if ends.grace is None else ends.grace.days, publishes=vendor.publishes,
    )  # fmt: skip


def _supply(supply: SupplierLink) -> SupplyOut:
    return SupplyOut(
        supplier=supply.supplier, channel=supply.channel, account=supply.account, since=supply.since,
        until=supply.until, through=supply.through, origin="learned" if supply.learned else "declared",
    )  # fmt: skip
