"""Issued addresses: issue, copy, rotate and burn them, one or many, and say which are shown in public."""

import io
from dataclasses import dataclass, field
from typing import Annotated

import segno
from fastapi import Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.canaries import lifecycle
from canary.canaries.seed_records import SeedForm
from canary.cases import confirmation, publication
from canary.cases.past_mail import OwnerWord
from canary.judge.selftest import make_token
from canary.model.canary import Canary
from canary.store.queries import canaries
from canary.store.queries.vendors import Duplicate, slug
from canary.views.canary_pages import (
    EVERY,
    STATES,
    CanaryFilter,
    canary_list,
    canary_page,
    last_issued_before,
    successor_of,
    tentative_list,
)
from canary.views.sender_words import words_of_hits
from canary.web.issue_forms import PUBLISHED, IssueRefused, IssueRequest, fill, wish, with_persona
from canary.web.issue_list import IssueListRefused, read_wishes
from canary.web.list_forms import Narrowed, asked, read_lines
from canary.web.rendering import CanaryId, CanaryKey, Field, FormText, PageContext, map_store_errors, or_404
from canary.web.routes import Role, WebRoute
from canary.web.seed_files import FORM_NAMES, FileForm, Made, Spreadsheet, issued_next, seed_file
from canary.web.uploads import LARGEST_TEXT, Uploaded

Word = Annotated[str, Query(max_length=100)]


_BACK = {"canaries": "/canaries", "watching": "/watching#tentative"}
"""Where a form on another page than the address's own leads back to."""


def read_filter(among: Narrowed, channel: Word = "", state: Word = "") -> CanaryFilter:
    """Read by what the list of addresses is narrowed; an unknown state narrows nothing."""
    return CanaryFilter(among, channel, state if state in STATES else "", state == "hit")


Wanted = Annotated[CanaryFilter, Depends(read_filter)]


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


