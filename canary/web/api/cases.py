"""Cases over the API: who leaked and how sure that is, and what people say about it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, JsonValue, SerializerFunctionWrapHandler, model_serializer
from sqlmodel import Session

from canary.attribute.summary import how_document, what_would_settle
from canary.cases import vendor_link, workflow
from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.cases.records import timeline
from canary.cases.sharing.forms import ShareForm
from canary.model.case import CaseState, Suspect
from canary.model.decision import Decision as Said
from canary.store.codec import findings_json, findings_of, suspects_of
from canary.store.tables import CaseRow
from canary.views.api_queries import Among, cases_before, vendors_of_cases
from canary.web.api.schema import (
    LIMIT,
    Cursor,
    Label,
    Limit,
    ListPage,
    Number,
    RequestBody,
    Text,
    Word,
    call,
    counted_by,
    page,
)
from canary.web.pages.evidence import pack_file, shared_file
from canary.web.rendering import PageContext, map_store_errors
from canary.web.routes import Role, WebRoute


class SuspectOut(BaseModel):
    """A possible source with the probability that it leaked; `hit` of the `held` canaries it had were hit."""

    kind: str
    id: str
    name: str
    p: float
    bayes_factor: float
    hit: int
    held: int
    how: dict[str, float] | None = None

    @model_serializer(mode="wrap")
    def _without_how(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out how it happened until that is likely enough to be said."""
        return {name: value for name, value in serialise(self).items() if name != "how" or value is not None}


class CaseOut(BaseModel):
    """A suspected leak; `suspects` are hypotheses with their support, the likeliest first.

    `summary` is what is believed in a sentence, `leak` the probability that a leak is behind it.
    """

    id: int
    state: CaseState
    outcome: str
    owner: str
    vendors: list[str]
    opened: datetime
    last_hit: datetime
    aware: datetime | None
    merged_into: int | None
    suspects: list[SuspectOut]
    summary: str
    leak: float


class WatchOut(CaseOut):
    """What may become a case: what speaks for and against a leak, and what would settle it."""

    speaks_for: list[str]
    speaks_against: list[str]
    settling: list[str]


class EventOut(BaseModel):
    """One line of a timeline."""

    at: datetime
    kind: str
    who: str
    text: str


class CaseWhole(CaseOut):
    """A case with what was found about it (window, fields, what cannot be distinguished) and its timeline."""

    findings: dict[str, JsonValue]
    timeline: list[EventOut]


class StateNew(RequestBody):
    """The new state of a case, and why."""

    state: CaseState
    note: Text = ""


class NoteNew(RequestBody):
    """A note on a case."""

    text: Annotated[Text, Field(min_length=1)]


class OwnerNew(RequestBody):
    """The name of the user to whom a case is assigned; empty for nobody."""

    owner: Label = ""


class LinkNew(RequestBody):
    """For which vendor of a case a link is made, and for how many days it is open."""

    vendor: Label
    days: Annotated[int, Field(ge=1, le=vendor_link.MOST_DAYS)] = vendor_link.DAYS


class LinkOut(BaseModel):
    """A link by which a vendor reads its part of a case and answers; its address is said this once."""

    id: int
    ends: datetime
    url: str


