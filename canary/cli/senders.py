"""`canary sender ...`: who writes for which vendor, and the questions about it."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group
from canary.model.case import percent
from canary.model.sender import Sender, SenderAnswer, SenderState

if TYPE_CHECKING:
    from canary.cases.rejudge import RejudgeOutcome

group = command_group("Senders: who is known to write for a vendor, and who waits for your answer.")

Vendor = Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")]
Key = Annotated[
    str, typer.Argument(metavar="SENDER", help="The sender as it is listed: a domain, or PLATFORM/ACCOUNT.")
]
Group = Annotated[str, typer.Argument(metavar="QUESTION", help="The question, as `canary sender list` names it.")]
Left = Annotated[
    list[str] | None,
    typer.Option("--except", metavar="VENDOR:SENDER", help="Leave this sender out; may be repeated."),
]
Of = Annotated[str | None, typer.Option("--vendor", help="Only senders of this vendor.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")]
In = Annotated[list[SenderState] | None, typer.Option("--state", help="Only senders in this state; may be repeated.")]


class Answer(StrEnum):
    """What the owner says of the senders of a question."""

    YES = "yes"
    NO = "no"


Said = Annotated[Answer, typer.Argument(metavar="yes|no", help="Whether they write for their vendors.")]


@group.command("list")
def list_all(vendor: Of = None, state: In = None, as_json: Json = False) -> None:
    """List senders, those waiting for your answer first, the most plausible of them leading."""
    from canary.senders import profile

    store = open_store()
    with store.reading() as session:
        found = profile.list_senders(session, vendor, state or tuple(SenderState), now=clock())
    if as_json:
        show_json([_plain(sender) for sender in found])
        return
    rows = [
        (s.state, s.vendor, s.key, s.count, _day(s.first), _day(s.last), _question(s), s.subject[:60]) for s in found
    ]
    columns = ("state", "vendor", "sender", "mails", "first", "last", "question", "first subject")
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


@group.command("answer")
def answer(question: Group, is_vendors: Said, left: Left = None, as_json: Json = False) -> None:
    """Answer a question for all its senders: whether they write for their vendors; their past mail is judged again."""
    from canary.cases import past_mail, question_answers

    state, store = SenderState.LEARNED if is_vendors is Answer.YES else SenderState.DENIED, open_store()
    with store.writing() as session:
        asked = question_answers.get_question(session, question, clock())
        only = _without([(member.vendor, member.key) for member in asked.members], left or (), question)
        outcome = question_answers.answer_question(session, asked, state, who(), clock(), only=only)
    past_mail.settle(store, clock())
    if as_json:
        senders = [{"vendor": vendor, "sender": key} for vendor, key in only]
        show_json({"question": question, "senders": senders, "state": state.value, **_effects(outcome)})
        return
    for vendor, key in only:
        typer.echo(f"{key} is {state.value} at {vendor}.")
    typer.echo(f"{outcome}.")


def _without(members: list[tuple[str, str]], left: Collection[str], question: str) -> list[tuple[str, str]]:
    strange = sorted(set(left) - {f"{vendor}:{key}" for vendor, key in members})
    if strange:
        raise CliError(f"--except {strange[0]!r}: not of question {question!r}; write VENDOR:SENDER as listed", 2)
    return [(vendor, key) for vendor, key in members if f"{vendor}:{key}" not in left]


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
        past_mail.settle(store, clock())
    if as_json:
        decided = {"vendor": vendor, "sender": sender, "state": _STATES[said]}
        show_json({**decided, **_effects(outcome), "dry_run": dry_run})
    elif dry_run:
        typer.echo(in_words(outcome))
    else:
        typer.echo(f"{sender} is {_STATES[said]} at {vendor}: {outcome}.")


def _effects(outcome: "RejudgeOutcome") -> dict[str, object]:
    return {
        "looked": outcome.looked, "changed": outcome.changed, "opened": outcome.opened, "closed": outcome.closed,
        "freed": outcome.freed, "burned": outcome.burned, "waiting": outcome.waiting,
    }  # fmt: skip


_LOOKED_AT = 200
"""So many of the newest mails at a vendor's addresses are looked at."""

_STATES = {SenderAnswer.APPROVE: "learned", SenderAnswer.DENY: "denied", SenderAnswer.UNDO: "as before"}


def _plain(sender: Sender) -> dict[str, object]:
    return {
        "vendor": sender.vendor, "sender": sender.key, "state": sender.state.value, "proof": sender.proof.value,
        "first": sender.first, "last": sender.last, "mails": sender.count, "asked": sender.asked,
        "decided": sender.decided, "by": sender.by, "subject": sender.subject, "from": sender.name, "mail": sender.mail,
        "can_undo": bool(sender.before),
        "group": sender.group if sender.state is SenderState.PENDING else None, "plausibility": sender.plausibility,
    }  # fmt: skip


def _question(sender: Sender) -> str:
    return f"{sender.group} ({percent(sender.plausibility)})" if sender.state is SenderState.PENDING else ""


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""
