"""`canary filter ...`: rules for the owner's own mailbox, from the senders that are known."""

from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import open_store
from canary.cli.groups import command_group

if TYPE_CHECKING:
    from canary.canaries.mailbox_filter import AddressHolder

group = command_group("Rules for your own mailbox: only who is known to write to an address may.")
Vendor = Annotated[str | None, typer.Option(help="Only addresses of this vendor.")]


@group.command()
def sieve(
    folder: Annotated[str, typer.Option(help="Folder for mail of all others.")] = "Suspect", vendor: Vendor = None
) -> None:
    """Print a Sieve script that puts mail from unknown senders into a folder."""
    from canary.canaries.mailbox_filter import sieve_script

    typer.echo(sieve_script(_holders(vendor), folder), nl=False)


@group.command()
def gmail(
    label: Annotated[str, typer.Option(help="Label for mail of all others, which skips the inbox.")] = "Suspect",
    vendor: Vendor = None,
) -> None:
    """Print filters for Gmail's Import filters that label mail from unknown senders."""
    from canary.canaries.mailbox_filter import gmail_filters

    typer.echo(gmail_filters(_holders(vendor), label), nl=False)


def _holders(vendor: str | None) -> "list[AddressHolder]":
    """Return the vendors with addresses; accounts at mail providers are left out, as a rule sees only domains."""
    from canary.canaries.mailbox_filter import AddressHolder
    from canary.store.queries import canaries, vendors

    store = open_store()
    with store.reading() as session:
        issued = canaries.list_canaries(session, vendor)
        known = {each.slug: each for each in vendors.list_vendors(session)}
    store.close()
    given: dict[str, list[str]] = {}
    for canary in issued:
        if canary.vendor:
            given.setdefault(canary.vendor, []).append(canary.address)
    return [
        AddressHolder(
            known[slug].name,
            tuple(sorted(addresses)),
            tuple(sorted({*known[slug].domains, *(s for s in known[slug].senders if "/" not in s)})),
        )
        for slug, addresses in sorted(given.items())
    ]
