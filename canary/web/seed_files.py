"""Issued addresses as a file for a mailing platform, the same over pages and API."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Query
from sqlmodel import Session
from starlette.responses import Response

from canary.canaries.seed_records import SeedForm, seed_table
from canary.model.canary import Canary
from canary.store.queries import canaries
from canary.views.api_queries import Among, issued_after
from canary.web.csv_file import csv_file
from canary.web.issue_forms import MOST

FileForm = Annotated[
    SeedForm, Query(description="Whose columns the file has: our own (csv) or those a platform imports.")
]
Spreadsheet = Annotated[
    bool, Query(description="Mark what a spreadsheet would calculate, such as phone numbers, as text.")
]
Made = Annotated[int, Query(ge=0, le=MOST)]
FORM_NAMES = {
    SeedForm.CSV: "CSV", SeedForm.MAILCHIMP: "Mailchimp", SeedForm.HUBSPOT: "HubSpot", SeedForm.SALESFORCE: "Salesforce",
    SeedForm.KLAVIYO: "Klaviyo",
}  # fmt: skip


def issued_next(session: Session, after: int, made: int) -> list[Canary]:
    """Return so many addresses that were issued after one, in order of issue."""
    addresses = [line.address for line in issued_after(session, after, made, Among())]
    facts = canaries.find_canaries(session, addresses)
    return [facts[address] for address in addresses]


def seed_file(found: Iterable[Canary], form: SeedForm, *, spreadsheet: bool) -> Response:
    """Return addresses with their personas as a file to download."""
    table = seed_table(form, found)
    name = "canaries" if form is SeedForm.CSV else f"canaries-{form.value}"
    return csv_file(name, table.columns, table.rows, () if spreadsheet else table.own)
