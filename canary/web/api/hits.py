"""Hits over the API: what each mail means at each canary, and why."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from canary.model.verdict import Verdict
from canary.store.codec import reasons_of
from canary.views.api_queries import Among, HitFact, hits_before
from canary.web.api.schema import LIMIT, At, Counted, Cursor, Limit, ListPage, Word, call, moment, page, timed_by
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute


class ReasonOut(BaseModel):
    """One reason for a verdict: its code in the closed list, and in words."""

    code: str
    text: str


class HitOut(BaseModel):
    """One mail at one canary; a probe has no mail, a decoy no vendor."""

    id: int
    at: datetime
    verdict: Verdict
    confidence: float
    reasons: list[ReasonOut]
    canary: str
    vendor: str | None
    mail: int | None
    case: int | None


class HitsApi:
    """The calls about hits."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (call("GET", "/hits", Role.VIEWER, self.hits),)

    def hits(  # noqa: PLR0913, PLR0917 - each a filter in the address
        self, cursor: Cursor = None, limit: Limit = LIMIT, verdict: Annotated[Verdict | None, Query()] = None,
        case: Counted = None, vendor: Word = "", canary: Word = "", since: At = None, until: At = None,
    ) -> ListPage[HitOut]:  # fmt: skip
        """List hits, newest first."""
        among = Among(
            verdict=verdict.value if verdict else "", case=case, vendor=vendor, canary=canary.lower(), since=since,
            until=until,
        )  # fmt: skip
        with self._frame.database.reading() as session:
            found = hits_before(session, timed_by(cursor), limit + 1, among)
        return page(found, limit, show, lambda fact: moment(fact.row.at, fact.row.id or 0))


def show(fact: HitFact) -> HitOut:
    """Return a hit as the API shows it."""
    row = fact.row
    reasons = [ReasonOut(code=reason.code.value, text=reason.text) for reason in reasons_of(row.reasons)]
    return HitOut(
        id=row.id or 0, at=row.at, verdict=Verdict(row.verdict), confidence=row.confidence, reasons=reasons,
        canary=fact.address, vendor=fact.vendor, mail=row.mail_id, case=row.case_id,
    )  # fmt: skip
