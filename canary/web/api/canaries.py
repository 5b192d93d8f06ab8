"""Canaries over the API: list, issue one or many, rotate, burn, confirm, say which are shown in public."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from canary.canaries import lifecycle
from canary.canaries.issuing import IssueSet, issue_sets
from canary.canaries.lifecycle import IssueOrder
from canary.canaries.seed_records import SeedForm
from canary.cases import confirmation, publication
from canary.cases.past_mail import OwnerWord
from canary.model.address import Locale
from canary.model.canary import Canary, CanaryState, Hiding, Style
from canary.model.postal_address import PersonaPart
from canary.store.queries import canaries
from canary.store.tables.base import HIGHEST_CANARY
from canary.views.api_queries import Among, canary_line, issued_after
from canary.views.models import CanaryLine
from canary.web.api.schema import (
    LIMIT,
    CanaryNumber,
    Cursor,
    Label,
    Limit,
    ListPage,
    Name,
    RequestBody,
    Word,
    call,
    counted_by,
    page,
)
from canary.web.issue_forms import MOST
from canary.web.rendering import PageContext, map_store_errors, or_404
from canary.web.routes import Role, WebRoute
from canary.web.seed_files import FileForm, Spreadsheet, seed_file

Published = Annotated[
    bool | None,
    Field(description="Shown in public: strangers may collect it, which is no leak; null follows the vendor."),
]


class PersonaOut(BaseModel):
    """The facts that only this address's vendor was given."""

    given_name: str
    family_name: str
    phone: str
    company: str
    street: str = ""
    town: str = ""
    postcode: str = ""
    birthday: str = ""


class CanaryOut(BaseModel):
    """One issued address; `own` and `outside` count mails from its vendor and from others.

    It is `published` if it is shown in public; where `published_set` is null, what holds for its vendor decides that.
    A `tentative` one was made by a program and is evidence of nothing until it is confirmed; one that is `hidden` is out
    of the lists of the dashboard and keeps listening.
    """

    id: int
    address: str
    vendor: str | None
    channel: str
    generation: int
    style: Style
    bits: float
    state: CanaryState
    issued: datetime
    published: bool
    published_set: bool | None
    persona: PersonaOut | None
    tentative: bool = False
    hidden: Hiding = Hiding.NOT
    note: str = ""
    own: int = 0
    outside: int = 0


class Issued(BaseModel):
    """The addresses that were issued."""

    items: list[CanaryOut]


class IssueBody(RequestBody):
    """Addresses to issue to a vendor, through a channel; without a domain at the first one in the settings."""

    vendor: Annotated[Name, Field(description="The slug of a vendor.")]
    channel: Annotated[Label, Field(min_length=1, max_length=60)] = "signup"
    style: Style = Style.TAGGED
    count: Annotated[int, Field(ge=1, le=MOST)] = 1
    mailbox: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$", description="The part before the + in the plus style.")
    ] = "me"
    published: Published = None
    locale: Annotated[Locale, Field(description="Language and country of the persona.")] = Locale.EN
    persona: Annotated[
        frozenset[PersonaPart], Field(description="What a persona has beside names, number and company.")
    ] = frozenset()


class CanaryChange(RequestBody):
    """Whether an address is shown in public."""

    published: Published


class Confirmation(RequestBody):
    """Which vendor was given a tentative address; without one, that for which it was made."""

    vendor: Annotated[Label, Field(description="The slug of a vendor.")] = ""


