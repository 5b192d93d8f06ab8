"""The command line: one module for each group of commands, joined here."""

import typer

from canary.cli import (
    alerts,
    attributing,
    campaigns,
    canaries,
    cases,
    decoys,
    demo,
    frame,
    importing,
    judging,
    letters,
    planning,
    senders,
    serve,
    simulating,
    users,
    vendors,
)

app = typer.Typer(
    name="canary",
    help="Find out who leaked your e-mail address.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    callback=frame.begin,
)
for group in (serve, canaries, decoys, cases, judging, importing, attributing, planning, demo, simulating):
    for command in group.COMMANDS:
        app.command()(command)
app.add_typer(vendors.group, name="vendor")
app.add_typer(senders.group, name="sender")
app.add_typer(alerts.group, name="alert")
app.add_typer(campaigns.group, name="campaign")
app.add_typer(letters.group, name="letter")
app.add_typer(users.group, name="user")
