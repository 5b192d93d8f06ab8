"""`canary issue`, `rotate`, `burn`, `published`, `canaries`: the addresses themselves."""

import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, print_error, settings, show_json, show_table, who
from canary.model.address import Locale
from canary.model.canary import Canary, Style

Address = Annotated[str, typer.Argument(help="An issued address.")]


class Format(StrEnum):
    """How issued addresses are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


_COLUMNS = (
    "address",
    "vendor",
    "channel",
    "generation",
    "style",
    "bits",
    "state",
    "issued",
    "given_name",
    "family_name",
    "phone",
    "company",
    "published",
    "published_set",
)


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
    locale: Annotated[
        Locale, typer.Option(help="Language of the name and number of the persona: en, de or fr.")
    ] = Locale.EN,
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
    order = IssueOrder(vendor, at, channel, style, mailbox, locale, published)
    parts = issue_in_parts(store, order, count, secrets.randbelow, clock)
    _print([canary for part in shown_progress(parts, count, "Issuing") for canary in part], form)


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
    from canary.store.queries import canaries

    if no and as_vendor:
        raise CliError("--no and --as-vendor: give one of them", 2)
    store, published = open_store(), None if as_vendor else not no
    with store.writing() as session:
        publication.set_published(session, address, published, secrets.randbelow, OwnerWord(who(), clock()))
    settle(store, clock())
    with store.reading() as session:
        marked = list(canaries.find_canaries(session, [address]).values())
    _print(marked, Format.JSON if as_json else Format.TABLE)


def list_canaries(
    vendor: Annotated[str | None, typer.Option(help="Only addresses of this vendor.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    with_decoys: Annotated[
        bool, typer.Option("--decoys", help="List the decoys instead; keep that list secret.")
    ] = False,
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
    _print(found, Format.JSON if as_json else form)


def _print(found: list[Canary], form: Format) -> None:
    rows = [_row(canary) for canary in found]
    if form is Format.JSON:
        show_json([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    elif form is Format.CSV:
        from canary.web.csv_file import csv_lines

        sys.stdout.writelines(csv_lines(_COLUMNS, rows))
    else:
        shown = [(*row[:7], "yes" if canary.published else "") for row, canary in zip(rows, found, strict=True)]
        show_table((*_COLUMNS[:7], "published"), shown, "No canaries yet: canary issue VENDOR")


def _row(canary: Canary) -> tuple[object, ...]:
    persona = canary.persona
    names = tuple(asdict(persona).values()) if persona else ("",) * 4
    return (
        canary.address, canary.vendor, canary.channel, canary.generation, canary.style.value, canary.bits,
        canary.state.value, canary.issued.isoformat(), *names, canary.published, canary.published_set,
    )  # fmt: skip
