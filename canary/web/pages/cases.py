"""Cases: who leaked, how that is known, and what people do about it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases import checklist, merge_split, statements, workflow
from canary.cases.vendor_link import usable_links
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseRow
from canary.views.case_pages import case_page
from canary.views.sender_words import words_of_hits
from canary.web.case_forms import StatementForm, moment, part, statement
from canary.web.rendering import Field, Id, Key, PageContext, or_404
from canary.web.routes import Role, WebRoute

Act = Callable[[Session, Decision], object]
Number = Annotated[int, Form(ge=1, le=2**31 - 1)]
Long = Annotated[str, Form(max_length=4000)]


class CasesPage:
    """One page for each case, and a form for each decision on it."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        acts: dict[str, Callable[..., Response]] = {
            "state": self.state, "owner": self.owner, "note": self.note, "aware": self.aware, "statement": self.add_statement,
            "task": self.tick, "rotate": self.rotate, "merge": self.merge, "split": self.split, "undo": self.undo,
        }  # fmt: skip
        return (
            WebRoute("GET", "/cases/{case_id}", Role.VIEWER, self.case),
            *(WebRoute("POST", f"/cases/{{case_id}}/{name}", Role.ANALYST, act) for name, act in acts.items()),
        )

    def case(self, request: Request, case_id: Id, before: Key = None) -> Response:
        """Show suspects, the evidence for and against each, statements, and what to do."""
        return self._page(request, case_id, before)

    def state(self, request: Request, case_id: Id, state: Field = "", note: Field = "") -> Response:
        """Change the state of a case."""
        if state not in set(CaseState):
            raise HTTPException(400)
        wanted = CaseState(state)
        return self._do(request, case_id, lambda s, w: workflow.set_state(s, case_id, wanted, w), note)

    def owner(self, request: Request, case_id: Id, owner: Field = "") -> Response:
        """Assign a case to a user."""
        return self._do(request, case_id, lambda s, w: workflow.set_assignee(s, case_id, owner, w))

    def note(self, request: Request, case_id: Id, note: Long = "") -> Response:
        """Write a note."""
        return self._do(request, case_id, lambda s, w: workflow.add_note(s, case_id, w), note)

    def aware(self, request: Request, case_id: Id, aware: Field = "") -> Response:
        """Set since when the owner is aware."""
        return self._do(request, case_id, lambda s, w: workflow.set_aware(s, case_id, moment(aware), w))

    def add_statement(self, request: Request, case_id: Id, said: Annotated[StatementForm, Form()]) -> Response:
        """Record what a party said."""
        return self._do(
            request, case_id, lambda s, w: statements.add_statement(s, case_id, statement(said, w.at), w), to="#claims"
        )

    def tick(self, request: Request, case_id: Id, code: Field = "", done: Field = "1") -> Response:
        """Tick a task of the checklist, or take the tick back."""
        return self._do(
            request, case_id, lambda s, w: checklist.tick(s, case_id, code, w, done=done == "1"), to="#todo"
        )

    def rotate(self, request: Request, case_id: Id, vendor: Field = "") -> Response:
        """Give a vendor new addresses for those that were hit."""
        draw = self._frame.config.issuing.draw
        return self._do(
            request, case_id, lambda s, w: checklist.rotate_hit_addresses(s, case_id, vendor, draw, w), to="#todo"
        )

    def merge(self, request: Request, case_id: Id, other: Number, note: Field = "") -> Response:
        """Merge another case into this one."""
        return self._do(request, case_id, lambda s, w: merge_split.merge(s, case_id, other, w), note)

    def split(self, request: Request, case_id: Id, what: Field = "", note: Field = "") -> Response:
        """Make a part of a case a separate case."""

        def act(session: Session, word: Decision) -> None:
            kind, name = part(what)
            if kind == "vendor":
                merge_split.split_vendor(session, case_id, name, word)
            else:
                merge_split.split_campaign(session, case_id, int(name), word)

        return self._do(request, case_id, act, note)

    def undo(self, request: Request, case_id: Id) -> Response:
        """Take the last merge or split back."""
        return self._do(request, case_id, lambda s, w: merge_split.undo(s, case_id, w))

    def _do(self, request: Request, case_id: int, act: Act, note: str = "", to: str = "") -> Response:
        """Apply a decision to a case in the name of the user, then show the case, with the error if there was one."""
        word = Decision(request.state.user.name, self._frame.clock(), note.strip())
        try:
            with self._frame.writing(request) as session:
                or_404(session.get(CaseRow, case_id))
                act(session, word)
        except (Unknown, ValueError) as fault:
            return self._page(request, case_id, fault=str(fault), status=400)
        return RedirectResponse(f"/cases/{case_id}{to}", 303)

    def _page(
        self, request: Request, case_id: int, before: int | None = None, fault: str = "", status: int = 200
    ) -> Response:
        with self._frame.database.reading() as session:
            found = or_404(case_page(session, case_id, self._frame.clock(), before))
            asked = words_of_hits(session, found.hits)
            links = usable_links(session, case_id, self._frame.clock())
        return self._frame.show(
            request, "case.html", status, page=found, before=before, fault=fault, asked=asked, links=links
        )
