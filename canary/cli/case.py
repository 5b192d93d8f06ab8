"""`canary cases`, `canary watching`, `canary case ...`: the suspected leaks, and what people decide about them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json, show_table, who
from canary.cli.groups import command_group
from canary.cli.times import read_time
from canary.model.case import CaseState
from canary.model.claim import ClaimCode
from canary.model.decision import Decision

if TYPE_CHECKING:
    from sqlmodel import Session

    from canary.attribute.summary import Conclusion
    from canary.store.tables import CaseRow

    Act = Callable[[Session, Decision], str]

group = command_group("Cases: the suspected leaks, what is known about them, and what you decide.")

Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="Number of the case.")]
Other = Annotated[
    int, typer.Argument(metavar="OTHER", min=1, max=2**31 - 1, help="Number of the case to merge into it.")
]
Note = Annotated[str, typer.Option("--note", help="Why; recorded in the timeline.")]


@group.command("list")
def list_cases(as_json: Json = False) -> None:
    """List all cases, newest first; `canary watching` lists what may become one."""
    from canary.cases import records
    from canary.cases.conclusions import conclusion_of, reasons_explained

    with open_store().reading() as session:
        found = [case for case in records.list_cases(session) if case.state != CaseState.WATCHED]
        hits, why = records.hits_of(session, [c.id or 0 for c in found]), reasons_explained(session, found)
    answers = {case.id: conclusion_of(case, why.get(case.id or 0, "")) for case in found}
    if as_json:
        show_json([_listed(case, answers[case.id], hits.get(case.id or 0, 0)) for case in found])
        return
    rows = [(c.id, _state(c), c.owner, answers[c.id].short, hits.get(c.id or 0, 0), c.opened_at.date()) for c in found]
    show_table(("case", "state", "assigned to", "answer", "hits", "opened"), rows, "No cases.")


def list_watched(as_json: Json = False) -> None:
    """List what may become a case, the likeliest first: what speaks for and against a leak, and what would settle it."""
    from canary.cases.conclusions import conclusion_of
    from canary.cli.case_words import watched_lines, watched_reasons
    from canary.views.case_lists import every_watched

    with open_store().reading() as session:
        found = list(every_watched(session))
    if as_json:
        show_json(
            [{**_listed(row, conclusion_of(row), line.case.hits), **watched_reasons(line)} for row, line in found]
        )
        return
    for _, line in found:
        for text in watched_lines(line):
            typer.echo(text)
    if not found:
        typer.echo("Nothing is watched.")


@group.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show a case: suspects, window, claims and evidence, what to do next, and the timeline."""
    found = _document(number)
    if as_json:
        show_json(found)
        return
    from canary.cli.case_words import print_case

    print_case(found)


@group.command("export")
def export_case(
    number: Number,
    form: Annotated[
        str, typer.Option("--format", help="json (everything), or to give it on: stix, misp, ocsf, cef.")
    ] = "json",
    with_addresses: Annotated[
        bool, typer.Option("--with-addresses", help="Give addresses on as they are, which burns them; else hashed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The form of the output anyway.")] = False,  # noqa: ARG001
) -> None:
    """Print everything about a case as one JSON document, with every hit, or what of it others may have."""
    from canary.cases import export

    if form != "json":
        typer.echo(_shared(number, form, with_addresses), nl=False)
        return
    document = _document(number)
    with open_store().reading() as session:
        show_json({**document, "hits": list(export.hits(session, number))})


