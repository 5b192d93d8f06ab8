"""`canary alert ...`: where word goes out, and whether it arrived."""

import typer

from canary.cli.frame import Json, Trouble, settings, show_json, show_table

group = typer.Typer(help="Alerts: test destinations, list deliveries, send dead letters again.", no_args_is_help=True)


@group.command()
def test() -> None:
    """Send a test fact to every destination, at once and once only."""
    import uuid

    from canary.alert.channels.base import NotSent, Post
    from canary.model.alert import Alert
    from canary.net.http import Refused, Unreachable
    from canary.run import alert_desk, clock, open_store

    known = settings()
    desk = alert_desk(known, open_store(known))
    if not desk.targets:
        raise Trouble("alert.destinations: none set; add one to canary.toml", 2)
    reasons = ("This is a test; nobody leaked anything.",)
    fact = Alert(
        str(uuid.uuid4()),
        "test",
        clock(),
        0,
        "Test vendor",
        "test",
        1.0,
        "test@canary.invalid",
        "canary",
        "Test",
        reasons,
    )
    failed = False
    for target in desk.targets:
        try:
            desk.channels[target.kind](desk.http, Post(fact, known.web_url, target, clock()))
            typer.echo(f"{target.name}: arrived")
        except (NotSent, Refused, Unreachable) as fault:
            failed = True
            typer.echo(f"{target.name}: {fault}", err=True)
    desk.http.close()
    if failed:
        raise typer.Exit(1)


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List the newest deliveries."""
    from canary.run import open_store
    from canary.store import outbox

    store = open_store(settings())
    store.migrate()
    with store.reading() as session:
        found = [
            {"id": o.id, "kind": o.fact["kind"], "case": o.fact["case"], "to": d.destination, "state": d.state,
             "tries": d.tries, "fault": d.fault}
            for d, o in outbox.list_deliveries(session)
        ]  # fmt: skip
    if as_json:
        show_json(found)
    else:
        columns = ("id", "kind", "case", "to", "state", "tries", "fault")
        show_table(columns, [[row[c] for c in columns] for row in found], "No alerts yet.")


@group.command()
def retry() -> None:
    """Send dead letters again."""
    from canary.run import clock, open_store
    from canary.store import outbox

    with open_store(settings()).writing() as session:
        typer.echo(f"{outbox.revive(session, clock())} to be sent again")
