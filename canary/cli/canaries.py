"""`canary issue`, `rotate`, `burn`, `confirm`, `dismiss`, `published`, `canaries`: the addresses themselves."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, print_error, settings, show_json, show_table, who
from canary.model.address import Locale
from canary.model.canary import Canary, Style
from canary.model.postal_address import PersonaPart

if TYPE_CHECKING:
    from canary.store.database import Database

Address = Annotated[str, typer.Argument(help="An issued address.")]


class Format(StrEnum):
    """How issued addresses are printed: as a table, or as a file with the columns that a mailing platform imports."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MAILCHIMP = "mailchimp"
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    KLAVIYO = "klaviyo"


_SHOWN = ("address", "vendor", "channel", "generation", "style", "bits", "state", "published")
Spreadsheet = Annotated[
    bool, typer.Option("--spreadsheet", help="Mark what a spreadsheet would calculate, such as phone numbers, as text.")
]


def issue(
    vendor: Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")],
    channel: Annotated[
        str, typer.Option(help="How the address is given away: signup, newsletter, order ...")
    ] = "signup",
    style: Annotated[Style, typer.Option(help="How the address looks.")] = Style.TAGGED,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many addresses.")] = 1,
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    domain: Annotated[
        str | None, typer.Option(help="Domain of the address; without it the first in the settings.")
    ] = None,
    mailbox: Annotated[str, typer.Option(help="The part before the + in plus style.")] = "me",
    locale: Annotated[Locale, typer.Option(help="Language and country of the persona: en, de or fr.")] = Locale.EN,
    parts: Annotated[
        list[PersonaPart] | None, typer.Option("--with", help="What else the persona has; may be repeated.")
    ] = None,
    spreadsheet: Spreadsheet = False,
    published: Annotated[
        bool | None,
        typer.Option(
            "--published/--no-published", help="Whether it will be shown in public; without it as its vendor's are."
        ),
    ] = None,
) -> None:
    """Issue new addresses to a vendor."""
    import secrets

    from canary.canaries.decoy_key import key_problem, prepare_key
    from canary.canaries.issuing import issue_in_parts
    from canary.canaries.lifecycle import IssueOrder
    from canary.cli.progress_bar import shown_progress

    known = settings()
    at = (domain or next(iter(known.domains), "")).lower()
    if not at or (known.domains and at not in known.domains):
        raise CliError(
            f"domain {at!r}: not among the domains in the settings ({', '.join(known.domains) or 'none'}); see `canary init`",
            2,
        )
    store = open_store(known)
    with store.writing() as session:
        print_error(prepare_key(session) if known.decoys.count else key_problem(session))
    order = IssueOrder(vendor, at, channel, style, mailbox, locale, published, frozenset(parts or ()))
    made = issue_in_parts(store, order, count, secrets.randbelow, clock)
    _print(
        [canary for part in shown_progress(made, count, "Issuing") for canary in part], form, spreadsheet=spreadsheet
    )


def rotate(address: Address, as_json: Json = False) -> None:
    """Issue the next generation of an address; the old one keeps listening."""
    import secrets

    from canary.canaries import lifecycle

    with open_store().writing() as session:
        made = lifecycle.rotate(session, address, secrets.randbelow, clock())
    _print([made], Format.JSON if as_json else Format.TABLE)


def burn(address: Address, as_json: Json = False) -> None:
    """Mark an address as leaked; it keeps listening."""
    from canary.canaries import lifecycle

    with open_store().writing() as session:
        marked = lifecycle.burn(session, address, clock())
    _print([marked], Format.JSON if as_json else Format.TABLE)


def confirm(
    address: Address,
    vendor: Annotated[str, typer.Option(help="Who was given it, where that is another than it was made for.")] = "",
    as_json: Json = False,
) -> None:
    """Confirm that an address which a program made was given away: what came to it counts from now on."""
    from canary.cases import confirmation
    from canary.cases.past_mail import OwnerWord, settle

    store = open_store()
    with store.writing() as session:
        confirmation.confirm(session, address, OwnerWord(who(), clock()), vendor)
    settle(store, clock())
    _print(_found(store, address), Format.JSON if as_json else Format.TABLE)


def dismiss(address: Address, as_json: Json = False) -> None:
    """Say that an address which a program made was given to nobody; it leaves the lists and keeps listening."""
    from canary.cases import confirmation
    from canary.cases.past_mail import OwnerWord

    store = open_store()
    with store.writing() as session:
        confirmation.dismiss(session, address, OwnerWord(who(), clock()))
    _print(_found(store, address), Format.JSON if as_json else Format.TABLE)


def set_published(
    address: Address,
    no: Annotated[bool, typer.Option("--no", help="It is not shown in public.")] = False,
    as_vendor: Annotated[
        bool, typer.Option("--as-vendor", help="It is shown in public if its vendor's addresses are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say that an address is shown in public, where strangers may collect it, which is no leak of the vendor."""
    import secrets

    from canary.cases import publication
    from canary.cases.past_mail import OwnerWord, settle

    if no and as_vendor:
        raise CliError("--no and --as-vendor: give one of them", 2)
    store, published = open_store(), None if as_vendor else not no
    with store.writing() as session:
        publication.set_published(session, address, published, secrets.randbelow, OwnerWord(who(), clock()))
    settle(store, clock())
    _print(_found(store, address), Format.JSON if as_json else Format.TABLE)


def list_canaries(
    vendor: Annotated[str | None, typer.Option(help="Only addresses of this vendor.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    with_decoys: Annotated[
        bool, typer.Option("--decoys", help="List the decoys instead; keep that list secret.")
    ] = False,
    spreadsheet: Spreadsheet = False,
    as_json: Json = False,
) -> None:
    """List all issued addresses."""
    from canary.canaries.decoy_key import key_problem
    from canary.store.queries import canaries

    store = open_store()
    with store.reading() as session:
        print_error(key_problem(session))
        if with_decoys:
            found = [canary for canary in canaries.issued_and_decoys(session, vendor) if canary.vendor is None]
        else:
            found = canaries.list_canaries(session, vendor)
    _print(found, Format.JSON if as_json else form, spreadsheet=spreadsheet)


def _found(store: "Database", address: str) -> list[Canary]:
    from canary.store.queries import canaries

    with store.reading() as session:
        return list(canaries.find_canaries(session, [address]).values())


def _print(found: list[Canary], form: Format, *, spreadsheet: bool = False) -> None:
    from canary.canaries.seed_records import SeedForm, seed_table

    if form is Format.TABLE:
        rows = [(*_facts(canary), "yes" if canary.published else "") for canary in found]
        show_table(_SHOWN, rows, "No canaries yet: canary issue VENDOR")
        return
    table = seed_table(SeedForm.CSV if form is Format.JSON else SeedForm(form.value), found)
    if form is Format.JSON:
        show_json([dict(zip(table.columns, row, strict=True)) for row in table.rows])
    else:
        from canary.web.csv_file import csv_lines

        sys.stdout.writelines(csv_lines(table.columns, table.rows, () if spreadsheet else table.own))


def _facts(canary: Canary) -> tuple[object, ...]:
    return (
        canary.address, canary.vendor, canary.channel, canary.generation, canary.style.value, canary.bits,
        "tentative" if canary.tentative else canary.state.value,
    )  # fmt: skip
