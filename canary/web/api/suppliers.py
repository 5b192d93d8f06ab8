"""Suppliers over the API: to whom vendors pass addresses on."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field
from sqlmodel import Session

from canary.cases import supplier_changes
from canary.cases.past_mail import OwnerWord
from canary.senders.declared_suppliers import declare, withdraw
from canary.store.queries.suppliers import get_supplier
from canary.views.supplier_pages import supplier_list, supplier_page
from canary.web.api.schema import Cursor, Label, ListPage, Name, PartyMerge, Removed, RequestBody, Slug, call, named_by
from canary.web.api.schema import cursor as cursor_of
from canary.web.rendering import PageContext, map_store_errors, or_404
from canary.web.routes import Role, WebRoute


class SupplierOut(BaseModel):
    """A supplier: how many vendors it has, and the open case in which it is likeliest, with its probability there."""

    slug: str
    name: str
    vendors: int
    case: int | None
    p: float


class GivenOut(BaseModel):
    """Who passes addresses of a channel (empty: every channel) to a supplier, and how many of these canaries were hit."""

    vendor: str
    channel: str
    account: str
    since: datetime | None
    until: datetime | None
    hit: int
    quiet: int


class BeliefOut(BaseModel):
    """How probable a supplier was as a source when a case was weighed."""

    case: int
    at: datetime
    p: float


class SupplierDomains(RequestBody):
    """Domains of a supplier."""

    domains: Annotated[tuple[Label, ...], Field(min_length=1, max_length=50)]


class SupplierNew(SupplierDomains):
    """A supplier to add, or to add domains to, with the domains that prove it."""

    name: Name


class SupplierChange(RequestBody):
    """Changes to a supplier; what is left out stays: domains are added, unless they are to be dropped."""

    name: Name | None = None
    domains: Annotated[tuple[Label, ...], Field(max_length=50)] = ()
    drop_domains: Annotated[tuple[Label, ...], Field(max_length=50)] = ()


class SupplierHoldingsOut(BaseModel):
    """How many vendors pass addresses to a supplier, of how many of them mail shows it, its cases and its domains."""

    vendors: int
    shown: int
    cases: int
    domains: int


class SupplierWhole(BaseModel):
    """A supplier with all that is known of it; `domains` are those declared for it."""

    slug: str
    name: str
    domains: list[str]
    vendors: list[GivenOut]
    cases: list[int]
    beliefs: list[BeliefOut]


class SuppliersApi:
    """The calls about suppliers."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/suppliers", Role.VIEWER, self.suppliers),
            call("POST", "/suppliers", Role.ANALYST, self.declare, 201),
            call("GET", "/suppliers/{slug}", Role.VIEWER, self.supplier),
            call("PATCH", "/suppliers/{slug}", Role.ANALYST, self.change),
            call("DELETE", "/suppliers/{slug}", Role.ANALYST, self.remove),
            call("GET", "/suppliers/{slug}/holdings", Role.VIEWER, self.holdings),
            call("POST", "/suppliers/{slug}/merge", Role.ANALYST, self.merge),
            call("POST", "/suppliers/{slug}/withdraw", Role.ANALYST, self.withdraw),
        )

    def suppliers(self, cursor: Cursor = None) -> ListPage[SupplierOut]:
        """List suppliers in order of their slugs, fifty a page."""
        with self._frame.database.reading() as session:
            lines, further = supplier_list(session, named_by(cursor))
        items = [SupplierOut(slug=s.slug, name=s.name, vendors=s.vendors, case=s.case, p=s.p) for s in lines]
        return ListPage(items=items, next=cursor_of(further) if further else None)

    def declare(self, request: Request, new: SupplierNew) -> SupplierWhole:
        """Add a supplier with domains that prove it, or domains to one that is there."""
        with map_store_errors(), self._frame.writing(request) as session:
            found = declare(session, new.name, new.domains, request.state.user.name, self._frame.clock())
            return _whole(session, found.slug)

    def change(self, request: Request, slug: Slug, change: SupplierChange) -> SupplierWhole:
        """Give a supplier another name, and add domains to it; its slug stays."""
        word = self._word(request)
        with map_store_errors(), self._frame.writing(request) as session:
            found = get_supplier(session, slug)
            if change.name is not None:
                supplier_changes.rename(session, slug, change.name, word)
            if change.domains:
                declare(session, found.slug, change.domains, word.who, word.at)
            if change.drop_domains:
                withdraw(session, found.slug, change.drop_domains, word.who, word.at)
            return _whole(session, found.slug)

    def holdings(self, slug: Slug) -> SupplierHoldingsOut:
        """Return what hangs on a supplier: what a merger moves, and what goes with it when it is removed."""
        with map_store_errors(), self._frame.database.reading() as session:
            return SupplierHoldingsOut(**asdict(supplier_changes.holdings(session, slug)))

    def merge(self, request: Request, slug: Slug, wanted: PartyMerge) -> SupplierWhole:
        """Merge a supplier into another: what vendors pass to it and its domains become the other's."""
        with map_store_errors(), self._frame.writing(request) as session:
            supplier_changes.merge(session, slug, wanted.into, self._word(request))
            return _whole(session, get_supplier(session, wanted.into).slug)

    def remove(self, request: Request, slug: Slug) -> Removed:
        """Remove a supplier that no mail shows; 422 with what hangs on it for another."""
        with map_store_errors(), self._frame.writing(request) as session:
            supplier_changes.remove(session, slug, self._word(request))
        return Removed(removed=slug)

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())

    def withdraw(self, request: Request, slug: Slug, gone: SupplierDomains) -> SupplierWhole:
        """Withdraw domains of a supplier."""
        with map_store_errors(), self._frame.writing(request) as session:
            withdraw(session, slug, gone.domains, request.state.user.name, self._frame.clock())
            return _whole(session, slug)

    def supplier(self, slug: Slug) -> SupplierWhole:
        """Return one supplier: who passes addresses to it, and how probable it was as a source over time."""
        with self._frame.database.reading() as session:
            return _whole(session, slug)


def _whole(session: Session, slug: str) -> SupplierWhole:
    found = or_404(supplier_page(session, slug))
    given = [
        GivenOut(
            vendor=s.slug,
            channel=s.channel,
            account=s.account,
            since=s.since,
            until=s.until,
            hit=s.hit,
            quiet=s.quiet,
        )
        for s in found.supplies
    ]
    beliefs = [BeliefOut(case=b.case, at=b.at, p=b.p) for b in found.beliefs]
    cases = [case.id for case in found.cases]
    return SupplierWhole(
        slug=found.slug, name=found.name, domains=list(found.domains), vendors=given, cases=cases, beliefs=beliefs
    )
