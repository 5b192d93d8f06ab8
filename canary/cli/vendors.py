"""`canary vendor ...`: the parties that addresses were given to."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli import vendor_changes
from canary.cli.alias_file import print_lines
from canary.cli.context import CliError, Json, clock, open_store, settings, show_json, show_table, who
from canary.cli.groups import command_group
from canary.cli.times import midnight, read_day

if TYPE_CHECKING:
    from sqlmodel import Session

    from canary.cli.vendor_file import VendorEntry

group = command_group("Vendors: the parties you give addresses to.")
suppliers = command_group("Suppliers: the parties a vendor passes addresses on to.")
group.add_typer(suppliers, name="supplier")

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Supplier = Annotated[str, typer.Argument(help="The supplier.")]
Domains = Annotated[
    list[str], typer.Option("--domain", metavar="DOMAIN", help="A domain the vendor sends from; may be repeated.")
]
Suppliers = Annotated[
    list[str] | None,
    typer.Option(
        "--supplier", metavar="NAME", help="NAME or NAME:CHANNEL of a supplier it passes addresses to; may be repeated."
    ),
]
Ends = Annotated[str | None, typer.Option(metavar="DATE", help="A day such as 2026-05-01, or `never`.")]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", help="A word to group vendors by, which alert routes can use; may be repeated."
    ),
]
Channel = Annotated[str | None, typer.Option(help="Only the addresses of this channel.")]
Day = Annotated[str | None, typer.Option(metavar="DATE", help="A day such as 2026-05-01.")]


Brands = Annotated[
    list[str] | None, typer.Option("--brand", metavar="NAME", help="Another name it writes under; may be repeated.")
]
_SHOWS = "It shows its addresses in public, where strangers may collect them."


@group.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    domain: Domains,
    supplier: Suppliers = None,
    brand: Brands = None,
    tag: Tags = None,
    publishes: Annotated[bool, typer.Option("--publishes", help=_SHOWS)] = False,
    as_json: Json = False,
) -> None:
    """Add a vendor, the domains it sends from and the names it writes under."""
    from canary.model.party import SupplierLink
    from canary.store.queries import vendor_tags, vendors

    _check(domain)
    store = open_store()
    with store.writing() as session:
        vendor = vendors.add_vendor(session, name, domain, clock(), publishes=publishes)
        for named in supplier or []:
            title, _, channel = named.partition(":")
            known = vendors.add_supplier(session, title, clock())
            vendors.add_supply(session, SupplierLink(vendor.slug, known.slug, channel or None))
        vendors.add_brands(session, vendor.slug, brand or [], clock())
        vendor_tags.add_tags(session, vendor.slug, tag or [])
    if as_json:
        show_json({"slug": vendor.slug, "name": vendor.name, "domains": vendor.domains})
    else:
        typer.echo(f"{vendor.slug}: {vendor.name} ({', '.join(vendor.domains)}). Next: canary issue {vendor.slug}")


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List all vendors."""
    from canary.store.queries import canaries, vendors

    store = open_store()
    with store.reading() as session:
        issued = [c.vendor for c in canaries.list_canaries(session)]
        known = vendors.list_vendors(session)
    if as_json:
        show_json(
            [{"slug": v.slug, "name": v.name, "domains": v.domains, "canaries": issued.count(v.slug)} for v in known]
        )
    else:
        rows = [(v.slug, v.name, " ".join(v.domains), issued.count(v.slug)) for v in known]
        show_table(("vendor", "name", "domains", "canaries"), rows, "No vendors yet: canary vendor add NAME --domain D")


@group.command()
def show(vendor: Vendor, as_json: Json = False) -> None:
    """Show one vendor: its suppliers, its canaries, when it should fall silent, and what happened."""
    from canary.store.queries import audit, canaries, vendor_tags, vendors

    store = open_store()
    with store.reading() as session:
        found = vendors.get_vendor(session, vendor)
        words = vendor_tags.by_vendor(session, [found.slug]).get(found.slug, ())
        issued = canaries.list_canaries(session, found.slug)
        happened = audit.timeline(session, vendors.vendor_row(session, vendor).id or 0)
    ends = found.endings
    grace = None if ends.grace is None else ends.grace.days
    if as_json:
        show_json({
            "slug": found.slug, "name": found.name, "domains": found.domains, "brands": found.brands, "tags": words,
            "suppliers": [
                {"id": s.supplier, "channel": s.channel, "from": s.since, "to": s.until, "account": s.account,
                 "through": s.through, "origin": "learned" if s.learned else "declared"}
                for s in found.supplies
            ],
            "contract_ends": ends.contract, "erasure_requested": ends.erasure, "unsubscribed": ends.unsubscribed,
            "grace_days": grace, "publishes": found.publishes, "canaries": [c.address for c in issued],
            "events": [{"at": e.at, "kind": e.kind, "who": e.who, "text": e.text} for e in happened],
        })  # fmt: skip
        return
    typer.echo(f"{found.name} ({found.slug}) sends from {', '.join(found.domains) or 'no known domain'}")
    if found.brands:
        typer.echo("also writes as " + ", ".join(found.brands))
    if words:
        typer.echo("tagged " + ", ".join(words))
    if found.publishes:
        typer.echo("shows its addresses in public")
    told = {"contract ends": ends.contract, "erasure requested": ends.erasure, "unsubscribed": ends.unsubscribed}
    for name, at in told.items():
        if at:
            typer.echo(f"{name} {at:%Y-%m-%d}")
    typer.echo(
        "passes addresses to " + (", ".join(sorted({s.supplier for s in found.supplies})) or "no known supplier")
    )
    rows = [(c.channel, c.generation, c.address, c.state, c.issued.date()) for c in issued]
    show_table(("channel", "gen", "address", "state", "issued"), rows, f"No canaries yet: canary issue {found.slug}")
    lines = [(f"{e.at:%Y-%m-%d}", e.who, e.text) for e in happened[:20]]
    show_table(("when", "who", "what happened"), lines, "Nothing has happened yet.")


