"""`canary supplier ...`: the parties that vendors pass addresses on to, and the domains that prove each."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.alias_file import print_lines
from canary.cli.context import CliError, Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group
from canary.cli.party_changes import NewName, Yes, merge_party, remove_party, rename_party

if TYPE_CHECKING:
    from canary.model.party import Supplier

group = command_group("Suppliers: the parties that vendors pass addresses on to, and the domains that prove each.")

Slug = Annotated[str, typer.Argument(metavar="SUPPLIER", help="The supplier, as `canary supplier list` names it.")]
Domains = Annotated[
    list[str], typer.Option("--domain", metavar="DOMAIN", help="A domain it signs as or bounces to; may be repeated.")
]
Gone = Annotated[
    list[str], typer.Option("--domain", metavar="DOMAIN", help="Only withdraw this domain; may be repeated.")
]


@group.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")], domain: Domains, as_json: Json = False
) -> None:
    """Add a supplier, or domains to one that is there: mail that they prove was carried by it."""
    from canary.senders import declared_suppliers

    try:
        with open_store().writing() as session:
            found = declared_suppliers.declare(session, name, domain, who(), clock())
    except ValueError as fault:
        raise CliError(f"--domain: {fault}", 2) from None
    _show(found, as_json=as_json)


@group.command()
def rename(supplier: Slug, name: NewName, as_json: Json = False) -> None:
    """Give a supplier another name; its short name, which links and scripts use, stays."""
    from canary.cases import supplier_changes

    rename_party(supplier_changes, "supplier", supplier, name, as_json=as_json)


@group.command()
def merge(
    supplier: Slug, into: Annotated[str, typer.Argument(help="The supplier of which it becomes a part.")],
    yes: Yes = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Merge a supplier into another: its domains, and what vendors pass to it, become the other's; this stays so."""
    from canary.cases import supplier_changes

    merge_party(supplier_changes, "supplier", supplier, into, yes=yes, as_json=as_json)


@group.command()
def remove(supplier: Slug, domain: Gone = [], yes: Yes = False, as_json: Json = False) -> None:  # noqa: B006
    """Remove a supplier that no mail shows, or with --domain only withdraw domains of it; what mail has shown stays."""
    from canary.cases import supplier_changes
    from canary.senders import declared_suppliers

    if not domain:
        remove_party(supplier_changes, "supplier", supplier, yes=yes, as_json=as_json)
        return
    with open_store().writing() as session:
        found = declared_suppliers.withdraw(session, supplier, domain, who(), clock())
    _show(found, as_json=as_json)


@group.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV file of name,domains, or TOML file with [[supplier]] entries.")],
    as_json: Json = False,
) -> None:
    """Add suppliers, or domains to those that are there, from a file; a second time changes nothing."""
    from canary.cli.vendor_file import read_suppliers, resembling
    from canary.senders import declared_suppliers
    from canary.store.queries.vendors import supplier_names

    entries = read_suppliers(file)
    try:
        with open_store().writing() as session:
            print_lines(resembling("supplier", [e.name for e in entries], supplier_names(session).values()))
            found = [declared_suppliers.declare(session, e.name, e.domains, who(), clock()) for e in entries]
    except ValueError as fault:
        raise CliError(f"{file}: {fault}", 2) from None
    if as_json:
        show_json([_plain(supplier) for supplier in found])
    else:
        typer.echo(f"{len(found)} suppliers read.")


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List all suppliers, those that mail showed and those that you declared."""
    from canary.store.queries.suppliers import list_suppliers

    with open_store().reading() as session:
        found = list_suppliers(session)
    if as_json:
        show_json([_plain(supplier) for supplier in found])
        return
    rows = [(supplier.slug, supplier.name, " ".join(supplier.domains)) for supplier in found]
    show_table(
        ("supplier", "name", "domains you declared"), rows, "No suppliers yet: canary supplier add NAME --domain D"
    )


@group.command()
def show(supplier: Slug, as_json: Json = False) -> None:
    """Show one supplier: its declared domains, and which vendors pass addresses to it."""
    from canary.store.queries.suppliers import get_supplier
    from canary.views.supplier_pages import supplier_page

    with open_store().reading() as session:
        found = get_supplier(session, supplier)
        page = supplier_page(session, found.slug)
    given = page.supplies if page else ()
    if as_json:
        vendors = [
            {"vendor": s.slug, "channel": s.channel, "account": s.account, "hit": s.hit, "quiet": s.quiet}
            for s in given
        ]
        show_json({**_plain(found), "vendors": vendors})
        return
    _show(found, as_json=False)
    rows = [(s.slug, s.channel or "every channel", s.account, s.hit, s.quiet) for s in given]
    show_table(("vendor", "channel", "account", "hit", "quiet"), rows, "No vendor passes addresses to it.")


def _plain(supplier: "Supplier") -> dict[str, object]:
    return {"slug": supplier.slug, "name": supplier.name, "domains": supplier.domains}


def _show(supplier: "Supplier", *, as_json: bool) -> None:
    if as_json:
        show_json(_plain(supplier))
    else:
        typer.echo(f"{supplier.slug}: {supplier.name} ({', '.join(supplier.domains) or 'no domain declared'})")
