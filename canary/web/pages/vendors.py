"""What has a vendor done with the addresses it got?"""

from fastapi import Request, Response

from canary.store.vendor_pages import vendor_page
from canary.web.frame import Frame, known
from canary.web.route import Role, Route


class Vendors:
    """One page for each vendor."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/vendors/{slug}", Role.VIEWER, self.vendor),)

    def vendor(self, request: Request, slug: str) -> Response:
        """Show what came to a vendor's addresses, and from whom."""
        with self._frame.database.reading() as session:
            found = known(vendor_page(session, slug, self._frame.clock()))
        return self._frame.show(request, "vendor.html", page=found)