class CasesApi:
    """The calls about cases."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/cases", Role.VIEWER, self.cases),
            call("GET", "/watching", Role.VIEWER, self.watching),
            call("GET", "/cases/{case_id}", Role.VIEWER, self.case),
            call("GET", "/cases/{case_id}/evidence", Role.VIEWER, self.evidence, media="application/zip"),
            call("GET", "/cases/{case_id}/export", Role.VIEWER, self.export, media="*/*"),
            call("POST", "/cases/{case_id}/state", Role.ANALYST, self.state),
            call("POST", "/cases/{case_id}/notes", Role.ANALYST, self.note, 201),
            call("POST", "/cases/{case_id}/owner", Role.ANALYST, self.owner),
            call("POST", "/cases/{case_id}/links", Role.ANALYST, self.link, status=201),
            call("DELETE", "/cases/{case_id}/links/{link}", Role.ANALYST, self.revoke),
        )

    def cases(
        self, cursor: Cursor = None, limit: Limit = LIMIT, state: Annotated[CaseState | None, Query()] = None,
        open: Annotated[bool | None, Query()] = None, vendor: Word = "",  # noqa: A002 - the name in the address
    ) -> ListPage[CaseOut]:  # fmt: skip
        """List cases, newest first; what is watched is no case, and is listed only where that state is asked for."""
        among = Among(state=state.value if state else "", open=open, vendor=vendor)
        with self._frame.database.reading() as session:
            found = cases_before(session, counted_by(cursor), limit + 1, among)
            owners = vendors_of_cases(session, [row.id or 0 for row in found])
            why = reasons_explained(session, found)
        return page(
            found, limit, lambda row: CaseOut(**_listed(row, owners, why.get(row.id or 0, ""))), lambda row: row.id or 0
        )

    def watching(self, cursor: Cursor = None, limit: Limit = LIMIT) -> ListPage[WatchOut]:
        """List what may become a case, newest first."""
        with self._frame.database.reading() as session:
            found = cases_before(session, counted_by(cursor), limit + 1, Among(state=CaseState.WATCHED))
            owners = vendors_of_cases(session, [row.id or 0 for row in found])
        return page(found, limit, lambda row: _watched(row, owners), lambda row: row.id or 0)

    def case(self, case_id: Number) -> CaseWhole:
        """Return one case."""
        with map_store_errors(), self._frame.database.reading() as session:
            return _whole(session, workflow.get_case(session, case_id))

    def evidence(self, case_id: Number) -> Response:
        """Return the evidence pack of a case: one file that anybody can verify offline."""
        return pack_file(self._frame, case_id)

    def export(
        self,
        case_id: Number,
        form: Annotated[ShareForm, Query(alias="format")] = ShareForm.STIX,
        addresses: Annotated[bool, Query()] = False,
    ) -> Response:
        """Return what of a case others may have, in one form; its addresses are hashed unless `addresses` is true."""
        return shared_file(self._frame, case_id, form, plain=addresses)

    def state(self, request: Request, case_id: Number, new: StateNew) -> CaseWhole:
        """Change the state of a case, if its present state allows it."""
        with map_store_errors(), self._frame.writing(request) as session:
            return _whole(session, workflow.set_state(session, case_id, new.state, self._word(request, new.note)))

    def note(self, request: Request, case_id: Number, new: NoteNew) -> CaseWhole:
        """Add a note to the timeline of a case."""
        with map_store_errors(), self._frame.writing(request) as session:
            return _whole(session, workflow.add_note(session, case_id, self._word(request, new.text)))

    def owner(self, request: Request, case_id: Number, new: OwnerNew) -> CaseWhole:
        """Assign a case to a user."""
        with map_store_errors(), self._frame.writing(request) as session:
            return _whole(session, workflow.set_assignee(session, case_id, new.owner, self._word(request)))

    def link(self, request: Request, case_id: Number, new: LinkNew) -> LinkOut:
        """Make a link by which a vendor reads its part of a case and answers."""
        with map_store_errors(), self._frame.writing(request) as session:
            row, token = vendor_link.make_link(session, case_id, new.vendor, new.days, self._word(request))
            return LinkOut(id=row.id or 0, ends=row.ends, url=f"{self._frame.door.url}/answer/{token}")

    def revoke(self, request: Request, case_id: Number, link: Number) -> CaseWhole:
        """Revoke a link of a case."""
        with map_store_errors(), self._frame.writing(request) as session:
            vendor_link.revoke_link(session, case_id, link, self._word(request))
            return _whole(session, workflow.get_case(session, case_id))

    def _word(self, request: Request, note: str = "") -> Said:
        return Said(request.state.user.name, self._frame.clock(), note)


def _whole(session: Session, row: CaseRow) -> CaseWhole:
    session.flush()
    number = row.id or 0
    events = [EventOut(at=e.at, kind=e.kind, who=e.who, text=e.text) for e in timeline(session, number)]
    return CaseWhole(
        **_listed(row, vendors_of_cases(session, [number]), reasons_explained(session, [row]).get(number, "")),
        findings=findings_json(findings_of(row.findings)),
        timeline=events,
    )


def _watched(row: CaseRow, vendors: dict[int, list[str]]) -> WatchOut:
    findings = findings_of(row.findings)
    why = next(iter(findings.explanations), None)
    return WatchOut(
        **_listed(row, vendors), speaks_for=[seen.text for seen in why.speaks_for] if why else [],
        speaks_against=[seen.text for seen in why.speaks_against] if why else [],
        settling=list(what_would_settle(suspects_of(row.suspects), findings)),
    )  # fmt: skip


def _listed(row: CaseRow, vendors: dict[int, list[str]], reason: str = "") -> dict[str, Any]:
    suspects = suspects_of(row.suspects)
    answer = conclusion_of(row, reason)
    return {
        "id": row.id, "state": row.state, "outcome": row.outcome, "owner": row.owner,
        "vendors": vendors.get(row.id or 0, []), "opened": row.opened_at, "last_hit": row.last_hit_at,
        "aware": row.aware_at, "merged_into": row.merged_into, "suspects": [_suspect(suspect) for suspect in suspects],
        "summary": answer.headline, "leak": answer.leak,
    }  # fmt: skip


def _suspect(found: Suspect) -> SuspectOut:
    return SuspectOut(
        kind=found.kind.value, id=found.id, name=found.name, p=found.p, bayes_factor=found.factor, hit=found.hit,
        held=found.held, **how_document(found),
    )  # fmt: skip
