"""Suppliers over the API: to whom vendors pass addresses on."""

from datetime import datetime

from pydantic import BaseModel

from canary.views.supplier_pages import supplier_list, supplier_page
from canary.web.api.schema import Cursor, ListPage, Slug, call, named_by
from canary.web.api.schema import cursor as cursor_of
from canary.web.rendering import PageContext, or_404
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


class SupplierWhole(BaseModel):
    """A supplier with all that is known of it."""

    slug: str
    name: str
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
            call("GET", "/suppliers/{slug}", Role.VIEWER, self.supplier),
        )

    def suppliers(self, cursor: Cursor = None) -> ListPage[SupplierOut]:
        """List suppliers in order of their slugs, fifty a page."""
        with self._frame.database.reading() as session:
            lines, further = supplier_list(session, named_by(cursor))
        items = [SupplierOut(slug=s.slug, name=s.name, vendors=s.vendors, case=s.case, p=s.p) for s in lines]
        return ListPage(items=items, next=cursor_of(further) if further else None)

    def supplier(self, slug: Slug) -> SupplierWhole:
        """Return one supplier: who passes addresses to it, and how probable it was as a source over time."""
        with self._frame.database.reading() as session:
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
        return SupplierWhole(slug=found.slug, name=found.name, vendors=given, cases=cases, beliefs=beliefs)
