"""The interface of SimpleLogin, as Bitwarden and the service's own extensions use it."""

from typing import Annotated, Any

from fastapi import Body, Query, Request
from pydantic import BaseModel, Field

from canary.judge.sites import host_of, party_of
from canary.model.address import readable
from canary.model.canary import Hiding, Style
from canary.views.alias_pages import AliasFilter
from canary.views.models import CanaryLine
from canary.web.api.schema import CanaryNumber
from canary.web.compat.sign_up import AddressWish, SignUpDesk, compat_call
from canary.web.rendering import PageContext
from canary.web.routes import WebRoute

PAGE = 20
_BASE = "/simplelogin/api"
_SUFFIX = "-(random)@"
"""How the part after the chosen one is shown before it is drawn."""

_MAILBOX = {"id": 1, "email": "Canary"}
Host = Annotated[str, Query(max_length=2000)]
Text = Annotated[str, Field(max_length=10_000)]


class NoteIn(BaseModel):
    """What is said of an address; anything else in the body is left alone."""

    note: Text | None = None


class CustomIn(NoteIn):
    """An address whose readable part is chosen; the suffix is one of those that were offered."""

    alias_prefix: Annotated[str, Field(max_length=100)]
    signed_suffix: Annotated[str, Field(max_length=300)]


class SearchIn(BaseModel):
    """A word that addresses, notes or vendors contain."""

    query: Annotated[str, Field(max_length=200)] | None = None


class SimpleLoginApi:
    """The calls of SimpleLogin."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._desk = SignUpDesk(frame)

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        one, custom = f"{_BASE}/aliases/{{number}}", "alias/custom/new"
        return (
            compat_call("GET", f"{_BASE}/user_info", self.user),
            compat_call("GET", f"{_BASE}/logout", self.logout),
            compat_call("GET", f"{_BASE}/mailboxes", self.mailboxes),
            compat_call("GET", f"{_BASE}/v2/mailboxes", self.mailboxes),
            compat_call("GET", f"{_BASE}/v4/alias/options", self.options_as_pairs),
            compat_call("GET", f"{_BASE}/v5/alias/options", self.options),
            compat_call("POST", f"{_BASE}/alias/random/new", self.make, 201),
            compat_call("POST", f"{_BASE}/v2/{custom}", self.make_custom, 201),
            compat_call("POST", f"{_BASE}/v3/{custom}", self.make_custom, 201),
            compat_call("GET", f"{_BASE}/v2/aliases", self.aliases),
            compat_call("POST", f"{_BASE}/v2/aliases", self.search),
            compat_call("GET", one, self.alias),
            compat_call("PUT", one, self.describe),
            compat_call("PATCH", one, self.describe),
            compat_call("DELETE", one, self.delete),
            compat_call("POST", f"{one}/toggle", self.toggle),
        )

    def user(self, request: Request) -> dict[str, Any]:
        """Return whose key it is: how an extension logs in."""
        name = request.state.user.name
        return {"name": name, "email": name, "is_premium": True, "in_trial": False, "profile_picture_url": None}

    def logout(self) -> dict[str, Any]:
        """Forget nothing: the key is ended under API tokens."""
        return {"msg": "The key stays valid until it ends or is ended under API tokens."}

    def mailboxes(self) -> dict[str, Any]:
        """Return the one place where mail arrives, which is here."""
        return {"mailboxes": [{**_MAILBOX, "default": True, "creation_timestamp": 0, "nb_alias": 0, "verified": True}]}

    def options(self, hostname: Host = "") -> dict[str, Any]:
        """Return what the user may choose; no address is recommended again, as each sign-up gets its own."""
        suffixes = [
            {"suffix": _SUFFIX + domain, "signed_suffix": _SUFFIX + domain, "is_custom": True, "is_premium": False}
            for domain in self._desk.domains()
        ]
        party = party_of(host_of(hostname))
        return {"can_create": True, "prefix_suggestion": readable(party) if party else "", "suffixes": suffixes}

    def options_as_pairs(self, hostname: Host = "") -> dict[str, Any]:
        """Return the same in the older form."""
        found = self.options(hostname)
        return {**found, "suffixes": [[each["suffix"], each["signed_suffix"]] for each in found["suffixes"]]}

    def make(
        self, request: Request, told: Annotated[NoteIn | None, Body()] = None, hostname: Host = "",
        mode: Annotated[str, Query(max_length=20)] = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Make an address for a site, whatever addresses it has already."""
        note = (told and told.note) or ""
        style = Style.PLAUSIBLE if mode == "word" else Style.TAGGED
        return _show(self._desk.make(request, AddressWish(hostname, note, style=style)))

    def make_custom(self, request: Request, told: CustomIn, hostname: Host = "") -> dict[str, Any]:
        """Make an address that begins with a chosen word; what follows is random all the same."""
        domain = told.signed_suffix.rpartition("@")[2] or "?"
        wish = AddressWish(hostname, told.note or "", domain, hint=readable(told.alias_prefix))
        return _show(self._desk.make(request, wish))

    def aliases(self, request: Request, page_id: int = 0) -> dict[str, Any]:
        """List addresses, newest first."""
        return self._list(request, page_id, "")

    def search(
        self, request: Request, told: Annotated[SearchIn | None, Body()] = None, page_id: int = 0
    ) -> dict[str, Any]:
        """List addresses in which a word is found."""
        return self._list(request, page_id, (told and told.query) or "")

    def alias(self, number: CanaryNumber) -> dict[str, Any]:
        """Return one address."""
        return _show(self._desk.one(number))

    def describe(self, request: Request, number: CanaryNumber, told: NoteIn) -> dict[str, Any]:
        """Keep a note; names, mailboxes and pins are not kept."""
        if told.note is not None:
            self._desk.describe(request, number, told.note)
        return {"ok": True}

    def delete(self, request: Request, number: CanaryNumber) -> dict[str, Any]:
        """Put an address out of the lists; it keeps listening."""
        self._desk.hide(request, number, Hiding.DELETED)
        return {"deleted": True}

    def toggle(self, request: Request, number: CanaryNumber) -> dict[str, Any]:
        """Switch an address off in the lists, or on again; it keeps listening."""
        return {"enabled": not self._desk.toggle(request, number).hidden}

    def _list(self, request: Request, page: int, word: str) -> dict[str, Any]:
        asked = request.query_params
        active = True if "enabled" in asked else False if "disabled" in asked else None
        if "pinned" in asked:
            return {"aliases": []}
        found, _ = self._desk.page(page, PAGE, AliasFilter(active, search=word))
        return {"aliases": [_show(line) for line in found]}


def _show(line: CanaryLine) -> dict[str, Any]:
    """Return an address as the service describes its aliases; mail of outsiders is what it calls blocked."""
    return {
        "alias": line.address, "email": line.address, "id": line.id, "enabled": not line.hidden, "note": line.note or None,
        "name": None, "creation_date": f"{line.issued_at:%Y-%m-%d %H:%M:%S}+00:00",
        "creation_timestamp": int(line.issued_at.timestamp()), "nb_forward": line.tally.own,
        "nb_block": line.tally.outside, "nb_reply": 0, "mailbox": _MAILBOX, "mailboxes": [_MAILBOX],
        "support_pgp": False, "disable_pgp": False, "pinned": False, "latest_activity": None,
    }  # fmt: skip
