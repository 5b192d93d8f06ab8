"""The owner's word about a sender: what it will do, and doing it."""

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases import answers
from canary.cases.past_mail import OwnerWord
from canary.cases.rehearsal import in_words, rehearse
from canary.model.sender import SenderAnswer, SenderState
from canary.senders.profile import find_sender_row
from canary.store.queries.vendors import vendor_row
from canary.web.pages.login import own_path
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

Asked = Annotated[str, Query(max_length=300)]
_OPEN = {
    "": (SenderAnswer.APPROVE, SenderAnswer.DENY),
    SenderState.PENDING: (SenderAnswer.APPROVE, SenderAnswer.DENY),
    SenderState.LEARNED: (SenderAnswer.DENY,),
    SenderState.DENIED: (SenderAnswer.APPROVE,),
    SenderState.DECLARED: (),
}
"""The answers that are open about a sender, by its state; one that was given can be taken back besides."""


class SenderWordsPage:
    """What people answer about senders, wherever they are asked."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/senders/effect", Role.ANALYST, self.effect),
            WebRoute("POST", "/senders", Role.ANALYST, self.decide),
        )

    def effect(
        self, request: Request, vendor: Asked = "", sender: Asked = "",
        next: Asked = "/senders",  # noqa: A002 - the name in the address
    ) -> Response:  # fmt: skip
        """Show what each answer about a sender will do, as a part of a page or as a page with the answers."""
        with map_store_errors():
            with self._frame.database.reading() as session:
                name, state, before = _standing(session, vendor, sender)
            open_ = (*_OPEN[state], *((SenderAnswer.UNDO,) if before else ()))
            found = [(each.value, self._foresee(request, vendor, sender, each)) for each in open_]
        template = "_senders_effect.html" if "hx-request" in request.headers else "effect.html"
        return self._frame.show(
            request, template, found=found, vendor=vendor, name=name, key=sender, state=state, before=before,
            next=own_path(next),
        )  # fmt: skip

    def decide(
        self, request: Request, vendor: Field = "", sender: Field = "", answer: Field = "",
        next: Field = "/senders",  # noqa: A002 - the name in the form
    ) -> Response:  # fmt: skip
        """Apply an answer about a sender, then show the page where it was given."""
        if answer not in set(SenderAnswer):
            raise HTTPException(400)
        with map_store_errors(), self._frame.writing(request) as session:
            answers.answer(session, vendor, sender, SenderAnswer(answer), self._word(request))
        return RedirectResponse(own_path(next), 303)

    def _foresee(self, request: Request, vendor: str, sender: str, said: SenderAnswer) -> str:
        word = self._word(request)
        return in_words(rehearse(self._frame.database, lambda s: answers.answer(s, vendor, sender, said, word)))

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())


def _standing(session: Session, vendor: str, sender: str) -> tuple[str, str, str]:
    """Return the name of a vendor, and the state of a sender there now and before the owner's word."""
    owner = vendor_row(session, vendor)
    row = find_sender_row(session, owner, sender)
    return (owner.name, row.state, row.before) if row else (owner.name, "", "")
