"""`canary vendor rename`, `merge`, `remove`: what hangs on a vendor is said first."""

from typing import Annotated

import typer

from canary.cli.context import Json
from canary.cli.party_changes import NewName, Yes, merge_party, remove_party, rename_party

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Into = Annotated[str, typer.Argument(help="The vendor of which it becomes a part.")]


def rename(vendor: Vendor, name: NewName, as_json: Json = False) -> None:
    """Give a vendor another name; its short name, which links and scripts use, stays, and past mail is judged again."""
    from canary.cases import vendor_changes

    rename_party(vendor_changes, "vendor", vendor, name, as_json=as_json)


def merge(vendor: Vendor, into: Into, yes: Yes = False, as_json: Json = False) -> None:
    """Merge a vendor into another: its addresses, mail, cases, domains and name become the other's; this stays so."""
    from canary.cases import vendor_changes

    merge_party(vendor_changes, "vendor", vendor, into, yes=yes, as_json=as_json)


def remove(vendor: Vendor, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a vendor that was given no address; one that was may write for ever, and can be merged into another."""
    from canary.cases import vendor_changes

    remove_party(vendor_changes, "vendor", vendor, yes=yes, as_json=as_json)
