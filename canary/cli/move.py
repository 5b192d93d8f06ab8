"""`canary move`: the store into another database."""

import hashlib
import hmac
from typing import Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json


def move(
    url: Annotated[
        str, typer.Argument(help="The new store, as store.url names it, such as postgresql+psycopg://canary@db/canary.")
    ],
    as_json: Json = False,
) -> None:
    """Copy the store into an empty database, SQLite or PostgreSQL, and compare the two; stop Canary before."""
    from sqlalchemy.exc import ArgumentError

    from canary.store import moving
    from canary.store.database import Database
    from canary.store.signing_key import installation_key

    known = settings()
    source = open_store(known)
    try:
        target = Database(url)
    except ArgumentError:
        raise CliError(
            "target: is no address of a store; name it as store.url does, such as sqlite:////srv/new.db"
        ) from None
    if target.url == source.url:
        raise CliError("target: is the store itself; name another database")
    target.migrate()
    name = hmac.new(installation_key(known.data), b"move", hashlib.sha256).hexdigest()[:16]
    moving.move_store(source, target, name, clock(), _print_progress if not as_json else lambda _: None)
    there, here = moving.digests(target), moving.digests(source)
    if differ := moving.differing(here, there):
        raise CliError(
            f"tables {', '.join(differ)}: are not the same in both stores, as the old one was written meanwhile: "
            "stop Canary, then move into an empty database"
        )
    moving.end_move(target)
    rows = {table: {"rows": found.rows, "digest": found.digest} for table, found in there.items()}
    if as_json:
        show_json({"tables": rows, "rows": sum(found.rows for found in there.values())})
        return
    typer.echo(
        f"{sum(found.rows for found in there.values()):,} rows in {len(rows)} tables, each the same in both stores."
    )
    typer.echo(
        "Next: set store.url to the new one, then canary up. The old store is as it was; delete it when all is well."
    )


def _print_progress(table: str) -> None:
    typer.echo(f"\r{table:<30}", nl=False, err=True)
