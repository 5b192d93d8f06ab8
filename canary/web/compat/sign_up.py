"""What both services do with addresses: make a tentative one for a site, list, switch off, delete, describe.

None of it makes an address deaf: one that is switched off or deleted is out of the lists and keeps listening.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.canaries import lifecycle, tentative
from canary.canaries.lifecycle import IssueOrder
from canary.canaries.site_vendor import is_for_no_site, vendor_of_site
from canary.judge.organisation import normal
from canary.judge.sites import host_of, site_in
from canary.model.canary import Hiding, Style
from canary.store.queries.vendors import vendor_row
from canary.views.alias_pages import LAST_PAGE, AliasFilter, alias_page, made_since
from canary.views.api_queries import canary_line
from canary.views.models import CanaryLine
from canary.web.issue_forms import IssueRefused
from canary.web.rendering import PageContext, map_store_errors, or_404
from canary.web.routes import COMPAT, Role, WebRoute

HOURLY = 200
"""How many tentative addresses may be made within an hour, by all keys together."""

_HOUR = timedelta(hours=1)


def compat_call(method: str, path: str, handler: Callable[..., Any], status: int = 200) -> WebRoute:
    """Declare a call below `/compat`, open to keys that make addresses."""
    return WebRoute(method, f"{COMPAT}{path}", Role.ANALYST, handler, token=True, status=status)


@dataclass(frozen=True, slots=True)
class AddressWish:
    """An address for a site, by its host or by the first host in a note; without a domain at the first of ours."""

    host: str = ""
    note: str = ""
    domain: str = ""
    style: Style = Style.TAGGED
    hint: str = ""

    @property
    def site(self) -> str:
        """The host of the site, empty where there is none."""
        return host_of(self.host) or site_in(self.host) or site_in(self.note)


class SignUpDesk:
    """Makes and changes addresses for the programs that hold a key."""

    def __init__(self, frame: PageContext) -> None:
        """Work in the context of the pages."""
        self._frame = frame

    def domains(self) -> tuple[str, ...]:
        """Return the domains at which addresses are made, the one to propose first; raises HTTPException 422 for none."""
        with self._frame.database.reading() as session:
            return self._own(session)

    def make(self, request: Request, wish: AddressWish) -> CanaryLine:
        """Make a tentative address, always a new one; raises HTTPException 422 for a foreign domain, 429 for too many."""
        issuing, now = self._frame.config.issuing, self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            if made_since(session, now - _HOUR) >= HOURLY:
                raise HTTPException(
                    429, f"Programs made {HOURLY} addresses within an hour: try again later.", {"Retry-After": "600"}
                )
            ours = self._own(session)
            domain = next((own for own in ours if normal(own) == normal(wish.domain)), "") if wish.domain else ours[0]
            if not domain:
                line = f"Domain {wish.domain[:80]!r} is not one of ours: choose {', '.join(ours[:20])}."
                raise HTTPException(422, line)
            vendor = vendor_of_site(session, wish.site, ours, issuing.shared, now)
            hint = wish.hint or ("mail" if is_for_no_site(vendor_row(session, vendor)) else "")
            order = IssueOrder(vendor, domain, style=wish.style, tentative=True, note=wish.note, hint=hint)
            made = lifecycle.issue(session, order, issuing.draw, now)
            self._frame.audit(session, request, "canary-issued", vendor, f"tentative, for {wish.site or 'no site'}")
            return or_404(canary_line(session, made.id))

    def page(self, page: int, size: int, wanted: AliasFilter) -> tuple[tuple[CanaryLine, ...], bool]:
        """Return a page of addresses, the first being 0, and whether there is another; empty beyond what is served."""
        if not 0 <= page <= LAST_PAGE:
            return (), False
        with self._frame.database.reading() as session:
            return alias_page(session, page, size, wanted)

    def one(self, number: int) -> CanaryLine:
        """Return one address; raises HTTPException 404."""
        with self._frame.database.reading() as session:
            return or_404(canary_line(session, number))

    def hide(self, request: Request, number: int, why: Hiding) -> CanaryLine:
        """Put an address out of the lists, or back into them; raises HTTPException 404."""
        now = self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            row = tentative.hide(session, tentative.issued_row(session, number), why, now)
            self._frame.audit(session, request, "canary-hidden" if why else "canary-shown", row.address, why.value)
            return or_404(canary_line(session, number))

    def toggle(self, request: Request, number: int) -> CanaryLine:
        """Switch an address off, or on again; raises HTTPException 404."""
        return self.hide(request, number, Hiding.NOT if self.one(number).hidden else Hiding.SWITCHED_OFF)

    def describe(self, request: Request, number: int, note: str) -> CanaryLine:
        """Keep what a program says of an address; raises HTTPException 404."""
        with map_store_errors(), self._frame.writing(request) as session:
            row = tentative.describe(session, tentative.issued_row(session, number), note)
            self._frame.audit(session, request, "canary-described", row.address, row.note)
            return or_404(canary_line(session, number))

    def _own(self, session: Session) -> tuple[str, ...]:
        try:
            return self._frame.config.issuing.own_domains(session)
        except IssueRefused as fault:
            raise HTTPException(422, str(fault)) from None
