"""The interface of addy.io, as Bitwarden and the service's own extension use it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from canary.model.address import readable
from canary.model.canary import Hiding, Style
from canary.store.tables.base import HIGHEST_CANARY
from canary.views.alias_pages import AliasFilter
from canary.views.models import CanaryLine
from canary.web.api.schema import CanaryNumber
from canary.web.compat.sign_up import AddressWish, SignUpDesk, compat_call
from canary.web.rendering import PageContext
from canary.web.routes import WebRoute

MOST = 100
_BASE = "/addy/api/v1"
_RANDOM = "random_characters"
_LIKE_A_PERSON = frozenset({"random_words", "random_male_name", "random_female_name", "random_noun"})
_DELETED = frozenset({Hiding.DELETED, Hiding.RESTED, Hiding.DISMISSED})
Word = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]


class AliasIn(BaseModel):
    """An address to make; the site is the first host in the description."""

    domain: Annotated[str, Field(max_length=253)] = ""
    description: Text | None = None
    format: Word | None = None
    local_part: Word | None = None


class DescriptionIn(BaseModel):
    """What is said of an address."""

    description: Text | None = None


class AliasId(BaseModel):
    """Which address; the service numbers its own by strings."""

    id: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")]


class AddyApi:
    """The calls of addy.io."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame, self._desk = frame, SignUpDesk(frame)

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        aliases, active = f"{_BASE}/aliases", f"{_BASE}/active-aliases"
        one = f"{aliases}/{{number}}"
        return (
            compat_call("GET", f"{_BASE}/domain-options", self.domain_options),
            compat_call("GET", f"{_BASE}/api-token-details", self.token),
            compat_call("GET", f"{_BASE}/account-details", self.account),
            compat_call("GET", f"{_BASE}/recipients", self.recipients),
            compat_call("GET", aliases, self.aliases),
            compat_call("POST", aliases, self.make, 201),
            compat_call("GET", one, self.alias),
            compat_call("PATCH", one, self.describe),
            compat_call("DELETE", one, self.delete, 204),
            compat_call("PATCH", f"{one}/restore", self.restore),
            compat_call("DELETE", f"{one}/forget", self.delete, 204),
            compat_call("POST", active, self.activate),
            compat_call("DELETE", f"{active}/{{number}}", self.deactivate, 204),
        )

    def domain_options(self) -> dict[str, Any]:
        """Return the domains to choose from: how the extension logs in."""
        domains = self._desk.domains()
        return {
            "data": domains, "sharedDomains": [], "defaultAliasDomain": domains[0], "defaultAliasFormat": _RANDOM,
        }  # fmt: skip

    def token(self, request: Request) -> dict[str, Any]:
        """Return whose key it is."""
        return {"name": request.state.user.name, "created_at": None, "expires_at": None}

    def account(self, request: Request) -> dict[str, Any]:
        """Return the account of the key, which has no limits of its own."""
        user = request.state.user
        return {"data": {"id": str(user.id), "username": user.name, "subscription": None, "bandwidth": 0}}

    def recipients(self) -> dict[str, Any]:
        """Return no place to forward to: mail stays here."""
        return {"data": []}

    def aliases(
        self,
        deleted: Annotated[str, Query(alias="filter[deleted]", max_length=20)] = "",
        active: Annotated[str, Query(alias="filter[active]", max_length=20)] = "",
        pinned: Annotated[str, Query(alias="filter[pinned]", max_length=20)] = "",
        search: Annotated[str, Query(alias="filter[search]", max_length=200)] = "",
        number: Annotated[int, Query(alias="page[number]", ge=1)] = 1,
        size: Annotated[int, Query(alias="page[size]", ge=1, le=MOST)] = MOST,
    ) -> dict[str, Any]:
        """List addresses, newest first, whatever order is asked for; none is pinned."""
        wanted = AliasFilter(
            active == "true" if active in ("true", "false") else None,
            listed=deleted != "only", unlisted=deleted in ("only", "with"), search=search,
        )  # fmt: skip
        found, more = ((), False) if pinned == "true" else self._desk.page(number - 1, size, wanted)
        seen = (number - 1) * size + len(found) + more
        return {
            "data": [_show(line) for line in found],
            "links": {"next": f"?page[number]={number + 1}&page[size]={size}" if more else None},
            "meta": {"current_page": number, "per_page": size, "total": seen},
        }

    def make(self, request: Request, told: AliasIn) -> dict[str, Any]:
        """Make an address for the site that the description names, whatever addresses it has already."""
        if not told.domain:
            raise HTTPException(422, f"Domain: choose one of {', '.join(self._desk.domains()[:20])}.")
        hint = readable(told.local_part) if told.format == "custom" and told.local_part else ""
        style = Style.PLAUSIBLE if told.format in _LIKE_A_PERSON else Style.TAGGED
        wish = AddressWish(note=told.description or "", domain=told.domain, style=style, hint=hint)
        return {"data": _show(self._desk.make(request, wish))}

    def alias(self, number: CanaryNumber) -> dict[str, Any]:
        """Return one address."""
        return {"data": _show(self._desk.one(number))}

    def describe(self, request: Request, number: CanaryNumber, told: DescriptionIn) -> dict[str, Any]:
        """Keep a description."""
        return {"data": _show(self._desk.describe(request, number, told.description or ""))}

    def delete(self, request: Request, number: CanaryNumber) -> Response:
        """Put an address out of the lists; it keeps listening."""
        self._desk.hide(request, number, Hiding.DELETED)
        return Response(status_code=204)

    def restore(self, request: Request, number: CanaryNumber) -> dict[str, Any]:
        """Put an address back into the lists."""
        return {"data": _show(self._desk.hide(request, number, Hiding.NOT))}

    def activate(self, request: Request, told: AliasId) -> dict[str, Any]:
        """Switch an address on again."""
        return self.restore(request, min(int(told.id), HIGHEST_CANARY))

    def deactivate(self, request: Request, number: CanaryNumber) -> Response:
        """Switch an address off in the lists; it keeps listening."""
        self._desk.hide(request, number, Hiding.SWITCHED_OFF)
        return Response(status_code=204)


def _show(line: CanaryLine) -> dict[str, Any]:
    """Return an address as the service describes its aliases; mail of outsiders is what it calls blocked."""
    local, _, domain = line.address.partition("@")
    made = _moment(line.issued_at)
    return {
        "id": str(line.id), "user_id": "", "aliasable_id": None, "aliasable_type": None, "local_part": local,
        "extension": None, "domain": domain, "email": line.address, "active": not line.hidden, "pinned": False,
        "description": line.note or None, "from_name": None, "attached_recipients_only": False,
        "emails_forwarded": line.tally.own, "emails_blocked": line.tally.outside, "emails_replied": 0, "emails_sent": 0,
        "recipients": [], "last_forwarded": None, "last_blocked": None, "last_replied": None, "last_sent": None,
        "created_at": made, "updated_at": made,
        "deleted_at": _moment(line.hidden_at) if line.hidden in _DELETED and line.hidden_at else None,
    }  # fmt: skip


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
