"""`canary user ...`: who may use the dashboard."""

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import Json, clock, open_store, show_json, show_table, who
from canary.cli.groups import command_group

if TYPE_CHECKING:
    from sqlmodel import Session

group = command_group("Users of the dashboard.")
Name = Annotated[str, typer.Argument(help="Name of the user.")]
Password = Annotated[
    str | None, typer.Option(envvar="CANARY_PASSWORD", help="Password; without it one is generated and shown once.")
]


class UserRole(StrEnum):
    """What a user may do."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"


@group.command()
def add(
    name: Name,
    role: Annotated[UserRole, typer.Option(help="What the user may do.")] = UserRole.VIEWER,
    password: Password = None,
) -> None:
    """Add a user."""
    from canary.store.queries.audit import audit
    from canary.store.queries.users import add_user

    store = open_store()
    chosen = password or secrets.token_urlsafe(12)
    with store.writing() as session:
        row = add_user(session, name, chosen, role.value, clock())
        audit(session, clock(), who(), "user-added", row.name, role.value)
    typer.echo(f"{name} ({role.value})" + ("" if password else f", password: {chosen}"))


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List all users."""
    from canary.store.queries.user_admin import members

    store = open_store()
    with store.reading() as session:
        found = members(session, clock())
    if as_json:
        show_json(
            [
                {"name": m.name, "role": m.role, "since": m.created_at, "last": m.last_at, "sessions": m.sessions}
                for m in found
            ]
        )
    else:
        rows = [(m.name, m.role, m.created_at.date(), m.last_at.date() if m.last_at else "", m.sessions) for m in found]
        show_table(("name", "role", "since", "last seen", "sessions"), rows, "No users yet: canary user add NAME")


@group.command()
def password(name: Name, new: Password = None) -> None:
    """Set the password of a user and end all sessions of that user."""
    from canary.store.queries.audit import audit
    from canary.store.queries.user_admin import set_password

    store = open_store()
    chosen = new or secrets.token_urlsafe(12)
    with store.writing() as session:
        set_password(session, _number(session, name), chosen, clock())
        audit(session, clock(), who(), "password", name.strip().lower(), "on the command line")
    typer.echo(f"{name}: changed, and logged out everywhere" + ("" if new else f". Password: {chosen}"))


@group.command()
def remove(name: Name) -> None:
    """Remove a user with all sessions and tokens."""
    from canary.store.queries import user_admin
    from canary.store.queries.audit import audit

    store = open_store()
    with store.writing() as session:
        removed = user_admin.remove(session, _number(session, name))
        audit(session, clock(), who(), "user-removed", removed, "on the command line")
    typer.echo(f"{removed}: removed")


def _number(session: "Session", name: str) -> int:
    from canary.store.queries.users import named
    from canary.store.queries.vendors import Unknown

    row = named(session, name)
    if row is None:
        raise Unknown(f"user {name!r} is not known: see `canary user list`")
    return row.id or 0
