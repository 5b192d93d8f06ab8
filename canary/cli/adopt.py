"""`canary adopt`: addresses that were given away before become canaries, from a list and without any mail."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.alias_file import print_lines, read_file
from canary.cli.context import CliError, Json, clock, open_store, print_error, settings, show_json, show_table

if TYPE_CHECKING:
    from canary.importing.alias_list import AliasList
    from canary.judge.adoption import AdoptionProposal, Left

SHOWN = 50
_COLUMNS = ("address", "vendor", "domains", "channel", "why", "bits", "issued")


def adopt(
    file: Annotated[
        Path,
        typer.Argument(
            help="A list of address,vendor,channel,domains, or the export of an alias service or password manager."
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Adopt without asking, on a terminal too.")] = False,
    as_json: Json = False,
) -> None:
    """Make canaries of a list of addresses that you gave away before; a second time changes nothing."""
    from canary.canaries.decoy_key import key_problem, prepare_key
    from canary.importing import import_store
    from canary.importing.list_adoption import from_list
    from canary.judge.adoption import mail_order
    from canary.processes.memory import forbid_core_dumps

    forbid_core_dumps()
    known = settings()
    listed = read_file("", file, known.domains)
    print_lines(listed.faults)
    if not listed.told:
        raise CliError(_empty(file, listed, known.domains), 2)
    store = open_store(known)
    found, left = mail_order(from_list(store, listed.told, clock()))
    if not as_json:
        _show(found, left)
    if (
        found
        and sys.stdin.isatty()
        and not (yes or as_json)
        and not typer.confirm(f"Adopt these {len(found)} addresses?")
    ):
        raise CliError(f"{file}: nothing was changed; write the vendors as they should be into the file")
    with store.writing() as session:
        print_error(prepare_key(session) if known.decoys.count else key_problem(session))
        import_store.adopt(session, found, clock())
    _warn(found, known.domains)
    if as_json:
        rows = {"adopted": [asdict(each) for each in found], "left": [asdict(each) for each in left]}
        counts = {"known": len(listed.told) - len(found) - len(left), "passed": listed.passed, "form": listed.form}
        show_json({**rows, **counts, "faults": list(listed.faults)})
    else:
        said = f"{file} ({listed.form})"
        typer.echo(f"Adopted {len(found):,} of {len(listed.told):,} addresses in {said}, left {len(left):,} alone.")


def _empty(file: Path, listed: "AliasList", domains: Sequence[str]) -> str:
    if listed.passed:
        own = ", ".join(domains)
        return f"{file} ({listed.form}): none of its {listed.passed:,} accounts has an address at {own}: see `domains` in the settings"
    return f"{file}: no address in it: name a CSV file of address,vendor,channel,domains"


def _show(found: "Sequence[AdoptionProposal]", left: "Sequence[Left]") -> None:
    rows = [(p.address, p.name, " ".join(p.domains), p.channel, p.basis, p.bits, _issued(p)) for p in found[:SHOWN]]
    show_table(_COLUMNS, rows, "No address to adopt.")
    if len(found) > SHOWN:
        typer.echo(f"... and {len(found) - SHOWN:,} more; --json lists them all")
    print_lines([f"{each.address}: {each.why}" for each in left])


def _issued(each: "AdoptionProposal") -> str:
    return f"before {each.issued.date()}" if each.undated else f"{each.issued.date()}"


def _warn(found: "Sequence[AdoptionProposal]", domains: Sequence[str]) -> None:
    homes = {each.address.rpartition("@")[2] for each in found} - {domain.lower() for domain in domains}
    print_lines(
        [
            f"{home}: not among the domains in the settings; new mail to it is refused until it is"
            for home in sorted(homes)
        ]
    )
