"""Suppliers: what became of the addresses that were passed on to each."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.views.supplier_pages import supplier_list, supplier_page
from canary.web.rendering import PageContext, or_404
from canary.web.routes import Role, WebRoute

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
            WebRoute("GET", "/suppliers/{slug}", Role.VIEWER, self.supplier),
        )

    def suppliers(self, request: Request, after: Slug = "") -> Response:
        """Show suppliers by name."""
        with self._frame.database.reading() as session:
            lines, further = supplier_list(session, after)
        return self._frame.show(request, "suppliers.html", lines=lines, further=further, after=after)

    def supplier(self, request: Request, slug: str) -> Response:
        """Show who passes addresses to a supplier, which were hit, and how probable it was as a source."""
        with self._frame.database.reading() as session:
            found = or_404(supplier_page(session, slug))
        return self._frame.show(request, "supplier.html", page=found)