@group.command("set")
def set_facts(
    vendor: Vendor,
    contract_ends: Ends = None,
    erasure_requested: Ends = None,
    unsubscribed: Ends = None,
    grace_days: Annotated[
        int | None, typer.Option(min=-1, max=3650, help="Days of grace after that; -1 for the default.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option("--domain", metavar="DOMAIN", help="Another domain it sends from; may be repeated."),
    ] = None,
    drop_domain: Annotated[
        list[str] | None,
        typer.Option("--drop-domain", metavar="DOMAIN", help="A domain it does not send from; may be repeated."),
    ] = None,
    brand: Brands = None,
    drop_brand: Annotated[
        list[str] | None,
        typer.Option("--drop-brand", metavar="NAME", help="A name it does not write under; may be repeated."),
    ] = None,
    tag: Tags = None,
    untag: Annotated[
        list[str] | None, typer.Option("--untag", metavar="TAG", help="A tag to remove; may be repeated.")
    ] = None,
    publishes: Annotated[bool | None, typer.Option("--publishes/--no-publishes", help=_SHOWS)] = None,
    as_json: Json = False,
) -> None:
    """Set when a vendor should fall silent, its domains, names and tags, whether it publishes; past mail is judged again."""
    from canary.cases.past_mail import settle
    from canary.store.queries import vendor_tags

    ends = {
        "contract": ("--contract-ends", contract_ends), "erasure": ("--erasure-requested", erasure_requested),
        "unsubscribed": ("--unsubscribed", unsubscribed),
    }  # fmt: skip
    told = {name: _end(*option) for name, option in ends.items() if option[1] is not None}
    family = (domain or [], drop_domain or [], brand or [], drop_brand or [])
    if not (told or any(family) or tag or untag) and grace_days is None and publishes is None:
        raise CliError(f"vendor {vendor!r}: nothing to set; give --erasure-requested DATE or another option", 2)
    _check(domain or [])
    store = open_store()
    with store.writing() as session:
        changed = _set(session, vendor, told, grace_days, publishes) + _set_family(session, vendor, *family)
        vendor_tags.add_tags(session, vendor, tag or [])
        vendor_tags.drop_tags(session, vendor, untag or [])
    settle(store, clock())
    if as_json:
        show_json({"vendor": vendor, "changed": changed})
    else:
        typer.echo(f"{vendor}: {changed} mails judged again.")


@group.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="TOML file with [[vendor]] entries, or a CSV file with a line of columns.")
    ],
    as_json: Json = False,
) -> None:
    """Add or update vendors from a file, TOML or CSV; a second time changes nothing."""
    from canary.cases.past_mail import settle
    from canary.cli.vendor_file import read_file

    entries = read_file(file)
    _check([domain for entry in entries for domain in entry.domains])
    store = open_store()
    with store.writing() as session:
        print_lines(_resembling(session, entries))
        imported = [{"slug": slug, "new": new} for slug, new in (_import(session, entry) for entry in entries)]
    settle(store, clock())
    if as_json:
        show_json(imported)
    else:
        new = sum(bool(vendor["new"]) for vendor in imported)
        typer.echo(f"{len(imported)} vendors read, {new} of them new.")


for change in (vendor_changes.rename, vendor_changes.merge, vendor_changes.remove):
    group.command()(change)


@suppliers.command("add")
def add_supplier(
    vendor: Vendor, supplier: Supplier, channel: Channel = None,
    account: Annotated[str, typer.Option(help="The vendor's account there; mail from that account is the vendor's own.")] = "",
    since: Day = None, until: Day = None,
) -> None:  # fmt: skip
    """Record that a vendor passes addresses on to a supplier; past mail of the account is judged again."""
    from canary.cases.past_mail import settle

    facts = (
        channel,
        account,
        read_day("--since", since) if since else None,
        read_day("--until", until) if until else None,
    )
    store = open_store()
    with store.writing() as session:
        slug = _supply(session, vendor, supplier, facts)
    settle(store, clock())
    typer.echo(f"{vendor} passes {f'the addresses of {channel}' if channel else 'its addresses'} to {slug}.")