class CanariesApi:
    """The calls about canaries."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/canaries", Role.VIEWER, self.canaries),
            call("POST", "/canaries", Role.ANALYST, self.issue, 201),
            call("GET", "/canaries.csv", Role.VIEWER, self.file, media="text/csv"),
            call("GET", "/canaries/{canary_id}", Role.VIEWER, self.canary),
            call("PATCH", "/canaries/{canary_id}", Role.ANALYST, self.change),
            call("POST", "/canaries/{canary_id}/rotate", Role.ANALYST, self.rotate, 201),
            call("POST", "/canaries/{canary_id}/burn", Role.ANALYST, self.burn),
            call("POST", "/canaries/{canary_id}/confirm", Role.ANALYST, self.confirm),
            call("POST", "/canaries/{canary_id}/dismiss", Role.ANALYST, self.dismiss),
        )

    def canaries(
        self, cursor: Cursor = None, limit: Limit = LIMIT, vendor: Word = "", channel: Word = "",
        state: Annotated[CanaryState | None, Query()] = None, tentative: Annotated[bool | None, Query()] = None,
    ) -> ListPage[CanaryOut]:  # fmt: skip
        """List addresses in order of issue."""
        among = Among(vendor=vendor, channel=channel, state=state.value if state else "", tentative=tentative)
        with self._frame.database.reading() as session:
            shown = _show(session, issued_after(session, counted_by(cursor, HIGHEST_CANARY) or 0, limit + 1, among))
        return page(shown, limit, lambda one: one, lambda one: one.id)

    def file(self, vendor: Word = "", form: FileForm = SeedForm.CSV, spreadsheet: Spreadsheet = False) -> Response:
        """Return all addresses, or those of a vendor, as a table with the columns of a mailing platform or our own."""
        with self._frame.database.reading() as session:
            found = canaries.list_canaries(session, vendor or None)
        return seed_file(found, form, spreadsheet=spreadsheet)

    def issue(self, request: Request, wanted: IssueBody) -> Issued:
        """Issue addresses to a vendor."""
        issuing, now = self._frame.config.issuing, self._frame.clock()
        with map_store_errors(), self._frame.writing(request) as session:
            order = IssueOrder(
                wanted.vendor, issuing.domain(session), wanted.channel, wanted.style, wanted.mailbox,
                locale=wanted.locale, published=wanted.published, parts=wanted.persona,
            )  # fmt: skip
            made = issue_sets(session, [IssueSet(order, wanted.count)], issuing.draw, now)
            text = f"{wanted.count} for {wanted.channel}, {wanted.style.value}"
            self._frame.audit(session, request, "canary-issued", wanted.vendor, text)
        return Issued(items=[show(canary) for canary in made])

    def canary(self, canary_id: CanaryNumber) -> CanaryOut:
        """Return one address."""
        with self._frame.database.reading() as session:
            return self._one(session, canary_id)

    def change(self, request: Request, canary_id: CanaryNumber, change: CanaryChange) -> CanaryOut:
        """Say whether an address is shown in public; past mail of its vendor is judged again, its cases are weighed again."""
        word, draw = self._word(request), self._frame.config.issuing.draw
        with map_store_errors(), self._frame.writing(request) as session:
            address = self._one(session, canary_id).address
            publication.set_published(session, address, change.published, draw, word)
            return self._one(session, canary_id)

    def rotate(self, request: Request, canary_id: CanaryNumber) -> CanaryOut:
        """Issue the next generation to the same vendor and channel; the old address keeps listening."""
        with map_store_errors(), self._frame.writing(request) as session:
            old = self._one(session, canary_id)
            made = lifecycle.rotate(session, old.address, self._frame.config.issuing.draw, self._frame.clock())
            self._frame.audit(session, request, "canary-rotated", old.address, f"by {made.address}")
        return show(made)

    def burn(self, request: Request, canary_id: CanaryNumber) -> CanaryOut:
        """Mark an address as leaked; it keeps listening."""
        with map_store_errors(), self._frame.writing(request) as session:
            old = self._one(session, canary_id)
            lifecycle.burn(session, old.address, self._frame.clock())
            self._frame.audit(session, request, "canary-burned", old.address)
            return self._one(session, canary_id)

    def confirm(self, request: Request, canary_id: CanaryNumber, told: Confirmation) -> CanaryOut:
        """Confirm that a tentative address was given away; what came to it counts from now on, and a case may open."""
        with map_store_errors(), self._frame.writing(request) as session:
            confirmation.confirm(session, self._one(session, canary_id).address, self._word(request), told.vendor)
            return self._one(session, canary_id)

    def dismiss(self, request: Request, canary_id: CanaryNumber) -> CanaryOut:
        """Say that a tentative address was given to nobody; it leaves the lists and keeps listening."""
        with map_store_errors(), self._frame.writing(request) as session:
            confirmation.dismiss(session, self._one(session, canary_id).address, self._word(request))
            return self._one(session, canary_id)

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())

    @staticmethod
    def _one(session: Session, canary_id: int) -> CanaryOut:
        return _show(session, [or_404(canary_line(session, canary_id))])[0]


def _show(session: Session, lines: Sequence[CanaryLine]) -> list[CanaryOut]:
    facts = canaries.find_canaries(session, [line.address for line in lines])
    return [
        show(facts[line.address]).model_copy(update={"own": line.tally.own, "outside": line.tally.outside})
        for line in lines
    ]


def show(canary: Canary) -> CanaryOut:
    """Return an address as the API shows it."""
    who = canary.persona
    persona = who and PersonaOut(**asdict(who))
    return CanaryOut(
        id=canary.id, address=canary.address, vendor=canary.vendor, channel=canary.channel,
        generation=canary.generation, style=canary.style, bits=canary.bits, state=canary.state, issued=canary.issued,
        published=canary.published, published_set=canary.published_set, persona=persona,
        tentative=canary.tentative, hidden=canary.hidden, note=canary.note,
    )  # fmt: skip
