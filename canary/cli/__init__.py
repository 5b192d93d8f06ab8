"""The command line: one module for each group of commands, joined here."""

import typer

from canary.cli import (
    alerts,
    attribute,
    campaigns,
    canaries,
    cases,
    context,
    decoys,
    demo,
    import_mail,
    judge,
    letters,
    plan,
    senders,
    serve,
    simulate,
    users,
    vendors,
)

app = typer.Typer(
    name="canary",
    help="Find out who leaked your e-mail address.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    callback=context.configure,
)
for group in (serve, canaries, decoys, cases, judge, import_mail, attribute, plan, demo, simulate):
    for command in group.COMMANDS:
        app.command()(command)
app.add_typer(vendors.group, name="vendor")
app.add_typer(senders.group, name="sender")
app.add_typer(alerts.group, name="alert")
app.add_typer(campaigns.group, name="campaign")
app.add_typer(letters.group, name="letter")
app.add_typer(users.group, name="user")
