"""`canary vendor ...`: whom addresses were given to."""

from typing import Annotated

import typer

from canary.cli.frame import Json, Trouble, settings, show_json, show_table

group = typer.Typer(help="Vendors: the parties you give addresses to.", no_args_is_help=True)

Domains = Annotated[list[str], typer.Option("--domain", help="A domain the vendor sends from; may be repeated.")]
Suppliers = Annotated[
    list[str] | None,
    typer.Option("--supplier", help="NAME or NAME:CHANNEL of a supplier it passes addresses to; may be repeated."),
]


@group.command()
def add(name: str, domain: Domains, supplier: Suppliers = None, as_json: Json = False) -> None:
    """Remember a vendor and the domains it sends from."""
    from canary.model.party import Supply
    from canary.run import clock, open_store, supplier_book
    from canary.store import vendors

    bad = [d for d in domain if "." not in d or "@" in d or " " in d]
    if bad:
        raise Trouble(f"--domain {bad[0]!r}: not a domain; give one such as shop.example", 2)
    shared = [d for d in domain if supplier_book().is_shared(d)]
    if shared:
        raise Trouble(
            f"--domain {shared[0]!r}: a platform of many senders, which proves none; give the vendor's own", 2
        )
    store = open_store(settings())
    store.migrate()
    with store.writing() as session:
        vendor = vendors.add_vendor(session, name, domain, clock())
        for named in supplier or []:
            who, _, channel = named.partition(":")
            known = vendors.add_supplier(session, who, clock())
            vendors.add_supply(session, Supply(vendor.slug, known.slug, channel or None))
    if as_json:
        show_json({"slug": vendor.slug, "name": vendor.name, "domains": vendor.domains})
    else:
        typer.echo(f"{vendor.slug}: {vendor.name} ({', '.join(vendor.domains)}). Next: canary issue {vendor.slug}")


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List all vendors."""
    from canary.run import open_store
    from canary.store import canaries, vendors

    store = open_store(settings())
    store.migrate()
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
def show(vendor: str, as_json: Json = False) -> None:
    """Show one vendor, its suppliers and its canaries."""
    from canary.run import open_store
    from canary.store import canaries, vendors

    store = open_store(settings())
    store.migrate()
    with store.reading() as session:
        found = vendors.get_vendor(session, vendor)
        supplies = [s for s in vendors.supplies(session) if s.vendor == found.slug]
        issued = canaries.list_canaries(session, found.slug)
    if as_json:
        show_json({
            "slug": found.slug, "name": found.name, "domains": found.domains,
            "suppliers": [{"id": s.supplier, "channel": s.channel, "from": s.since, "to": s.until} for s in supplies],
            "canaries": [c.address for c in issued],
        })  # fmt: skip
        return
    typer.echo(f"{found.name} ({found.slug}) sends from {', '.join(found.domains) or 'nowhere known'}")
    typer.echo("passes addresses to " + (", ".join(sorted({s.supplier for s in supplies})) or "nobody known"))
    rows = [(c.channel, c.generation, c.address, c.state, c.issued.date()) for c in issued]
    show_table(("channel", "gen", "address", "state", "issued"), rows, f"No canaries yet: canary issue {found.slug}")
