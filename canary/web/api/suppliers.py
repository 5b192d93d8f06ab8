"""Suppliers over the API: to whom vendors pass addresses on."""

from datetime import datetime
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field
from sqlmodel import Session

from canary.senders.declared_suppliers import declare, withdraw
from canary.views.supplier_pages import supplier_list, supplier_page
from canary.web.api.schema import Cursor, Label, ListPage, Name, RequestBody, Slug, call, named_by
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
