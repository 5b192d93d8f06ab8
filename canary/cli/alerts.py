"""`canary alert ...`: destinations, messages and whether they arrived, and what is muted."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json, show_table, who
from canary.cli.groups import command_group
from canary.cli.times import read_day

group = command_group("Alerts: test destinations, list messages, send failed ones again, mute.")

Subject = Annotated[
    str, typer.Argument(metavar="CASE|VENDOR", help="Number of a case, or a vendor as `canary vendor list` names it.")
]
State = Annotated[Literal["waiting", "sent", "dead", "muted"] | None, typer.Option(help="Only messages in this state.")]


@group.command("test")
def try_all(
    destination: Annotated[list[str] | None, typer.Argument(help="Names of destinations; all without one.")] = None,
    as_json: Json = False,
) -> None:
    """Send a test message to every destination, without retries; exit 1 when one did not arrive."""
    from canary.alerts.test_send import test_send
    from canary.processes.build import delivery_context, destinations_in_force

    known = settings()
    desk = destinations_in_force(known)(delivery_context(known, open_store(known)))
    if not desk.targets:
        raise CliError("alert.destinations: none is set; add one in the browser (Setup), or to canary.toml", 2)
    strange = [name for name in destination or [] if desk.target(name) is None]
    if strange:
        raise CliError(f"{strange[0]}: no such destination; there are {', '.join(t.name for t in desk.targets)}", 2)
    names = destination or [target.name for target in desk.targets]
    faults = {name: test_send(desk, name) for name in names}
    desk.http.close()
    if as_json:
        show_json([{"destination": name, "arrived": not fault, "fault": fault} for name, fault in faults.items()])
    else:
        for name, fault in faults.items():
            typer.echo(f"{name}: {fault or 'arrived'}", err=bool(fault))
    if any(faults.values()):
        raise typer.Exit(1)


@group.command("list")
def list_all(
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List the newest messages, where they went and whether they arrived."""
    from canary.store.queries import outbox

    store = open_store()
    with store.reading() as session:
        found = [
            {"delivery": d.id, "id": d.fact.id, "kind": d.fact.kind, "case": d.fact.case, "vendor": d.fact.vendor,
             "joined": d.joined, "to": d.destination, "state": d.state, "tries": d.tries, "due": d.due,
             "sent": d.sent, "fault": d.fault}
            for d in outbox.deliveries(session, state=state, limit=limit)
        ]  # fmt: skip
    if as_json:
        show_json(found)
    else:
        columns = ("delivery", "kind", "case", "vendor", "joined", "to", "state", "tries", "fault")
        show_table(columns, [[row[c] for c in columns] for row in found], "No alerts yet.")


@group.command()
def retry(
    delivery: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers of deliveries, as `canary alert list` shows them; all that failed without one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send failed messages again."""
    from canary.store.queries import outbox

    store = open_store()
    with store.writing() as session:
        for number in delivery or []:
            outbox.retry(session, number, clock())
        count = len(delivery) if delivery else outbox.revive(session, clock())
    if as_json:
        show_json({"again": count})
    else:
        typer.echo(f"{count} to be sent again")


@group.command()
def mute(subject: Subject) -> None:
    """Send no more alerts about a case or vendor; what happens is still recorded and shown on the dashboard."""
    from canary.store.queries import mutes

    store = open_store()
    with store.writing() as session:
        mutes.mute(session, _subject(subject), who(), clock())
    typer.echo(f"{_subject(subject)}: muted until `canary alert unmute {subject}`")


@group.command()
def snooze(
    subject: Subject,
    until: Annotated[
        str,
        typer.Argument(metavar="UNTIL", help="How long, such as 4h, 3d or 2w, or until which day, such as 2026-05-01."),
    ],
) -> None:
    """Hold back alerts about a case or vendor until a time, then send them as one message."""
    from canary.store.queries import mutes

    end = _time(until, clock())
    store = open_store()
    with store.writing() as session:
        mutes.snooze(session, _subject(subject), end, who(), clock())
    typer.echo(f"{_subject(subject)}: no alerts until {end:%Y-%m-%d %H:%M} UTC")


@group.command()
def unmute(subject: Subject) -> None:
    """Send alerts about a case or vendor again."""
    from canary.store.queries import mutes

    store = open_store()
    with store.writing() as session:
        mutes.unmute(session, _subject(subject), who(), clock())
    typer.echo(f"{_subject(subject)}: alerts are sent again")


@group.command("ack")
def acknowledge(case: Annotated[int, typer.Argument(help="Number of the case.", min=1, max=2**31 - 1)]) -> None:
    """Acknowledge a case, which ends its reminders."""
    from canary.cases import case_alerts

    store = open_store()
    with store.writing() as session:
        case_alerts.acknowledge(session, case, who(), clock())
    typer.echo(f"case {case}: no more reminders")


@group.command("muted")
def list_muted(as_json: Json = False) -> None:
    """List what is muted or snoozed."""
    from canary.store.queries import mutes

    store = open_store()
    with store.reading() as session:
        found = [
            {"subject": row.subject, "until": row.until, "who": row.who, "at": row.at}
            for row in mutes.list_mutes(session, clock())
        ]
    if as_json:
        show_json(found)
    else:
        rows = [(row["subject"], row["until"] or "for good", row["who"], row["at"]) for row in found]
        show_table(("what", "until", "by", "since"), rows, "Nothing is muted or snoozed.")


def _subject(word: str) -> str:
    return f"case:{word}" if word.isascii() and word.isdigit() else f"vendor:{word}"


_AHEAD = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _time(text: str, now: datetime) -> datetime:
    if ahead := re.fullmatch(r"(\d{1,4})([hdw])", text):
        return now + int(ahead[1]) * _AHEAD[ahead[2]]
    try:
        return read_day("UNTIL", text)
    except CliError:
        raise CliError(f"UNTIL {text!r}: not a time; write 4h, 3d, 2w or 2026-05-01", 2) from None
