"""Suppliers: what became of the addresses that were passed on to each."""

from dataclasses import astuple
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from canary.cases.party_changes import checked_name
from canary.senders.declared_suppliers import declare, withdraw
from canary.store.queries.suppliers import get_supplier
from canary.views.list_filter import EVERYTHING, ListFilter
from canary.views.supplier_pages import supplier_list, supplier_page
from canary.web.list_forms import Word, list_file
from canary.web.pages.supplier_editing import domains_of
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

COLUMNS = ("supplier", "name", "vendors", "case", "probability")
Slug = Annotated[str, Query(max_length=100)]


class SuppliersPage:
    """The list of suppliers, and a page for each."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/suppliers", Role.VIEWER, self.suppliers),
            WebRoute("GET", "/suppliers.csv", Role.VIEWER, self.file),
            WebRoute("POST", "/suppliers", Role.ANALYST, self.declare),
            WebRoute("GET", "/suppliers/{slug}", Role.VIEWER, self.supplier),
            WebRoute("POST", "/suppliers/{slug}/withdraw", Role.ANALYST, self.withdraw),
        )

    def suppliers(self, request: Request, vendor: Word = "", after: Slug = "") -> Response:
        """Show suppliers by name, all or those of a vendor."""
        return self._list(request, after, ListFilter(vendor.strip()))

    def _list(self, request: Request, after: str = "", among: ListFilter = EVERYTHING, **typed: str) -> Response:
        with self._frame.database.reading() as session:
            lines, further = supplier_list(session, after, among)
        facts = {"name": "", "domains": "", "fault": "", **typed}
        return self._frame.show(
            request, "suppliers.html", 422 if typed else 200, lines=lines, further=further, after=after,
            among=among, asked={"vendor": among.vendor}, **facts,
        )  # fmt: skip

    def file(self, vendor: Word = "") -> Response:
        """Return the same as a table."""
        return list_file(
            self._frame.database,
            "suppliers",
            COLUMNS,
            astuple,
            partial(supplier_list, among=ListFilter(vendor.strip())),
            "",
        )

    def declare(self, request: Request, name: Field = "", domains: Field = "") -> Response:
        """Add a supplier with domains that prove it, or domains to one that is there; what is refused stays typed."""
        given = domains_of(domains)
        if not (name.strip() and given):
            fault = "A supplier needs a name and at least one domain, such as letterworks.example."
            return self._list(request, name=name, domains=domains, fault=fault)
        try:
            with self._frame.writing(request) as session:
                found = declare(session, checked_name(name), given, request.state.user.name, self._frame.clock())
        except ValueError as fault:
            return self._list(request, name=name, domains=domains, fault=str(fault))
        return RedirectResponse(f"/suppliers/{found.slug}", 303)

    def withdraw(self, request: Request, slug: str, domain: Field) -> Response:
        """Withdraw a domain of a supplier."""
        with map_store_errors(), self._frame.writing(request) as session:
            withdraw(session, slug, (domain,), request.state.user.name, self._frame.clock())
        return RedirectResponse(f"/suppliers/{slug}", 303)

    def supplier(self, request: Request, slug: str) -> Response:
        """Show who passes addresses to a supplier, which were hit, and how probable it was as a source."""
        with self._frame.database.reading() as session:
            found = supplier_page(session, slug)
            if found is None:
                return self._elsewhere(session, slug)
        return self._frame.show(request, "supplier.html", page=found)

    @staticmethod
    def _elsewhere(session: Session, slug: str) -> Response:
        """Lead to the supplier of which one became a part."""
        with map_store_errors():
            return RedirectResponse(f"/suppliers/{get_supplier(session, slug).slug}", 303)
