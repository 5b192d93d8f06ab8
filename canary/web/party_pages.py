"""Pages to merge a vendor or a supplier into another, or to remove it: what this will do is shown first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from canary.cases.party_changes import PartyChanges
from canary.cases.past_mail import OwnerWord
from canary.cases.rehearsal import in_words, rehearse
from canary.model.party import Supplier, Vendor
from canary.store.queries.vendors import Unknown
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Named = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class PartyKind:
    """A kind of party: where its pages are, the page after one was removed, how one is read and changed."""

    path: str
    after: str
    read: Callable[[Session, str], Vendor | Supplier]
    changes: PartyChanges


class PartyPages:
    """Merging and removing parties of a kind; `refuse` shows the page to edit one, with a fault and what was typed."""

    def __init__(
        self, frame: PageContext, kind: PartyKind, refuse: Callable[[Request, str, str, str], Response]
    ) -> None:
        """Show pages in this context."""
        self._frame, self._kind, self._refuse = frame, kind, refuse

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        here = f"{self._kind.path}/{{slug}}"
        return (
            WebRoute("GET", f"{here}/merge", Role.ANALYST, self.foresee),
            WebRoute("POST", f"{here}/merge", Role.ANALYST, self.merge),
            WebRoute("POST", f"{here}/remove", Role.ANALYST, self.remove),
        )

    def foresee(self, request: Request, slug: str, into: Named = "") -> Response:
        """Show what hangs on a party, and what merging it into another will do."""
        kind = self._kind
        try:
            with self._frame.database.reading() as session:
                party, held = kind.read(session, slug), kind.changes.holdings(session, slug)
                target = kind.read(session, into)
            effect = rehearse(self._frame.database, lambda s: kind.changes.merge(s, slug, into, self._word(request)))
        except (ValueError, Unknown) as fault:
            return self._refuse(request, slug, str(fault), into)
        return self._frame.show(
            request,
            "partymerge.html",
            home=kind.path,
            party=party,
            held=str(held),
            target=target,
            effect=in_words(effect),
        )

    def merge(self, request: Request, slug: str, into: Field = "") -> Response:
        """Merge a party into another, then show that one."""
        with map_store_errors(), self._frame.writing(request) as session:
            self._kind.changes.merge(session, slug, into, self._word(request))
            went = self._kind.read(session, into).slug
        return RedirectResponse(f"{self._kind.path}/{went}", 303)

    def remove(self, request: Request, slug: str) -> Response:
        """Remove a party on which nothing hangs that has to stay."""
        try:
            with self._frame.writing(request) as session:
                self._kind.changes.remove(session, slug, self._word(request))
        except (ValueError, Unknown) as fault:
            return self._refuse(request, slug, str(fault), "")
        return RedirectResponse(self._kind.after, 303)

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())
