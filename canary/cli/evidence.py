"""`canary evidence ...`: packs that convince a stranger, offline and without trust in the owner, and what verifies them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json
from canary.cli.groups import command_group

if TYPE_CHECKING:
    from canary.processes.log_keeping import LogKeeper

group = command_group("Evidence: make packs that anybody can verify offline, verify them, show the state of the log.")

Checkpoints = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="File with a checkpoint of the log that somebody kept; may be repeated."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")]


@group.command()
def pack(
    case: Annotated[int, typer.Argument(metavar="CASE", min=1, max=2**31 - 1, help="Number of the case.")],
    output: Output = None,
    checkpoint: Checkpoints = None,
    as_json: Json = False,
) -> None:
    """Write all that is known of a case, with its proofs, into one file that anybody can verify offline."""
    import hashlib

    from canary.cases.pack import make_pack
    from canary.cases.pack_record import record_pack
    from canary.evidence.verifier import read_checkpoints

    keeper = _keeper()
    keeper.sequence()
    with keeper.store.reading() as session:
        octets = make_pack(session, case, clock(), read_checkpoints(checkpoint or ()))
    file = output or Path(f"evidence-case-{case}.zip")
    _write(file, octets)
    with keeper.store.writing() as session:
        record_pack(session, case, octets, clock())
    if as_json:
        _show_written(file, octets)
    else:
        typer.echo(f"{file}: {len(octets):,} octets, SHA-256 {hashlib.sha256(octets).hexdigest()}")


@group.command()
def verify(
    pack: Annotated[Path, typer.Argument(help="File of the pack.")],
    checkpoint: Checkpoints = None,
    as_json: Json = False,
) -> None:
    """Verify a pack: say in sentences what is proven by what, and what is only the owner's word; exit 1 if it does not hold."""
    from canary.evidence.verifier import verify_files

    try:
        report = verify_files(pack, checkpoint or ())
    except OSError as fault:
        raise CliError(f"{fault.filename}: cannot be read ({fault.strerror})", 2) from None
    if as_json:
        show_json(report.document())
    else:
        for line in report.lines():
            typer.echo(line)
    if not report.holds:
        raise typer.Exit(1)


@group.command()
def checkpoint(as_json: Json = False) -> None:
    """Print the state of the log, to be given to others: with it a log that is rewritten later is found."""
    from canary.evidence.log_reading import checkpoint_in
    from canary.evidence.witnessing import publish_newest

    keeper = _keeper()
    keeper.sequence()
    with keeper.store.writing() as session:
        note = publish_newest(session, clock())
    if note is None:
        raise CliError("log: has no entries yet; issue an address, or let mail come in")
    if as_json:
        found = checkpoint_in(note)
        show_json({"log": found.origin, "size": found.size, "root": found.root.hex(), "note": note})
    else:
        typer.echo(note, nl=False)


@group.command()
def verifier(output: Output = None, as_json: Json = False) -> None:
    """Write the verifier as one file that needs no installation: `python canary-verify.pyz PACK`."""
    from canary.processes.verifier_file import verifier_file

    file = output or Path("canary-verify.pyz")
    octets = verifier_file()
    _write(file, octets)
    if as_json:
        _show_written(file, octets)
    else:
        typer.echo(f"{file}: runs with any Python from 3.11 that has cryptography: python {file} PACK")


def _keeper() -> "LogKeeper":
    from canary.processes.log_keeping import log_keeper

    chosen = settings()
    return log_keeper(chosen, open_store(chosen), clock)


def _show_written(file: Path, octets: bytes) -> None:
    import hashlib

    show_json({"file": str(file), "octets": len(octets), "sha256": hashlib.sha256(octets).hexdigest()})


def _write(file: Path, octets: bytes) -> None:
    try:
        with file.open("xb") as made:
            made.write(octets)
    except FileExistsError:
        raise CliError(f"{file}: is there already; name another with --output", 2) from None
    except OSError as fault:
        raise CliError(f"{file}: cannot be written ({fault.strerror}); name another with --output", 2) from None
