"""The suppliers of a vendor, declared and withdrawn: whom it passes the addresses of a channel on to."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from canary.cases import answers
from canary.model.party import SupplierLink
from canary.store.queries import vendors
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

_LONGEST = 100


class SuppliesPage:
    """The forms beside the suppliers of a vendor."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("POST", "/vendors/{slug}/suppliers", Role.ANALYST, self.declare),
            WebRoute("POST", "/vendors/{slug}/suppliers/remove", Role.ANALYST, self.withdraw),
        )

    def declare(
        self, request: Request, slug: str, supplier: Field = "", channel: Field = "", account: Field = ""
    ) -> Response:
        """Say that the vendor passes addresses on to a supplier; past mail of its account there is judged again."""
        who, now = request.state.user.name, self._frame.clock()
        with map_store_errors():
            name, channel, account = (_line(text) for text in (supplier, channel, account))
            if not any(letter.isalnum() for letter in name):
                raise ValueError(f"supplier {name!r}: give its name")
            supply = SupplierLink(slug, vendors.slug(name), channel or None, account=account)
            with self._frame.writing(request) as session:
                answers.declare_supply(session, supply, name, who, now)
                self._frame.audit(session, request, "supply-declared", slug, f"{name}, {channel or 'all channels'}")
        return RedirectResponse(f"/vendors/{slug}#suppliers", 303)

    def withdraw(self, request: Request, slug: str, supplier: Field = "", channel: Field = "") -> Response:
        """Take back that the vendor passes addresses on to a supplier."""
        who, now = request.state.user.name, self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            answers.drop_supply(session, slug, supplier, channel or None, who, now)
            self._frame.audit(session, request, "supply-withdrawn", slug, f"{supplier}, {channel or 'all channels'}")
        return RedirectResponse(f"/vendors/{slug}#suppliers", 303)


def _line(text: str) -> str:
    found = text.strip()
    if len(found) > _LONGEST or not found.isprintable():
        raise ValueError(f"{found[:40]!r}: give a line of at most {_LONGEST} characters")
    return found
