"""Links for vendors: made and revoked by people who handle a case, read and answered by those who have one."""

from typing import Annotated

from fastapi import Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.cases import vendor_link
from canary.cases.vendor_link import OpenLink
from canary.model.decision import Decision
from canary.store.locks import Lock, lock
from canary.store.log_key import LogKeyError
from canary.store.queries import login_attempts
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseRow
from canary.web.auth import network_of
from canary.web.pages.login import TOO_OFTEN
from canary.web.rendering import Field, Id, PageContext, or_404
from canary.web.routes import Role, WebRoute

TRIES = 50
"""Wrong tokens of one client in a quarter of an hour."""

CLOSED = "This link is wrong, has expired or was revoked. Ask those who sent it for another one."

Token = Annotated[str, Path(max_length=60)]
Days = Annotated[int, Form(ge=1, le=vendor_link.MOST_DAYS)]
LinkNumber = Annotated[int, Form(ge=1, le=2**31 - 1)]
Answer = Annotated[str, Form(max_length=3 * vendor_link.LONGEST, pattern=r"^[^\x00]*$")]


class VendorLinks:
    """The links of each case, and what a vendor sees behind one."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("POST", "/cases/{case_id}/link", Role.ANALYST, self.make),
            WebRoute("POST", "/cases/{case_id}/link/revoke", Role.ANALYST, self.revoke),
            WebRoute("GET", "/answer/{token}", Role.PUBLIC, self.read),
            WebRoute("POST", "/answer/{token}", Role.PUBLIC, self.answer),
        )

    def make(self, request: Request, case_id: Id, vendor: Field = "", days: Days = vendor_link.DAYS) -> Response:
        """Make a link, and show it this once."""
        try:
            with self._frame.writing(request) as session:
                or_404(session.get(CaseRow, case_id))
                row, token = vendor_link.make_link(session, case_id, vendor, days, self._word(request))
                ends = row.ends
        except Unknown as fault:
            raise HTTPException(404, str(fault)) from None
        except LogKeyError as fault:
            raise HTTPException(409, str(fault)) from None
        except ValueError as fault:
            raise HTTPException(400, str(fault)) from None
        url = f"{self._frame.door.url}/answer/{token}"
        return self._frame.show(request, "vendorlink.html", case_id=case_id, url=url, ends=ends)

    def revoke(self, request: Request, case_id: Id, link: LinkNumber) -> Response:
        """Revoke a link."""
        try:
            with self._frame.writing(request) as session:
                vendor_link.revoke_link(session, case_id, link, self._word(request))
        except Unknown as fault:
            raise HTTPException(404, str(fault)) from None
        return RedirectResponse(f"/cases/{case_id}", 303)

    def read(self, request: Request, token: Token) -> Response:
        """Show a vendor its part of a case."""
        return self._show(request, *self._open(request, token))

    def answer(self, request: Request, token: Token, text: Answer = "") -> Response:
        """Record what a vendor answers, as a statement of it."""
        status, found = self._open(request, token)
        if found is None:
            return self._show(request, status, None)
        try:
            with self._frame.writing(request) as session:
                lock(session, Lock.LOGINS)  # answers come one after the other, so that none is more than allowed
                now = self._opened(session, token)
                if now is not None:
                    vendor_link.answer_by_link(session, now, text, self._frame.clock())
        except ValueError as fault:
            return self._show(request, 400, found, fault=str(fault), draft=text)
        return self._show(request, 200 if now else 404, now, thanked=True)

    def _open(self, request: Request, token: str) -> tuple[int, OpenLink | None]:
        """Return a status with what a token shows; wrong ones are counted. It is read while no writer has to wait."""
        tries, clock = f"link {network_of(request)}", self._frame.clock
        with self._frame.writing(request) as session:
            if not login_attempts.enter(session, {tries: TRIES}, clock()):
                return 429, None
        with self._frame.database.reading() as session:
            found = self._opened(session, token)
        if found is None:
            return 404, None
        with self._frame.writing(request) as session:
            vendor_link.note_opened(session, found.id, clock())
            login_attempts.clear(session, [tries])
        return 200, found

    def _opened(self, session: Session, token: str) -> OpenLink | None:
        try:
            return vendor_link.open_link(session, token, self._frame.clock())
        except LogKeyError:
            return None

    def _show(
        self,
        request: Request,
        status: int,
        found: OpenLink | None,
        fault: str = "",
        draft: str = "",
        *,
        thanked: bool = False,
    ) -> Response:
        fault = fault or {404: CLOSED, 429: TOO_OFTEN}.get(status, "")
        page = self._frame.show(
            request, "answer.html", status, found=found, fault=fault, draft=draft, thanked=thanked and found is not None,
            longest=vendor_link.LONGEST,
        )  # fmt: skip
        page.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return page

    def _word(self, request: Request) -> Decision:
        return Decision(request.state.user.name, self._frame.clock())
