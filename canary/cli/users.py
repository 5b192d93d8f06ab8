"""`canary user ...`: who may look at the dashboard."""

import secrets
from enum import StrEnum
from typing import Annotated

import typer

from canary.cli.frame import settings

group = typer.Typer(help="Users of the dashboard.", no_args_is_help=True)
group.callback()(lambda: None)  # keeps `add` a subcommand of its own while it is the only one


class Role(StrEnum):
    """What a user may do."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"


@group.command()
def add(
    name: str,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.VIEWER,
    password: Annotated[
        str | None, typer.Option(envvar="CANARY_PASSWORD", help="Password; one is made up and shown once if left out.")
    ] = None,
) -> None:
    """Add a user."""
    from canary.run import clock, open_store
    from canary.store.users import add_user

    store = open_store(settings())
    store.migrate()
    chosen = password or secrets.token_urlsafe(12)
    with store.writing() as session:
        add_user(session, name, chosen, role.value, clock())
    typer.echo(f"{name} ({role.value})" + ("" if password else f", password: {chosen}"))