@dataclass(frozen=True, slots=True)
class _RefusedIssue:
    """Why nothing was issued, and what was typed, which stays in its form."""

    fault: str = ""
    form: IssueForm = field(default_factory=IssueForm)
    rows: str = ""
    lines: tuple[str, ...] = ()


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
            WebRoute("POST", "/canaries/bulk", Role.ANALYST, self.issue_many, largest=LARGEST_TEXT),
            WebRoute("GET", "/canaries.csv", Role.VIEWER, self.export),
            WebRoute("GET", "/canaries/{canary_id}", Role.VIEWER, self.canary),
            WebRoute("GET", "/canaries/{canary_id}/feed", Role.VIEWER, self.feed),
            WebRoute("POST", "/canaries/{canary_id}/rotate", Role.ANALYST, self.rotate),
            WebRoute("POST", "/canaries/{canary_id}/burn", Role.ANALYST, self.burn),
            WebRoute("POST", "/canaries/{canary_id}/published", Role.ANALYST, self.publish),
            WebRoute("POST", "/canaries/{canary_id}/confirm", Role.ANALYST, self.confirm),
            WebRoute("POST", "/canaries/{canary_id}/dismiss", Role.ANALYST, self.dismiss),
        )

    def canaries(self, request: Request, wanted: Wanted, after: CanaryKey = 0, made: Made = 0) -> Response:
        """Show addresses in order of issue, all or filtered."""
        return self._list(request, wanted, after or 0, made=made)

    def canary(self, request: Request, canary_id: CanaryId, copied: Word = "") -> Response:
        """Show one address to give away, and its hits."""
        with self._frame.database.reading() as session:
            line, hits = or_404(canary_page(session, canary_id))
            persona = canaries.find_canaries(session, [line.address])[line.address].persona
            asked, successor = words_of_hits(session, hits), successor_of(session, line)
        key = self._frame.config.issuing.key
        token = make_token(key, line.address, self._frame.clock()) if key and not hits else ""
        return self._frame.show(
            request, "canary.html", line=line, hits=hits, persona=persona, qr=_qr(f"mailto:{line.address}"), token=token,
            asked=asked, successor=successor, copied=copied == "yes", seed_forms=FORM_NAMES,
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
        except (IssueRefused, Duplicate) as fault:
            return self._list(request, EVERY, refused=_RefusedIssue(str(fault), form))

    def issue_many(self, request: Request, form: Uploaded) -> Response:
        """Issue addresses by a list; one with mistakes is shown again as it was sent, with all of them."""
        rows = form.fields.get("rows", "")
        try:
            with self._frame.database.reading() as session:
                wishes = read_wishes(session, rows)
            return self._issued(request, wishes)
        except IssueListRefused as fault:
            return self._list(request, EVERY, refused=_RefusedIssue(str(fault), rows=rows, lines=tuple(fault.lines)))
        except IssueRefused as fault:
            return self._list(request, EVERY, refused=_RefusedIssue(str(fault), rows=rows))

    def export(
        self, wanted: Wanted, form: FileForm = SeedForm.CSV, spreadsheet: Spreadsheet = False, after: CanaryKey = 0,
        made: Made = 0, only: CanaryKey = None,
    ) -> Response:  # fmt: skip
        """Return addresses as a table: filtered as they are shown, only one, or so many after one."""
        with self._frame.database.reading() as session:
            if only is not None:
                some = list(canaries.find_canaries(session, [self._address(session, only)]).values())
                return seed_file(some, form, spreadsheet=spreadsheet)
            if made:
                return seed_file(issued_next(session, after or 0, made), form, spreadsheet=spreadsheet)

        def page(session: Session, after: int) -> tuple[list[Canary], int | None]:
            lines, further = canary_list(session, after, wanted)
            found = canaries.find_canaries(session, [line.address for line in lines])
            return [found[line.address] for line in lines], further

        return seed_file(read_lines(self._frame.database, page, 0), form, spreadsheet=spreadsheet)

    def rotate(self, request: Request, canary_id: CanaryId) -> Response:
        """Issue the next generation, then show it."""
        with map_store_errors(), self._frame.writing(request) as session:
            old = self._address(session, canary_id)
            made = lifecycle.rotate(session, old, self._frame.config.issuing.draw, self._frame.clock())
            self._frame.audit(session, request, "canary-rotated", old, f"by {made.address}")
        return RedirectResponse(f"/canaries/{made.id}", 303)

    def burn(self, request: Request, canary_id: CanaryId) -> Response:
        """Mark an address as leaked."""
        with map_store_errors(), self._frame.writing(request) as session:
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

    def confirm(self, request: Request, canary_id: CanaryId, vendor: Field = "", back: Field = "") -> Response:
        """Confirm that a tentative address was given away, to its vendor or the one named."""
        word = OwnerWord(request.state.user.name, self._frame.clock())
        with map_store_errors(), self._frame.writing(request) as session:
            confirmation.confirm(session, self._address(session, canary_id), word, slug(vendor) if vendor else "")
        return RedirectResponse(_BACK.get(back, f"/canaries/{canary_id}"), 303)

    def dismiss(self, request: Request, canary_id: CanaryId, back: Field = "") -> Response:
        """Put a tentative address out of the lists, as nobody was given it."""
        word = OwnerWord(request.state.user.name, self._frame.clock())
        with map_store_errors(), self._frame.writing(request) as session:
            confirmation.dismiss(session, self._address(session, canary_id), word)
        return RedirectResponse(_BACK.get(back, f"/canaries/{canary_id}"), 303)

    def _list(
        self, request: Request, wanted: CanaryFilter, after: int = 0, refused: "_RefusedIssue | None" = None, made: int = 0,
    ) -> Response:  # fmt: skip
        refused = refused or _RefusedIssue()
        with self._frame.database.reading() as session:
            lines, further = canary_list(session, after, wanted)
            unconfirmed = tentative_list(session) if wanted == EVERY and not after else ()
        return self._frame.show(
            request, "canaries.html", 400 if refused.fault else 200, lines=lines, further=further, after=after, fault=refused.fault,
            wanted=wanted, unconfirmed=unconfirmed, typed=refused.form, rows=refused.rows, lines_amiss=refused.lines, made=made,
            seed_forms=FORM_NAMES, asked=asked(wanted.among, channel=wanted.channel),
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
