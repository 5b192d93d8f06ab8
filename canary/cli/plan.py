"""`canary plan`: which sources cannot be told apart, which hold too few addresses, and which to add."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json

if TYPE_CHECKING:
    from canary.attribute.world import Source, World

_MOST = 512 * 1024 * 1024


def plan(
    coverage: Annotated[
        float,
        typer.Option(min=0.01, max=0.95, help="Share of its addresses that a leak of a source is assumed to expose."),
    ] = 0.3,
    most: Annotated[
        int, typer.Option(min=0, max=200, help="How many questions to find additions for, the worst first.")
    ] = 8,
    world: Annotated[Path | None, typer.Option(help="A world as a JSON file instead of this installation.")] = None,
    as_json: Json = False,
) -> None:
    """Show which sources cannot be told apart, and which further addresses would help most."""
    from canary.attribute.planning import advice, proposals

    if world:
        found = proposals.plan_coverage(_read(world), coverage, most)
    else:
        found = proposals.plan_coverage(_present(), coverage, most, settings().attribution.rates)
    if as_json:
        show_json(advice.document(found))
        return
    lines = list(advice.sentences(found, _name))
    for line in lines or [
        "Every source can be distinguished from the others, and every supplier holds enough addresses."
    ]:
        typer.echo(line)


def _name(source: "Source") -> str:
    return f"{source.kind.value} {source.id}"


def _present() -> "World":
    from canary.store.queries.world import world_of

    store = open_store()
    with store.reading() as session:
        return world_of(session, clock())


def _read(file: Path) -> "World":
    from canary.attribute.world_json import WorldError, read_world

    try:
        if file.stat().st_size > _MOST:
            raise CliError(f"{file}: larger than {_MOST >> 20} MB; give a smaller world", 2)
        return read_world(json.loads(file.read_text(encoding="utf-8")))
    except OSError as fault:
        raise CliError(f"{file}: {fault.strerror}: name a file with a world", 2) from None
    except WorldError as fault:
        raise CliError(f"{file}: {fault}", 2) from None
    except ValueError as fault:
        raise CliError(f"{file}: not JSON: {fault}; give one world", 2) from None
