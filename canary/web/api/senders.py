"""Senders over the API: who writes for a vendor, and the answers of the owner."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from canary.cases import answers
from canary.cases.past_mail import OwnerWord
from canary.cases.question_answers import answer_question, get_question
from canary.cases.rehearsal import rehearse
from canary.cases.rejudge import RejudgeOutcome
from canary.model.sender import SenderAnswer, SenderState
from canary.senders.profile import MOST_WAITING, open_questions, read_sender
from canary.senders.questions import Question
from canary.store.tables import SenderRow
from canary.views.api_queries import Among, senders_after
from canary.web.api.schema import LIMIT, Cursor, Label, Limit, ListPage, Name, RequestBody, Word, call, counted_by, page
from canary.web.rendering import PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Asked = Annotated[str, Query(min_length=1, max_length=300)]


class SenderOut(BaseModel):
    """A proven identity at a vendor; `key` is a domain, `esp/account`, or `domain via platform`."""

    id: int
    vendor: str
    key: str
    state: SenderState
    proof: str
    first: datetime | None
    last: datetime | None
    mails: int
    asked: datetime | None
    decided: datetime | None
    decided_by: str
    can_undo: bool
    mail: int | None
    group: str | None
    plausibility: float


class MemberOut(BaseModel):
    """A sender of a question, at one vendor; `plausibility` is the probability that it writes for the vendor."""

    vendor: str
    sender: str
    mails: int
    first: datetime | None
    last: datetime | None
    asked: datetime | None
    plausibility: float


class QuestionOut(BaseModel):
    """Senders that one answer is for; `asked` is null where they are only listed."""

    group: str
    text: str
    plausibility: float
    mails: int
    asked: datetime | None
    senders: list[MemberOut]


class Named(RequestBody):
    """A sender at a vendor: the slug of the vendor and the key of the sender."""

    vendor: Name
    sender: Annotated[Label, Field(min_length=1)]


class Answered(RequestBody):
    """The answer to a question; `only` are the senders that it is for, where that is not all that wait."""

    group: Annotated[Label, Field(min_length=1)]
    vendors_own: bool
    only: Annotated[list[Named], Field(min_length=1, max_length=MOST_WAITING)] | None = None


class Decided(BaseModel):
    """What a decision did, or would do: mails judged again and those with another result, cases, and addresses by what they are now.

    `waiting` mails are too many to be judged again at once, and follow by themselves.
    """

    looked: int
    changed: int
    opened: list[int]
    closed: list[int]
    freed: list[str]
    burned: list[str]
    waiting: int


class SendersApi:
    """The calls about senders."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/senders", Role.VIEWER, self.senders),
            call("GET", "/questions", Role.VIEWER, self.questions),
            call("POST", "/questions/answer", Role.ANALYST, self.answer),
            call("POST", "/senders/approve", Role.ANALYST, self.approve),
            call("POST", "/senders/deny", Role.ANALYST, self.deny),
            call("POST", "/senders/undo", Role.ANALYST, self.undo),
            call("GET", "/senders/effect", Role.ANALYST, self.effect),
        )

    def senders(
        self, cursor: Cursor = None, limit: Limit = LIMIT, vendor: Word = "",
        state: Annotated[SenderState | None, Query()] = None,
    ) -> ListPage[SenderOut]:  # fmt: skip
        """List senders, in the order in which they were first seen."""
        among = Among(vendor=vendor, state=state.value if state else "")
        with self._frame.database.reading() as session:
            found = senders_after(session, counted_by(cursor) or 0, limit + 1, among)
        return page(found, limit, lambda pair: _show(*pair), lambda pair: pair[0].id or 0)

    def questions(self) -> ListPage[QuestionOut]:
        """List all questions that wait for an answer, the most plausible first; what is only listed comes last."""
        with self._frame.database.reading() as session:
            return ListPage(items=[_question(each) for each in open_questions(session, self._frame.clock())])

    def answer(self, request: Request, answered: Answered) -> Decided:
        """Answer a question for all its senders, or some: whether they write for their vendors."""
        state = SenderState.LEARNED if answered.vendors_own else SenderState.DENIED
        only = None if answered.only is None else [(member.vendor, member.sender) for member in answered.only]
        who, now = request.state.user.name, self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            asked = get_question(session, answered.group, now)
            outcome = answer_question(session, asked, state, who, now, only=only)
        return _done(outcome)

    def approve(self, request: Request, named: Named) -> Decided:
        """Approve a sender: it writes for the vendor; its past mail is judged again."""
        return self._decide(request, named, SenderAnswer.APPROVE)

    def deny(self, request: Request, named: Named) -> Decided:
        """Refuse a sender: it has nothing to do with the vendor; its past mail is judged again."""
        return self._decide(request, named, SenderAnswer.DENY)

    def undo(self, request: Request, named: Named) -> Decided:
        """Take an answer about a sender back: all is as if nobody had answered."""
        return self._decide(request, named, SenderAnswer.UNDO)

    def effect(
        self, request: Request, vendor: Asked, sender: Asked, answer: Annotated[SenderAnswer, Query()]
    ) -> Decided:  # fmt: skip
        """Return what an answer about a sender would do; nothing is changed."""
        word = self._word(request)
        with map_store_errors():
            return _done(rehearse(self._frame.database, lambda s: answers.answer(s, vendor, sender, answer, word)))

    def _decide(self, request: Request, named: Named, said: SenderAnswer) -> Decided:
        with map_store_errors(), self._frame.writing(request) as session:
            return _done(answers.answer(session, named.vendor, named.sender, said, self._word(request)))

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())


def _done(outcome: RejudgeOutcome) -> Decided:
    return Decided(
        looked=outcome.looked, changed=outcome.changed, opened=outcome.opened, closed=outcome.closed, freed=outcome.freed,
        burned=outcome.burned, waiting=outcome.waiting,
    )  # fmt: skip


def _show(row: SenderRow, vendor: str) -> SenderOut:
    return SenderOut(
        id=row.id or 0, vendor=vendor, key=row.key, state=SenderState(row.state), proof=row.proof, first=row.first_at,
        last=row.last_at, mails=row.count, asked=row.asked_at, decided=row.decided_at, decided_by=row.decided_by,
        can_undo=row.before != "",
        mail=row.mail_id, group=read_sender(row, vendor).group if row.state == SenderState.PENDING else None,
        plausibility=row.plausibility,
    )  # fmt: skip


def _question(question: Question) -> QuestionOut:
    members = [
        MemberOut(
            vendor=it.vendor, sender=it.key, mails=it.count, first=it.first, last=it.last, asked=it.asked,
            plausibility=it.plausibility,
        )
        for it in question.members
    ]  # fmt: skip
    return QuestionOut(
        group=question.group, text=question.text, plausibility=question.plausibility, mails=question.count,
        asked=question.asked, senders=members,
    )  # fmt: skip
