"""`canary attribute`: who leaked in a world given as JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from canary.cli.context import CliError, Json, show_json
from canary.model.case import LIKELY, percent

_MOST = 512 * 1024 * 1024


def attribute(
    file: Annotated[Path, typer.Argument(help="A world as JSON; a .jsonl file holds one on each line.")],
    as_json: Json = False,
) -> None:
    """Name who leaked in a world given as JSON: suspects with probabilities, joint hypotheses, and the window."""
    from canary.attribute.world_json import WorldError, answer_world, read_world

    def reply(text: str, where: str) -> dict[str, Any]:
        try:
            return answer_world(read_world(json.loads(text)))
        except json.JSONDecodeError as fault:
            raise CliError(f"{where}: not JSON: {fault}; give one world", 2) from None
        except WorldError as fault:
            raise CliError(f"{where}: {fault}", 2) from None

    if file.suffix != ".jsonl":
        found = reply(_read(file), str(file))
        show_json(found) if as_json else _print(found)
        return
    failed = 0
    for number, line in _lines(file):
        try:
            found = reply(line, f"{file}:{number}")
        except CliError as fault:
            typer.echo(str(fault), err=True)
            found, failed = {"error": str(fault)}, failed + 1
        typer.echo(json.dumps(found))
    if failed:
        raise typer.Exit(1)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST:
            raise CliError(f"{file}: larger than {_MOST >> 20} MB; split it into worlds", 2)
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CliError(f"{file}: not UTF-8: give a world as JSON", 2) from None
    except OSError as fault:
        raise CliError(f"{file}: {fault.strerror}: name a file with a world", 2) from None


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(_read(file).splitlines(), 1) if line.strip())


def _print(found: dict[str, Any]) -> None:
    for case in found["cases"]:
        typer.echo(f"{len(case['canaries'])} addresses hit by {len(case['campaigns'])} campaigns")
        for suspect in case["suspects"][:5]:
            likeliest = max(suspect.get("how", {}).items(), key=lambda way: way[1], default=("", 0.0))[0]
            how = f" ({likeliest.replace('-', ' ')})" if likeliest else ""
            typer.echo(f"  {percent(suspect['p']):>9}  {suspect['kind']} {suspect['id']}".rstrip() + how)
        no_leak = next((h["p"] for h in case["hypotheses"] if not h["sources"]), 0.0)
        typer.echo(f"  {percent(no_leak):>9}  no leak")
        if case.get("caution"):
            typer.echo(f"  {case['caution']}")
        for twins in case["indistinguishable"]:
            typer.echo(f"  not distinguishable: {', '.join(twin['id'] for twin in twins)}")
        if case["window"] and no_leak < 1 - LIKELY:
            typer.echo(f"  leaked between {case['window']['from_90'][:10]} and {case['window']['to_90'][:10]} (90%)")
    if not found["cases"]:
        typer.echo("No charged hits: nothing to explain.")
