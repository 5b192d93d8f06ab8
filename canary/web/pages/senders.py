"""Senders: who writes for a vendor, and who waits for a decision."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases.question_answers import answer_question, get_question
from canary.model.sender import Sender, SenderState
from canary.senders.profile import list_senders, open_questions
from canary.store.queries.vendors import Unknown
from canary.store.tables import SenderRow
from canary.views.list_filter import ListFilter
from canary.web.csv_file import csv_file
from canary.web.list_forms import MOST_LINES, Narrowed, Word, asked
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

COLUMNS = ("state", "vendor", "sender", "proof", "mails", "first", "last", "decided", "by", "first_mail")
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
            WebRoute("GET", "/senders.csv", Role.VIEWER, self.file),
            WebRoute("POST", "/senders/questions", Role.ANALYST, self.answer),
        )

    def senders(self, request: Request, among: Narrowed, state: Word = "") -> Response:
        """Show the questions that wait, and the senders that are decided."""
        state = state if state in set(_DECIDED) else ""
        with self._frame.database.reading() as session:
            questions = [
                q for q in open_questions(session, self._frame.clock()) if not among.vendor or among.vendor in q.vendors
            ]
            found = _decided(session, among, state, SENDERS + 1)
        waiting, listed = [q for q in questions if q.asked], [q for q in questions if not q.asked]
        return self._frame.show(
            request, "senders.html", waiting=waiting, listed=listed, decided=found[:SENDERS], more=len(found) > SENDERS,
            shown=SHOWN, among=among, asked=asked(among, state=state), state=state, states=[each.value for each in _DECIDED],
        )  # fmt: skip

    def file(self, among: Narrowed, state: Word = "") -> Response:
        """Return the senders that are decided as a table."""
        with self._frame.database.reading() as session:
            found = _decided(session, among, state if state in set(_DECIDED) else "", MOST_LINES)
        return csv_file("senders", COLUMNS, map(_row, found))

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


def _decided(session: Session, among: ListFilter, state: str, most: int) -> list[Sender]:
    states = [SenderState(state)] if state else _DECIDED
    try:
        return list_senders(
            session, among.vendor or None, states, most, only=among.within(SenderRow.first_at, SenderRow.last_at)
        )
    except Unknown:
        return []


def _row(line: Sender) -> tuple[object, ...]:
    return (
        line.state.value, line.vendor, line.key, line.proof.value, line.count, line.first, line.last, line.decided, line.by,
        line.mail,
    )  # fmt: skip
