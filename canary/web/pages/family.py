"""The family of a vendor: the domains it sends from and the names it writes under, each added and removed."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases import answers
from canary.cases.rehearsal import in_words, rehearse
from canary.cases.rejudge import RejudgeOutcome
from canary.judge.grounds import family_problem
from canary.judge.sites import domain_of
from canary.store.queries.vendors import get_vendor
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Change = Callable[[Session, str, list[str], str, datetime], RejudgeOutcome]
Asked = Annotated[str, Query(max_length=300)]
CHANGES: dict[str, tuple[Change, str]] = {
    "add-domain": (answers.declare_domains, "{what} is {whose}"),
    "remove-domain": (answers.retract_domains, "{what} is not {whose}"),
    "add-name": (answers.add_brands, "{name} also writes as {what}"),
    "remove-name": (answers.drop_brands, "{name} does not write as {what}"),
}
"""What can be changed, each with what is said by it."""


class FamilyPage:
    """A page that says what a change will do, with the button that does it."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/vendors/{slug}/family", Role.ANALYST, self.foresee),
            WebRoute("POST", "/vendors/{slug}/family", Role.ANALYST, self.change),
        )

    def foresee(self, request: Request, slug: str, do: Asked = "", what: Asked = "") -> Response:
        """Show what a change of the family will do."""
        what = _named(do, what)
        change = self._change(request, slug, do, what)
        with map_store_errors():
            with self._frame.database.reading() as session:
                name = get_vendor(session, slug).name
            effect, fault = self._effect(change)
        return self._frame.show(
            request, "family.html", 400 if fault else 200, slug=slug, name=name, do=do, what=what,
            says=CHANGES[do][1], effect=effect, fault=fault,
        )  # fmt: skip

    def change(self, request: Request, slug: str, do: Field = "", what: Field = "") -> Response:
        """Change the family, then show the vendor."""
        change = self._change(request, slug, do, _named(do, what))
        with map_store_errors(), self._frame.writing(request) as session:
            change(session)
        return RedirectResponse(f"/vendors/{slug}", 303)

    def _effect(self, change: Callable[[Session], RejudgeOutcome]) -> tuple[str, str]:
        try:
            return in_words(rehearse(self._frame.database, change)), ""
        except ValueError as fault:
            return "", str(fault)

    def _change(self, request: Request, slug: str, do: str, what: str) -> Callable[[Session], RejudgeOutcome]:
        if do not in CHANGES or not what:
            raise HTTPException(400)
        act, who, now = CHANGES[do][0], request.state.user.name, self._frame.clock()

        def change(session: Session) -> RejudgeOutcome:
            problem = family_problem(what, self._frame.config.issuing.shared) if do == "add-domain" else ""
            if problem:
                raise ValueError(problem)
            return act(session, slug, [what], who, now)

        return change


def _named(do: str, what: str) -> str:
    """Return what a change is about; a domain to add may be written as the address of a page."""
    return domain_of(what) if do == "add-domain" else what.strip()
