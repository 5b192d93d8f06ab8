"""`canary campaign ...`: which mails belong to one sending and why, and what people decided instead."""

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, show_json, show_table
from canary.cli.groups import command_group
from canary.model.decision import Decision

if TYPE_CHECKING:
    from canary.views.campaign_pages import CampaignLine, CampaignPage

group = command_group("Campaigns: which mails belong to one sending, and why.")
Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number of the campaign.")]
Numbers = Annotated[list[int], typer.Argument(min=1, max=2**31 - 1, help="Numbers of the campaigns.")]
Mails = Annotated[
    list[int], typer.Argument(min=1, max=2**31 - 1, help="Numbers of the mails, as `canary campaign show` lists them.")
]
Note = Annotated[str, typer.Option("--note", help="Why; kept with your name.")]
Who = Annotated[str, typer.Option("--who", help="Who decided.", show_default="your login name")]


@group.command("list")
def list_all(
    as_json: Json = False,
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only campaigns with a lower number.")] = None,
) -> None:
    """List campaigns, newest first."""
    from canary.views.campaign_pages import campaign_list

    store = open_store()
    with store.reading() as session:
        lines, further = campaign_list(session, before, most)
    if as_json:
        show_json([_line(line) for line in lines])
        return
    rows = [
        (c.id, c.subject[:60], c.mails, c.canaries, ", ".join(name for _, name in c.vendors), c.first_at.date(), c.last_at.date())
        for c in lines
    ]  # fmt: skip
    show_table(("campaign", "subject", "mails", "canaries", "vendors", "first", "last"), rows, "No campaigns yet.")
    if further:
        typer.echo(f"More: canary campaign list --before {further}")


@group.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show a campaign: what its mails share, what linked each of them, and what people decided."""
    from canary.views.campaign_pages import campaign_page

    store = open_store()
    with store.reading() as session:
        page = campaign_page(session, number)
    if page is None:
        raise CliError(f"campaign {number}: there is none; see `canary campaign list`")
    if as_json:
        show_json(_document(page))
        return
    _print(page)


@group.command()
def merge(numbers: Numbers, note: Note = "", who: Who = "", as_json: Json = False) -> None:
    """Join campaigns into one; later mails respect it."""
    from canary.cases import campaign_decisions

    store = open_store()
    with store.writing() as session:
        word = Decision(who or getpass.getuser(), clock(), note)
        campaign = campaign_decisions.merge(session, numbers, word)
    if as_json:
        show_json({"campaign": campaign.id, "mails": campaign.mails})
    else:
        typer.echo(f"campaign {campaign.id}: {campaign.mails} mails")


@group.command()
def split(number: Number, mails: Mails, note: Note = "", who: Who = "", as_json: Json = False) -> None:
    """Make some mails of a campaign a separate campaign; later mails respect it."""
    from canary.cases import campaign_decisions

    store = open_store()
    with store.writing() as session:
        word = Decision(who or getpass.getuser(), clock(), note)
        other = campaign_decisions.split(session, number, mails, word)
        left = campaign_decisions.get_campaign(session, number)
    if as_json:
        show_json({"campaign": other.id, "mails": other.mails, "from": left.id, "left": left.mails})
    else:
        typer.echo(f"campaign {other.id}: {other.mails} mails, split off campaign {left.id}, which keeps {left.mails}")


def _line(line: "CampaignLine") -> dict[str, object]:
    return {
        "id": line.id, "subject": line.subject, "first": line.first_at, "last": line.last_at, "mails": line.mails,
        "canaries": line.canaries, "vendors": [slug for slug, _ in line.vendors], "cases": list(line.cases),
    }  # fmt: skip


def _document(page: "CampaignPage") -> dict[str, object]:
    return {
        **_line(page.line),
        "shared": [{"kind": kind, "value": value, "mails": count} for kind, value, count in page.shared],
        "read": page.read,
        "linked": [
            {
                "mail": mail.id, "at": mail.at, "subject": mail.subject, "sender": mail.sender, "proven": mail.proven,
                "by": [{"kind": kind, "value": value} for kind, value in mail.by],
            }
            for mail in page.mails
        ],
        "words": [asdict(word) for word in page.words],
    }  # fmt: skip


def _print(page: "CampaignPage") -> None:
    line = page.line
    typer.echo(
        f"campaign {line.id}: {line.mails} mails at {line.canaries} canaries, {line.first_at:%Y-%m-%d} to {line.last_at:%Y-%m-%d}"
    )
    shared = [(kind, value, f"{count} of {page.read}") for kind, value, count in page.shared]
    show_table(("what they share", "value", "mails"), shared, "No two mails share a feature.")
    linked = [
        (
            mail.id,
            mail.at.isoformat(),
            mail.subject[:60],
            mail.sender,
            ", ".join(f"{kind} {value}" for kind, value in mail.by),
        )
        for mail in page.mails
    ]
    show_table(("mail", "when", "subject", "claims to be from", "linked by"), linked, "It has no mails.")
    said = [
        (word.at.isoformat(), word.who, "one" if word.one else "not one", f"{word.campaign}, {word.other}", word.note,
         "lifted" if word.lifted else "")
        for word in page.words
    ]  # fmt: skip
    if said:
        show_table(("when", "who", "said", "campaigns", "why", ""), said, "")