@group.command("state")
def set_state(
    number: Number,
    state: Annotated[CaseState, typer.Argument(help="The new state.")],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Change the state of a case."""
    from canary.cases import workflow

    def act(session: "Session", decision: Decision) -> str:
        return workflow.set_state(session, number, state, decision).state

    _decide(number, act, note, as_json)


@group.command()
def assign(
    number: Number,
    user: Annotated[str, typer.Argument(help="Name of the user.", show_default=False)] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="Leave the case unassigned.")] = False,
    as_json: Json = False,
) -> None:
    """Assign a case to a user."""
    from canary.cases import workflow

    if nobody == bool(user.strip()):
        raise CliError(f"case {number}: name the user to assign it to, or give --nobody", 2)

    def act(session: "Session", decision: Decision) -> str:
        owner = workflow.set_assignee(session, number, user, decision).owner
        return f"assigned to {owner}" if owner else "unassigned"

    _decide(number, act, "", as_json)


@group.command("note")
def add_note(
    number: Number, text: Annotated[str, typer.Argument(help="What to remember.")], as_json: Json = False
) -> None:
    """Write a note into the timeline."""
    from canary.cases import workflow

    def act(session: "Session", decision: Decision) -> str:
        workflow.add_note(session, number, decision)
        return "noted"

    _decide(number, act, text, as_json)


@group.command("statement")
def add_statement(  # each option is a part of the statement
    number: Number,
    by: Annotated[str, typer.Option(help="Who made the statement.")],
    text: Annotated[str, typer.Argument(help="What was said, word for word.", show_default=False)] = "",
    claim: Annotated[
        list[str] | None, typer.Option(metavar="CLAIM", help=f"What it claims: {', '.join(ClaimCode)}.")
    ] = None,
    on: Annotated[str, typer.Option(metavar="TIME", help="When it was made, in UTC.", show_default="now")] = "",
    as_json: Json = False,
) -> None:
    """Record what a party said, and compare its claims with the evidence."""
    from canary.cases import statements
    from canary.model.claim import PartyStatement, read_claim

    claims, said_at = tuple(map(read_claim, claim or ())), read_time("--on", on) if on else None

    def act(session: "Session", decision: Decision) -> str:
        said = PartyStatement(by, said_at or decision.at, claims, text)
        statements.add_statement(session, number, said, decision)
        return f"statement of {by} recorded"

    _decide(number, act, "", as_json)


@group.command("link")
def link(
    number: Number,
    vendor: Annotated[
        str, typer.Argument(help="The vendor, as `canary vendor list` names it.", show_default=False)
    ] = "",
    days: Annotated[int, typer.Option(help="How long it is open.")] = 30,
    revoke: Annotated[int, typer.Option(metavar="LINK", help="Revoke this link instead.", show_default=False)] = 0,
    as_json: Json = False,
) -> None:
    """Make a link by which a vendor reads its part of a case and answers, or revoke one."""
    from canary.cases import vendor_link

    if bool(vendor) == bool(revoke):
        raise CliError(f"case {number}: name the vendor to make a link for, or give --revoke LINK", 2)
    if revoke:
        _decide(number, lambda s, d: vendor_link.revoke_link(s, number, revoke, d), "", as_json)
        return
    site = settings().web_url.rstrip("/")
    with open_store().writing() as session:
        row, token = vendor_link.make_link(session, number, vendor, days, Decision(who(), clock()))
    if as_json:
        show_json({"case": number, "link": row.id, "ends": row.ends, "url": f"{site}/answer/{token}"})
    else:
        typer.echo(f"{site}/answer/{token}\nlink {row.id} of case {number}, open until {row.ends:%Y-%m-%d %H:%M} UTC")


@group.command()
def aware(
    number: Number,
    since: Annotated[str, typer.Argument(metavar="TIME", help="When, in UTC unless it has a zone.")],
    as_json: Json = False,
) -> None:
    """Set when you became aware of a leak, which starts the 72 hours of the GDPR."""
    from canary.cases import workflow

    at = read_time("TIME", since)

    def act(session: "Session", decision: Decision) -> str:
        workflow.set_aware(session, number, at, decision)
        return f"aware since {at:%Y-%m-%d %H:%M} UTC"

    _decide(number, act, "", as_json)


@group.command()
def tick(
    number: Number,
    codes: Annotated[
        list[str], typer.Argument(metavar="CODE", help="Codes of the tasks, as `canary case show` lists them.")
    ],
    undo: Annotated[bool, typer.Option("--undo", help="Remove the ticks.")] = False,
    as_json: Json = False,
) -> None:
    """Tick tasks of the checklist."""
    from canary.cases import checklist

    def act(session: "Session", decision: Decision) -> str:
        for code in codes:
            checklist.tick(session, number, code, decision, done=not undo)
        return f"{'still to do' if undo else 'done'}: {', '.join(codes)}"

    _decide(number, act, "", as_json)


@group.command()
def merge(number: Number, other: Other, note: Note = "", as_json: Json = False) -> None:
    """Merge another case into a case."""
    from canary.cases import merge_split

    def act(session: "Session", decision: Decision) -> str:
        merge_split.merge(session, number, other, decision)
        return f"case {other} is part of it now"

    _decide(number, act, note, as_json)


@group.command()
def split(
    number: Number,
    part: Annotated[str, typer.Argument(help="What to split off: vendor:SLUG or campaign:NUMBER.")],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Make one vendor's hits, or one campaign, a separate case."""
    chosen = _part(part)

    def act(session: "Session", decision: Decision) -> str:
        return f"{part} is case {chosen(session, number, decision).id} now"

    _decide(number, act, note, as_json)


@group.command()
def undo(number: Number, note: Note = "", as_json: Json = False) -> None:
    """Undo the last merge or split of a case."""
    from canary.cases import merge_split

    def act(session: "Session", decision: Decision) -> str:
        move = merge_split.undo(session, number, decision)
        return f"the {move.kind} of cases {move.from_id} and {move.to_id} was taken back"

    _decide(number, act, note, as_json)


@group.command()
def rotate(
    number: Number,
    vendor: Annotated[str, typer.Argument(help="The vendor, as `canary vendor list` names it.")],
    as_json: Json = False,
) -> None:
    """Give a vendor new addresses for those that were hit; the old ones keep listening."""
    import secrets

    from canary.cases import checklist

    def act(session: "Session", decision: Decision) -> str:
        made = checklist.rotate_hit_addresses(session, number, vendor, secrets.randbelow, decision)
        return f"new for {vendor}: {' '.join(c.address for c in made)}" if made else f"{vendor} needs no new address"

    _decide(number, act, "", as_json)


@group.command()
def letter(
    number: Number,
    to: Annotated[
        str, typer.Argument(help="vendor:SLUG or supplier:SLUG; the first word alone where there is only one.")
    ],
    lang: Annotated[str, typer.Option(help="Language of the letter: en, de or fr.")] = "en",
    as_json: Json = False,
) -> None:
    """Print a letter to a vendor or supplier; nothing is sent."""
    from canary.cases import letters

    with open_store().reading() as session:
        addressee = _addressee(session, number, to)
        unwritten = letters.draft_letter(session, number, addressee, lang, clock())
    text = unwritten.write()
    if as_json:
        show_json({"case": number, "to": addressee, "language": lang, "text": text})
    else:
        typer.echo(text)


def _decide(number: int, act: "Act", note: str, as_json: bool) -> None:
    """Record a decision and print its result; as JSON, the case as it is then."""
    with open_store().writing() as session:
        line = act(session, Decision(who(), clock(), note))
    if as_json:
        show_json(_document(number))
    else:
        typer.echo(f"case {number}: {line}")


def _document(number: int) -> dict[str, object]:
    from canary.cases import export, workflow

    with open_store().reading() as session:
        return export.case_document(session, workflow.get_case(session, number), clock())


def _shared(number: int, form: str, plain: bool) -> str:
    from canary.cases.sharing.facts import shared_case
    from canary.cases.sharing.forms import WRITERS, ShareForm

    if form not in list(ShareForm):
        raise CliError(f"{form!r}: not a form; choose from json, {', '.join(ShareForm)}", 2)
    with open_store().reading() as session:
        return WRITERS[ShareForm(form)].write(shared_case(session, number, plain=plain))


def _part(part: str) -> "Callable[[Session, int, Decision], CaseRow]":
    from canary.cases import merge_split

    kind, _, name = part.partition(":")
    if kind == "vendor" and name:
        return lambda session, number, decision: merge_split.split_vendor(session, number, name, decision)
    if kind == "campaign" and name.isascii() and name.isdigit() and len(name) < 10:
        return lambda session, number, decision: merge_split.split_campaign(session, number, int(name), decision)
    raise CliError(f"{part!r}: not a part of a case; name what to split off, as vendor:SLUG or campaign:NUMBER", 2)


def _addressee(session: "Session", number: int, named: str) -> str:
    """Return the addressee of a letter; the kind alone is enough where the case concerns one of that kind."""
    from canary.cases import letters

    if ":" in named:
        return named
    every = [to for to, _ in letters.addressees(session, number)]
    alike = [to for to in every if to.startswith(f"{named}:")]
    if len(alike) != 1:
        raise CliError(f"{named!r}: not an addressee of case {number}; choose from {', '.join(every) or 'none'}", 2)
    return alike[0]


def _listed(case: "CaseRow", answer: "Conclusion", hits: int) -> dict[str, object]:
    from canary.attribute.summary import suspect_documents
    from canary.store.codec import suspects_of

    return {
        "id": case.id, "state": case.state, "outcome": case.outcome or None, "owner": case.owner or None,
        "merged_into": case.merged_into, "opened": case.opened_at, "last_hit": case.last_hit_at, "hits": hits,
        "summary": answer.headline, "leak": answer.leak, "suspects": suspect_documents(suspects_of(case.suspects)),
    }  # fmt: skip


def _state(case: "CaseRow") -> str:
    return f"part of {case.merged_into}" if case.merged_into else case.state
