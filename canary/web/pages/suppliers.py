"""What became of the addresses that were passed on to a supplier?"""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.store.supplier_pages import supplier_list, supplier_page
from canary.web.frame import Frame, known
from canary.web.route import Role, Route

Slug = Annotated[str, Query(max_length=100)]


class Suppliers:
    """The list of suppliers, and a page for each."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (
            Route("GET", "/suppliers", Role.VIEWER, self.suppliers),
            Route("GET", "/suppliers/{slug}", Role.VIEWER, self.supplier),
        )

    def suppliers(self, request: Request, after: Slug = "") -> Response:
        """Show suppliers by name."""
        with self._frame.database.reading() as session:
            lines, further = supplier_list(session, after)
        return self._frame.show(request, "suppliers.html", lines=lines, further=further, after=after)

    def supplier(self, request: Request, slug: str) -> Response:
        """Show who passes addresses to a supplier, which were hit, and how probable it was as a source."""
        with self._frame.database.reading() as session:
            found = known(supplier_page(session, slug))
        return self._frame.show(request, "supplier.html", page=found)