@suppliers.command("remove")
def remove_supplier(vendor: Vendor, supplier: Supplier, channel: Channel = None) -> None:
    """Remove a supplier from a vendor."""
    from canary.cases import answers
    from canary.cases.past_mail import settle

    store = open_store()
    with store.writing() as session:
        answers.drop_supply(session, vendor, supplier, channel, who(), clock())
    settle(store, clock())
    typer.echo(
        f"{vendor} no longer passes {f'the addresses of {channel}' if channel else 'its addresses'} to {supplier}."
    )


def _set(
    session: "Session", vendor: str, told: dict[str, datetime | None], grace_days: int | None, publishes: bool | None
) -> int:
    from canary.cases import end_dates, publication
    from canary.cases.past_mail import OwnerWord

    outcome = end_dates.set_endings(session, vendor, told, who(), clock())
    if grace_days is not None:
        outcome.add(end_dates.set_grace(session, vendor, None if grace_days < 0 else grace_days, who(), clock()))
    if publishes is not None:
        outcome.add(publication.set_publishes(session, vendor, publishes, OwnerWord(who(), clock())))
    return outcome.changed + outcome.waiting


def _import(session: "Session", entry: "VendorEntry") -> tuple[str, bool]:
    """Add or update one vendor of a file; what the file leaves out stays as it is."""
    from canary.store.queries import vendor_tags, vendors

    slug = vendors.named_slug(session, entry.name)
    new = not slug
    if new:
        slug = vendors.add_vendor(session, entry.name, entry.domains, clock()).slug
    for supplier in entry.suppliers:
        facts = (supplier.channel, supplier.account, _midnight(supplier.since), _midnight(supplier.until))
        _supply(session, slug, supplier.name, facts)
    ends = {"contract": entry.contract_ends, "erasure": entry.erasure_requested, "unsubscribed": entry.unsubscribed}
    told = {name: _midnight(day) for name, day in ends.items() if day is not None}
    _set(session, slug, told, entry.grace_days, entry.publishes)
    _set_family(session, slug, list(entry.domains), [], list(entry.brands), [])
    vendor_tags.add_tags(session, slug, entry.tags)
    return slug, new


def _resembling(session: "Session", entries: "Sequence[VendorEntry]") -> list[str]:
    """Return for each new vendor, supplier and channel whether one that is there already was meant."""
    from canary.cli.vendor_file import resembling
    from canary.store.queries import vendors

    supplies = [supply for entry in entries for supply in entry.suppliers]
    links = vendors.supplies(session)
    named = (
        ("vendor", [entry.name for entry in entries], vendors.vendor_names(session).values()),
        ("supplier", [supply.name for supply in supplies], vendors.supplier_names(session).values()),
        ("channel", [supply.channel for supply in supplies if supply.channel], [s.channel for s in links if s.channel]),
    )
    return [line for what, told, known in named for line in resembling(what, told, known)]


def _supply(
    session: "Session", vendor: str, supplier: str, facts: tuple[str | None, str, datetime | None, datetime | None]
) -> str:
    from canary.cases import answers
    from canary.model.party import SupplierLink
    from canary.store.queries import vendors

    channel, account, since, until = facts
    slug = vendors.slug(supplier)
    supply = SupplierLink(vendor, slug, channel, since, until, account)
    answers.declare_supply(session, supply, supplier, who(), clock())
    return slug


def _set_family(
    session: "Session", vendor: str, domains: list[str], gone: list[str], brands: list[str], dropped: list[str]
) -> int:
    """Change which domains and names are a vendor's; return how many past mails are, or will be, judged again."""
    from canary.cases import answers

    steps = (
        (answers.declare_domains, domains), (answers.retract_domains, gone), (answers.add_brands, brands),
        (answers.drop_brands, dropped),
    )  # fmt: skip
    done = [act(session, vendor, what, who(), clock()) for act, what in steps if what]
    return sum(outcome.changed or outcome.waiting for outcome in done)


def _check(domains: Iterable[str]) -> None:
    from canary.judge.organisation import is_domain
    from canary.processes.judging import own_book

    bad = [d for d in domains if not is_domain(d)]
    if bad:
        raise CliError(f"--domain {bad[0]!r}: not a domain; give one such as shop.example", 2)
    book = own_book(settings().judge)
    shared = [d for d in domains if book.is_shared(d)]
    if shared:
        raise CliError(
            f"--domain {shared[0]!r}: a platform of many senders, which proves none; give the vendor's own", 2
        )


def _end(option: str, text: str | None) -> datetime | None:
    """Read a day; what should never end has none."""
    return None if text in (None, "never") else read_day(option, text)


def _midnight(day: date | None) -> datetime | None:
    return midnight(day) if day else None
