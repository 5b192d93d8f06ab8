"""A new address for a site: typed in, shared from a phone, or sent by a bookmark; and what makes the site an app."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlmodel import Session

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.canaries.site_vendor import is_for_no_site, vendor_of_site
from canary.judge.sites import host_of, site_in
from canary.model.canary import Canary
from canary.store.queries import vendors
from canary.store.queries.vendors import Unknown, vendor_row
from canary.web.assets import Assets
from canary.web.issue_forms import IssueRefused, wish
from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute

Shared = Annotated[str, Query(max_length=4000)]


class NewAddressPage:
    """The page that makes an address, and the manifest by which phones share to it."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame, self._assets = frame, Assets()

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/new", Role.ANALYST, self.new),
            WebRoute("POST", "/new", Role.ANALYST, self.make),
            WebRoute("GET", "/manifest.webmanifest", Role.PUBLIC, self.manifest, media="application/manifest+json"),
        )

    def new(
        self, request: Request, site: Shared = "", url: Shared = "", text: Shared = "", title: Shared = ""
    ) -> Response:
        """Ask for no more than a press of a button, where the site is named."""
        named = next((host for part in (site, url, text, title) if (host := _host(part))), "")
        return self._show(request, named.removeprefix("www.") or site[:200])

    def make(self, request: Request, site: Field = "", channel: Field = "signup") -> Response:
        """Make an address, then show it; a script gets it as JSON, so that it can copy it."""
        try:
            made = self._issue(request, site, channel)
        except IssueRefused as fault:
            return self._show(request, site, channel, str(fault))
        page = f"/canaries/{made.id}"
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"address": made.address, "page": page})
        return RedirectResponse(page, 303)

    def manifest(self) -> Response:
        """Return what browsers want to know before they install the site as an app (W3C Web Application Manifest)."""
        sizes = ((192, "any"), (512, "any"), (512, "maskable"))
        told: dict[str, Any] = {
            "id": "/", "name": "Canary", "short_name": "Canary", "start_url": "/", "scope": "/", "display": "standalone",
            "description": "Who leaked this address?", "background_color": "#f5f6f7", "theme_color": "#ffffff",
            "icons": [
                {
                    "src": self._assets.address(f"{'maskable' if purpose == 'maskable' else 'icon'}-{size}.png"),
                    "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose,
                }
                for size, purpose in sizes
            ],
            "shortcuts": [{"name": "New address", "url": "/new"}],
            "share_target": {
                "action": "/new", "method": "GET", "enctype": "application/x-www-form-urlencoded",
                "params": {"title": "title", "text": "text", "url": "url"},
            },
        }  # fmt: skip
        return JSONResponse(told, media_type="application/manifest+json")

    def _issue(self, request: Request, site: str, channel: str) -> Canary:
        issuing, now = self._frame.config.issuing, self._frame.clock()
        wish("site", channel, "1", "tagged")
        with self._frame.writing(request) as session:
            vendor = self._vendor(session, site)
            order = IssueOrder(vendor, issuing.domain(session), " ".join(channel.split()))
            made = lifecycle.issue(session, order, issuing.draw, now)
            self._frame.audit(session, request, "canary-issued", vendor, f"for {channel}, of the site {site[:100]}")
        return made

    def _vendor(self, session: Session, site: str) -> str:
        """Return the vendor of a site, or the one with such a name; raises IssueRefused for neither."""
        issuing, host = self._frame.config.issuing, _host(site)
        if not host:
            try:
                return vendors.get_vendor(session, vendors.slug(site)).slug
            except Unknown:
                raise IssueRefused(
                    f"Site {site[:60]!r}: no vendor has this name, and it is no site; give one such as bikeparts.example."
                ) from None
        slug = vendor_of_site(session, host, issuing.own_domains(session), issuing.shared, self._frame.clock())
        if is_for_no_site(vendor_row(session, slug)):
            raise IssueRefused(f"Site {host[:60]!r}: no vendor's site, but one of your own or of this machine.")
        return slug

    def _show(self, request: Request, site: str, channel: str = "signup", fault: str = "") -> Response:
        return self._frame.show(
            request, "new.html", 400 if fault else 200, site=site, channel=channel, fault=fault,
        )  # fmt: skip


def _host(text: str) -> str:
    return host_of(text) or site_in(text)
