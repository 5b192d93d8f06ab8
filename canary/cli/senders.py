"""`canary sender ...`: who writes for which vendor, and the questions about it."""

from datetime import datetime
from typing import Annotated

import typer

from canary.cli.context import Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group
from canary.model.sender import Sender, SenderState

group = command_group("Senders: who is known to write for a vendor, and who waits for your answer.")

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Key = Annotated[
    str, typer.Argument(metavar="SENDER", help="The sender as it is listed: a domain, or PLATFORM/ACCOUNT.")
]
Of = Annotated[str | None, typer.Option("--vendor", help="Only senders of this vendor.")]
In = Annotated[list[SenderState] | None, typer.Option("--state", help="Only senders in this state; may be repeated.")]


@group.command("list")
def list_all(vendor: Of = None, state: In = None, as_json: Json = False) -> None:
    """List senders, those waiting for your answer first."""
    from canary.senders import profile

    store = open_store()
    with store.reading() as session:
        found = profile.list_senders(session, vendor, state or tuple(SenderState))
    if as_json:
        show_json([_plain(sender) for sender in found])
        return
    rows = [(s.state, s.vendor, s.key, s.count, _day(s.first), _day(s.last), s.subject[:60]) for s in found]
    columns = ("state", "vendor", "sender", "mails", "first", "last", "first subject")
    show_table(columns, rows, "No senders yet: they are learned from mail.")


@group.command()
def approve(vendor: Vendor, sender: Key, as_json: Json = False) -> None:
    """Confirm that a sender writes for a vendor; its past mail is judged again."""
    _decide(vendor, sender, SenderState.LEARNED, as_json)


@group.command()
def deny(vendor: Vendor, sender: Key, as_json: Json = False) -> None:
    """State that a sender has nothing to do with a vendor; its past mail is judged again."""
    _decide(vendor, sender, SenderState.DENIED, as_json)


def _decide(vendor: str, sender: str, state: SenderState, as_json: bool) -> None:
    from canary.cases import answers

    store = open_store()
    decide = answers.approve if state is SenderState.LEARNED else answers.deny
    with store.writing() as session:
        outcome = decide(session, vendor, sender, who(), clock())
    if as_json:
        show_json({
            "vendor": vendor, "sender": sender, "state": state.value, "looked": outcome.looked,
            "changed": outcome.changed, "opened": outcome.opened, "closed": outcome.closed,
        })  # fmt: skip
    else:
        typer.echo(f"{sender} is {state.value} at {vendor}: {outcome}.")


def _plain(sender: Sender) -> dict[str, object]:
    return {
        "vendor": sender.vendor, "sender": sender.key, "state": sender.state.value, "proof": sender.proof.value,
        "first": sender.first, "last": sender.last, "mails": sender.count, "asked": sender.asked,
        "decided": sender.decided, "by": sender.by, "subject": sender.subject, "from": sender.name, "mail": sender.mail,
    }  # fmt: skip


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""
