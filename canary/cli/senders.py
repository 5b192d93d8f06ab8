"""`canary sender ...`: who writes for which vendor, and the questions about it."""

from datetime import datetime
from typing import Annotated

import typer

from canary.cli.context import Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group
from canary.model.sender import Sender, SenderAnswer, SenderState

group = command_group("Senders: who is known to write for a vendor, and who waits for your answer.")

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Key = Annotated[
    str, typer.Argument(metavar="SENDER", help="The sender as it is listed: a domain, or PLATFORM/ACCOUNT.")
]
Of = Annotated[str | None, typer.Option("--vendor", help="Only senders of this vendor.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")]
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
def approve(vendor: Vendor, sender: Key, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Confirm that a sender writes for a vendor; its past mail is judged again."""
    _decide(vendor, sender, SenderAnswer.APPROVE, dry_run, as_json)


@group.command()
def deny(vendor: Vendor, sender: Key, dry_run: DryRun = False, as_json: Json = False) -> None:
    """State that a sender has nothing to do with a vendor; its past mail is judged again."""
    _decide(vendor, sender, SenderAnswer.DENY, dry_run, as_json)


@group.command()
def undo(vendor: Vendor, sender: Key, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Take your answer about a sender back; all is as if nobody had answered."""
    _decide(vendor, sender, SenderAnswer.UNDO, dry_run, as_json)


@group.command()
def asked(vendor: Vendor, as_json: Json = False) -> None:
    """List who wrote to a vendor's addresses lately and is charged or asked about, with what you can answer."""
    from canary.store.queries.vendors import vendor_row
    from canary.views.sender_words import words_of_hits
    from canary.views.vendor_pages import latest_at

    with open_store().reading() as session:
        owner = vendor_row(session, vendor)
        found = words_of_hits(session, latest_at(session, owner.id or 0, _LOOKED_AT), _LOOKED_AT)
    if as_json:
        show_json([
            {"vendor": w.vendor, "sender": w.key, "ground": w.ground.value, "state": w.state, "mails": w.mails,
             "mail": w.mail, "limit": w.limit}
            for w in found
        ])  # fmt: skip
        return
    rows = [(w.key or "(not proven)", w.state or "charged", w.mails, w.limit) for w in found]
    show_table(
        ("sender", "state", "mails", "before you approve it"), rows, "Nobody else wrote to its addresses lately."
    )
    if any(w.key for w in found):
        typer.echo(f"Whose is it? canary sender approve {vendor} SENDER, or canary sender deny {vendor} SENDER")


def _decide(vendor: str, sender: str, said: SenderAnswer, dry_run: bool, as_json: bool) -> None:
    from canary.cases import answers, past_mail
    from canary.cases.rehearsal import in_words, rehearse

    store, word = open_store(), past_mail.OwnerWord(who(), clock())
    if dry_run:
        outcome = rehearse(store, lambda session: answers.answer(session, vendor, sender, said, word))
    else:
        with store.writing() as session:
            outcome = answers.answer(session, vendor, sender, said, word)
        past_mail.work_off(store)
    if as_json:
        show_json({
            "vendor": vendor, "sender": sender, "state": _STATES[said], "looked": outcome.looked,
            "changed": outcome.changed, "opened": outcome.opened, "closed": outcome.closed, "freed": outcome.freed,
            "burned": outcome.burned, "waiting": outcome.waiting, "dry_run": dry_run,
        })  # fmt: skip
    elif dry_run:
        typer.echo(in_words(outcome))
    else:
        typer.echo(f"{sender} is {_STATES[said]} at {vendor}: {outcome}.")


_LOOKED_AT = 200
"""So many of the newest mails at a vendor's addresses are looked at."""

_STATES = {SenderAnswer.APPROVE: "learned", SenderAnswer.DENY: "denied", SenderAnswer.UNDO: "as before"}


def _plain(sender: Sender) -> dict[str, object]:
    return {
        "vendor": sender.vendor, "sender": sender.key, "state": sender.state.value, "proof": sender.proof.value,
        "first": sender.first, "last": sender.last, "mails": sender.count, "asked": sender.asked,
        "decided": sender.decided, "by": sender.by, "subject": sender.subject, "from": sender.name, "mail": sender.mail,
        "can_undo": bool(sender.before),
    }  # fmt: skip


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""
