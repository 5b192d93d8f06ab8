"""Issued addresses: issue, copy, rotate and burn them, one or many, and say which are shown in public."""

import io
from typing import Annotated

import segno
from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.canaries import lifecycle
from canary.canaries.seed_records import SeedForm
from canary.cases import publication
from canary.cases.past_mail import OwnerWord
from canary.judge.selftest import make_token
from canary.store.queries import canaries
from canary.views.canary_pages import EVERY, STATES, CanaryFilter, canary_list, canary_page, last_issued_before
from canary.views.sender_words import words_of_hits
from canary.web.issue_forms import PUBLISHED, IssueRefused, IssueRequest, fill, read_wishes, wish, with_persona
from canary.web.rendering import CanaryId, CanaryKey, Field, FormText, LongField, PageContext, or_404
from canary.web.routes import Role, WebRoute
from canary.web.seed_files import FORM_NAMES, FileForm, Made, Spreadsheet, issued_next, seed_file

Word = Annotated[str, Query(max_length=100)]


class IssueForm(BaseModel):
    """The form for issuing addresses, as it comes in."""

    vendor: FormText = ""
    domain: FormText = ""
    channel: FormText = "signup"
    count: FormText = "1"
    style: FormText = "tagged"
    published: FormText = "vendor"
    locale: FormText = "en"
    address: FormText = ""
    birthday: FormText = ""


class CanariesPage:
    """The list of all addresses, and a page for each."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/canaries", Role.VIEWER, self.canaries),
            WebRoute("POST", "/canaries", Role.ANALYST, self.issue),
            WebRoute("POST", "/canaries/bulk", Role.ANALYST, self.issue_many),
            WebRoute("GET", "/canaries.csv", Role.VIEWER, self.export),
            WebRoute("GET", "/canaries/{canary_id}", Role.VIEWER, self.canary),
            WebRoute("GET", "/canaries/{canary_id}/feed", Role.VIEWER, self.feed),
            WebRoute("POST", "/canaries/{canary_id}/rotate", Role.ANALYST, self.rotate),
            WebRoute("POST", "/canaries/{canary_id}/burn", Role.ANALYST, self.burn),
            WebRoute("POST", "/canaries/{canary_id}/published", Role.ANALYST, self.publish),
        )

    def canaries(
        self, request: Request, after: CanaryKey = 0, vendor: Word = "", channel: Word = "", state: Word = "",
        made: Made = 0,
    ) -> Response:  # fmt: skip
        """Show addresses in order of issue, all or filtered."""
        hit, state = state == "hit", state if state in STATES else ""
        return self._list(request, CanaryFilter(vendor, channel, state, hit), after or 0, made=made)

    def canary(self, request: Request, canary_id: CanaryId) -> Response:
        """Show one address to give away, and its hits."""
        with self._frame.database.reading() as session:
            line, hits = or_404(canary_page(session, canary_id))
            persona = canaries.find_canaries(session, [line.address])[line.address].persona
            asked = words_of_hits(session, hits)
        key = self._frame.config.issuing.key
        token = make_token(key, line.address, self._frame.clock()) if key and not hits else ""
        return self._frame.show(
            request, "canary.html", line=line, hits=hits, persona=persona, qr=_qr(f"mailto:{line.address}"), token=token,
            asked=asked, seed_forms=FORM_NAMES,
        )  # fmt: skip

    def feed(self, request: Request, canary_id: CanaryId) -> Response:
        """Show the hits of one address, as a part of its page."""
        with self._frame.database.reading() as session:
            line, hits = or_404(canary_page(session, canary_id))
        return self._frame.show(request, "canaryfeed.html", line=line, hits=hits)

    def issue(self, request: Request, form: Annotated[IssueForm, Form()]) -> Response:
        """Issue addresses to one vendor, which may be new."""
        try:
            wanted = wish(form.vendor, form.channel, form.count, form.style, form.domain, form.published)
            parts = {"address": form.address, "birthday": form.birthday}
            return self._issued(request, [with_persona(wanted, form.locale, parts)])
        except IssueRefused as fault:
            return self._list(request, EVERY, fault=str(fault))

    def issue_many(self, request: Request, rows: LongField = "") -> Response:
        """Issue addresses by a list."""
        try:
            return self._issued(request, read_wishes(rows))
        except IssueRefused as fault:
            return self._list(request, EVERY, fault=str(fault))

    def export(
        self, form: FileForm = SeedForm.CSV, spreadsheet: Spreadsheet = False, after: CanaryKey = 0, made: Made = 0,
        only: CanaryKey = None,
    ) -> Response:  # fmt: skip
        """Return all addresses as a table, only one, or so many after one."""
        with self._frame.database.reading() as session:
            if only is not None:
                found = list(canaries.find_canaries(session, [self._address(session, only)]).values())
            else:
                found = issued_next(session, after or 0, made) if made else canaries.list_canaries(session)
        return seed_file(found, form, spreadsheet=spreadsheet)

    def rotate(self, request: Request, canary_id: CanaryId) -> Response:
        """Issue the next generation, then show it."""
        with self._frame.writing(request) as session:
            old = self._address(session, canary_id)
            made = lifecycle.rotate(session, old, self._frame.config.issuing.draw, self._frame.clock())
            self._frame.audit(session, request, "canary-rotated", old, f"by {made.address}")
        return RedirectResponse(f"/canaries/{made.id}", 303)

    def burn(self, request: Request, canary_id: CanaryId) -> Response:
        """Mark an address as leaked."""
        with self._frame.writing(request) as session:
            address = self._address(session, canary_id)
            lifecycle.burn(session, address, self._frame.clock())
            self._frame.audit(session, request, "canary-burned", address)
        return RedirectResponse(f"/canaries/{canary_id}", 303)

    def publish(self, request: Request, canary_id: CanaryId, published: Field = "") -> Response:
        """Say whether an address is shown in public."""
        if published not in PUBLISHED:
            raise HTTPException(400)
        word, draw = OwnerWord(request.state.user.name, self._frame.clock()), self._frame.config.issuing.draw
        with self._frame.writing(request) as session:
            publication.set_published(session, self._address(session, canary_id), PUBLISHED[published], draw, word)
        return RedirectResponse(f"/canaries/{canary_id}", 303)

    def _list(self, request: Request, wanted: CanaryFilter, after: int = 0, fault: str = "", made: int = 0) -> Response:
        with self._frame.database.reading() as session:
            lines, further = canary_list(session, after, wanted)
        return self._frame.show(
            request, "canaries.html", 400 if fault else 200, lines=lines, further=further, after=after, fault=fault,
            wanted=wanted, made=made, seed_forms=FORM_NAMES,
        )  # fmt: skip

    def _issued(self, request: Request, wishes: list[IssueRequest]) -> Response:
        with self._frame.writing(request) as session:
            made = fill(session, wishes, self._frame.config.issuing, self._frame.clock())
            for one in wishes:
                told = f"{one.count} for {one.channel}, {one.style.value}"
                self._frame.audit(session, request, "canary-issued", one.vendor, told)
            before = last_issued_before(session, made[0].issued)
        return RedirectResponse(
            f"/canaries/{made[0].id}" if len(made) == 1 else f"/canaries?after={before}&made={len(made)}", 303
        )

    def _address(self, session: Session, canary_id: int) -> str:
        found = canary_page(session, canary_id)
        if found is None:
            raise HTTPException(404)
        return found[0].address


def _qr(text: str) -> Markup:
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=0, svgclass="qr", lineclass=None
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn here, of squares
