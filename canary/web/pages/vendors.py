"""Vendors: what each has done with the addresses it got."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.canaries import lifecycle
from canary.cases import publication
from canary.cases.past_mail import OwnerWord
from canary.model.canary import CanaryState
from canary.store.queries import canaries
from canary.store.queries.vendors import Unknown, get_vendor
from canary.views.sender_words import words_of_hits
from canary.views.vendor_pages import charged_at, vendor_page
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute


class VendorsPage:
    """One page for each vendor."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/vendors/{slug}", Role.VIEWER, self.vendor),
            WebRoute("POST", "/vendors/{slug}/rotate", Role.ANALYST, self.rotate),
            WebRoute("POST", "/vendors/{slug}/publishes", Role.ANALYST, self.publish),
        )

    def vendor(self, request: Request, slug: str) -> Response:
        """Show the mail at a vendor's addresses, and from whom it came."""
        with self._frame.database.reading() as session:
            found = vendor_page(session, slug, self._frame.clock())
            if found is None:
                return self._elsewhere(session, slug)
            decided = {sender.key for sender in found.senders}
            hits = {hit.id: hit for hit in (*charged_at(session, slug, found.cases), *found.hits)}
            asked = [word for word in words_of_hits(session, [*hits.values()]) if word.key not in decided]
        return self._frame.show(request, "vendor.html", page=found, asked=asked)

    @staticmethod
    def _elsewhere(session: Session, slug: str) -> Response:
        """Lead to the vendor of which one became a part."""
        with map_store_errors():
            return RedirectResponse(f"/vendors/{get_vendor(session, slug).slug}", 303)

    def rotate(self, request: Request, slug: str) -> Response:
        """Issue the next generation of every active or burned address of a vendor, channel by channel."""
        now, draw = self._frame.clock(), self._frame.config.issuing.draw
        try:
            with self._frame.writing(request) as session:
                get_vendor(session, slug)
                newest = {(c.channel, c.style): c for c in canaries.list_canaries(session, slug)}
                for old in newest.values():
                    if old.state is not CanaryState.ROTATED and not old.tentative:
                        lifecycle.rotate(session, old.address, draw, now)
                self._frame.audit(session, request, "vendor-rotated", slug, f"{len(newest)} addresses")
        except Unknown:
            raise HTTPException(404) from None
        return RedirectResponse(f"/vendors/{slug}", 303)

    def publish(self, request: Request, slug: str, publishes: Field = "") -> Response:
        """Say whether a vendor shows its addresses in public."""
        if publishes not in ("yes", "no"):
            raise HTTPException(400)
        word = OwnerWord(request.state.user.name, self._frame.clock())
        with map_store_errors(), self._frame.writing(request) as session:
            publication.set_publishes(session, slug, publishes == "yes", word)
        return RedirectResponse(f"/vendors/{slug}", 303)
