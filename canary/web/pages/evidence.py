"""A case to download: all that is known as JSON, and its hits as a table."""

import json
from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from starlette.exceptions import HTTPException

from canary.cases import export
from canary.cases.pack import NoLog, make_pack
from canary.cases.pack_record import record_pack
from canary.cases.sharing.facts import shared_case
from canary.cases.sharing.forms import WRITERS, ShareForm
from canary.evidence.sequencing import sequence_waiting
from canary.store.log_key import LogKeyError
from canary.store.tables import CaseRow
from canary.web.csv_file import csv_file
from canary.web.download import Download
from canary.web.rendering import Id, PageContext, or_404
from canary.web.routes import Role, WebRoute

Form = Annotated[Literal["json", "csv", "pack"] | ShareForm, Query(alias="format")]
Plain = Annotated[bool, Query(alias="addresses")]


class EvidencePage:
    """The record of each case."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/cases/{case_id}/export", Role.VIEWER, self.export),)

    def export(self, _: Request, case_id: Id, form: Form = "json", plain: Plain = False) -> Response:
        """Return a case, its hits, its evidence pack, or what of it others may have as a file."""
        if isinstance(form, ShareForm):
            return shared_file(self._frame, case_id, form, plain=plain)
        if form == "pack":
            return pack_file(self._frame, case_id)
        with self._frame.database.reading() as session:
            case = or_404(session.get(CaseRow, case_id))
            found = export.case_document(session, case, self._frame.clock()) if form == "json" else {}
        name = f"case-{case_id}"
        if form == "csv":
            return csv_file(name, export.COLUMNS, (list(hit.values()) for hit in self._hits(case_id)))
        return Download(f"{name}.json", self._lines(case_id, found), "application/json")

    def _lines(self, case_id: int, found: dict[str, object]) -> Generator[str]:
        """Yield the document with its hits one by one, as there may be many."""
        yield json.dumps(found, indent=1, default=_plain, ensure_ascii=False)[:-2] + ',\n "hits": ['
        for number, hit in enumerate(self._hits(case_id)):
            yield (",\n  " if number else "\n  ") + json.dumps(hit, default=_plain, ensure_ascii=False)
        yield "\n ]\n}\n"

    def _hits(self, case_id: int) -> Iterator[dict[str, object]]:
        with self._frame.database.reading() as session:
            yield from export.hits(session, case_id)


def pack_file(frame: PageContext, case_id: int) -> Response:
    """Return the evidence pack of a case, with what waited for its place in the log; 409 where there is no log."""
    store, now = frame.database, frame.clock()
    with store.reading() as session:
        or_404(session.get(CaseRow, case_id))
    try:
        sequence_waiting(store, now)
        with store.reading() as session:
            octets = make_pack(session, case_id, now)
        with store.writing() as session:
            record_pack(session, case_id, octets, now)
    except (NoLog, LogKeyError) as fault:
        raise HTTPException(409, str(fault)) from None
    headers = {"Content-Disposition": f'attachment; filename="evidence-case-{case_id}.zip"'}
    return Response(octets, media_type="application/zip", headers=headers)


def shared_file(frame: PageContext, case_id: int, form: ShareForm, *, plain: bool) -> Response:
    """Return what of a case others may have; 409 where there is no key to hash addresses with."""
    writer = WRITERS[form]
    try:
        with frame.database.reading() as session:
            or_404(session.get(CaseRow, case_id))
            case = shared_case(session, case_id, plain=plain)
    except LogKeyError as fault:
        raise HTTPException(409, str(fault)) from None
    headers = {"Content-Disposition": f'attachment; filename="case-{case_id}.{writer.ending}"'}
    return Response(writer.write(case), media_type=writer.media, headers=headers)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
