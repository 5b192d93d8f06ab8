"""`canary hits`: what came in, one line for each hit; `canary recount`: the counts made from them."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import Json, open_store, plain_json, show_json, show_table
from canary.cli.times import read_time
from canary.model.case import percent

if TYPE_CHECKING:
    from canary.store.database import Database
    from canary.views.api_queries import Among, HitRecord

_PAGE = 500
_IN_TABLE = 50


def hits(
    vendor: Annotated[str, typer.Option(help="Only hits at addresses of this vendor.", show_default=False)] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only since a day or a time of RFC 3339.", show_default=False)
    ] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many at most.", show_default=f"all as JSON, {_IN_TABLE} in a table")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document for each hit, one a line.")] = False,
) -> None:
    """List hits, newest first: what each mail means at each address it reached."""
    from canary.store.queries.vendors import get_vendor
    from canary.views.api_queries import Among

    among = Among(vendor=vendor, since=read_time("--since", since) if since else None)
    store = open_store()
    with store.reading() as session:
        if vendor:
            get_vendor(session, vendor)
    if as_json:
        for hit in islice(_hits(store, among), limit):
            typer.echo(json.dumps(_document(hit), default=plain_json, ensure_ascii=False))
        return
    rows = [
        (f"{h.at:%Y-%m-%d %H:%M}", h.vendor, h.address, h.verdict, percent(h.confidence), h.sender, h.subject[:60])
        for h in islice(_hits(store, among), limit or _IN_TABLE)
    ]
    columns = ("when", "vendor", "address", "verdict", "sure", "sender", "subject")
    show_table(columns, rows, "No hits yet: nothing has come to an issued address.")


def recount(as_json: Json = False) -> None:
    """Count all hits again, and correct every count that is shown."""
    from canary.store import counters

    with open_store().writing() as session:
        counted = counters.recount(session)
    if as_json:
        show_json({"hits": counted})
    else:
        typer.echo(f"{counted} {'hit' if counted == 1 else 'hits'} counted")


def _hits(store: "Database", among: "Among") -> "Iterator[HitRecord]":
    """Read page by page, each in a transaction of its own, however slowly the lines are taken."""
    from canary.views.api_queries import hit_records_before

    before = None
    while True:
        with store.reading() as session:
            page = hit_records_before(session, before, _PAGE, among)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].at, page[-1].id


def _document(hit: "HitRecord") -> dict[str, object]:
    return {
        "address": hit.address, "vendor": hit.vendor, "at": hit.at, "verdict": hit.verdict,
        "confidence": hit.confidence, "reasons": hit.reasons,
        "relation": None,  # what the sender is to the vendor: verdicts do not say it yet
        "sender": hit.sender, "subject": hit.subject, "message_id": hit.message_id, "sha256": hit.sha256,
    }  # fmt: skip
