"""Letters to vendors and suppliers: the letter of a case to copy, and its text to change."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.cases import letters
from canary.cases.letter_text import LANGUAGES, OwnText
from canary.model.decision import Decision
from canary.store.queries.vendors import Unknown
from canary.web.filters import LANGUAGES as LANGUAGE_NAMES
from canary.web.rendering import Field, Id, LongField, PageContext
from canary.web.routes import Role, WebRoute

Short = Annotated[str, Query(max_length=100)]


class Letters:
    """The letters of each case, and their texts."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/cases/{case_id}/letter", Role.VIEWER, self.letter),
            WebRoute("POST", "/cases/{case_id}/letter", Role.ADMIN, self.change),
        )

    def letter(self, request: Request, case_id: Id, to: Short = "", lang: Short = "en") -> Response:
        """Show a letter to copy."""
        return self._show(request, case_id, to, lang)

    def change(
        self, request: Request, case_id: Id, to: Field = "", lang: Field = "en", text: LongField = ""
    ) -> Response:
        """Change the text for all letters of this kind, or restore the shipped one for an empty text."""
        word = Decision(request.state.user.name, self._frame.clock())
        try:
            own = OwnText(text)
            with self._frame.writing(request) as session:
                letters.addressees(session, case_id)
                letters.change(session, to.partition(":")[0], lang, own, word)
        except ValueError as fault:
            return self._show(request, case_id, to, lang, str(fault), text)
        except Unknown as fault:
            raise HTTPException(404, str(fault)) from None
        return RedirectResponse(f"/cases/{case_id}/letter?{urlencode({'to': to, 'lang': lang})}", 303)

    def _show(self, request: Request, case_id: int, to: str, lang: str, fault: str = "", draft: str = "") -> Response:
        try:
            with self._frame.database.reading() as session:
                known = letters.addressees(session, case_id)
                to = to or next((who for who, _ in known), "")
                unwritten = letters.draft_letter(session, case_id, to, lang, self._frame.clock())
                wording = draft or letters.text_of(session, to.partition(":")[0], lang)
                own = (to.partition(":")[0], lang) in letters.changed(session)
            text = unwritten.write()
        except (Unknown, ValueError) as trouble:
            raise HTTPException(404, str(trouble)) from None
        return self._frame.show(
            request, "letter.html", 400 if fault else 200, case_id=case_id, text=text, to=to, lang=lang, known=known,
            languages={code: LANGUAGE_NAMES[code] for code in LANGUAGES}, wording=wording, own=own, fault=fault,
        )  # fmt: skip
