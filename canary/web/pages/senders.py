"""Senders: who writes for a vendor, and who waits for a decision."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.cases.question_answers import answer_question, get_question
from canary.model.sender import SenderState
from canary.senders.profile import list_senders, open_questions
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

SENDERS = 500
SHOWN = 300
"""Of a question with more senders so many are shown, and answered at a time."""

Members = Annotated[list[Annotated[str, Form(max_length=500)]], Form(max_length=SHOWN)]
_ANSWERS = {"yes": SenderState.LEARNED, "no": SenderState.DENIED}
_DECIDED = [state for state in SenderState if state is not SenderState.PENDING]


class SendersPage:
    """The questions that only the owner can answer."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/senders", Role.VIEWER, self.senders),
            WebRoute("POST", "/senders/questions", Role.ANALYST, self.answer),
        )

    def senders(self, request: Request) -> Response:
        """Show the questions that wait, and the senders that are decided."""
        with self._frame.database.reading() as session:
            questions = open_questions(session, self._frame.clock())
            found = list_senders(session, states=_DECIDED, limit=SENDERS + 1)
        asked, listed = [q for q in questions if q.asked], [q for q in questions if not q.asked]
        return self._frame.show(
            request, "senders.html", asked=asked, listed=listed, decided=found[:SENDERS], more=len(found) > SENDERS,
            shown=SHOWN,
        )  # fmt: skip

    def answer(self, request: Request, group: Field, answer: Field, member: Members) -> Response:
        """Answer a question for the senders that are ticked, then show what is left."""
        state, now = _ANSWERS.get(answer), self._frame.clock()
        if state is None:
            raise HTTPException(400)
        only = [(vendor, key) for vendor, _, key in (each.partition(" ") for each in member)]
        with map_store_errors(), self._frame.writing(request) as session:
            asked = get_question(session, group, now)
            answer_question(session, asked, state, request.state.user.name, now, only=only)
        return RedirectResponse("/senders", 303)
