"""`canary import`: years of stored mail, through the same pipeline as new mail."""

import asyncio
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.alias_file import print_lines
from canary.cli.context import CliError, Json, clock, open_store, print_error, settings, show_json, show_table

if TYPE_CHECKING:
    from canary.authenticate.lookup import Lookup
    from canary.importing.backfill import Archive, Report, Tell
    from canary.importing.progress import ImportProgress
    from canary.judge.adoption import AdoptionProposal, Left
    from canary.judge.adoption_rules import MapRow
    from canary.pipeline.story import Context
    from canary.settings import Settings

FEW = 10
"""So many damaged pieces are named one by one, more of them by kind."""

_COLUMNS = ("address", "vendor", "domains", "channel", "why", "bits", "mails", "first mail")


@dataclass(slots=True)
class _Order:
    """The arguments, with the vendor and channel of each address in the vendor map."""

    paths: tuple[Path, ...]
    adopt: tuple[str, ...]
    writers: tuple[str, ...]
    mapped: "dict[str, MapRow]"
    map_faults: tuple[str, ...]
    yes: bool
    offline: bool
    as_json: bool
    progress: bool = False
    domains: tuple[str, ...] = ()
    left: "list[Left]" = field(default_factory=list)
    adopted: "list[AdoptionProposal]" = field(default_factory=list)


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Mailbox files, Maildir folders, .eml files, folders of these, zip or tar archives."),
    ],
    adopt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DOMAIN", help="A domain whose tagged and plus addresses become canaries; may be repeated."
        ),
    ] = None,
    trust_authserv: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Trust the Authentication-Results of this server; may be repeated."),
    ] = None,
    vendor_map: Annotated[
        Path | None, typer.Option(help="CSV file of address,vendor,channel,domains that overrides what is inferred.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Adopt without asking.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Make no DNS queries.")] = False,
    progress: Annotated[
        bool, typer.Option("--progress", help="Print lines of JSON with the progress on standard error.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import stored mail and judge it in order of date, without alerts about what is long past."""
    names = tuple(_domain("--adopt", name) for name in adopt or ())
    writers = tuple(_domain("--trust-authserv", name) for name in trust_authserv or ())
    known = settings()
    mapped, faults = _read_map(vendor_map, (*known.domains, *names))
    order = _Order(_there(paths), names, writers, mapped, faults, yes, offline, as_json, progress)
    found, aside = _run(order, known)
    if as_json:
        show_json(_document(found, order))
    else:
        _print(found, order, aside)


def _there(paths: list[Path]) -> tuple[Path, ...]:
    missing = next((path for path in paths if not (path.is_file() or path.is_dir())), None)
    if missing is not None:
        raise CliError(f"{missing}: there is no such file: name a mailbox, a folder or an archive of mail", 2)
    return tuple(dict.fromkeys(path.resolve() for path in paths))


def _domain(option: str, name: str) -> str:
    from canary.authenticate.lookup import dns_name

    known = dns_name(name.strip())
    if "." not in known or any(c in known for c in "@/ "):
        raise CliError(f"{option} {name!r}: not a domain; give one such as shop.example", 2)
    return known


def _read_map(path: Path | None, own: "Collection[str]") -> "tuple[dict[str, MapRow], tuple[str, ...]]":
    from canary.cli.alias_file import read_file

    if path is None:
        return {}, ()
    found = read_file("--vendor-map ", path, own)
    nameless = tuple(
        f"{path}: {address!r} has no vendor: write address,vendor,channel,domains"
        for address, row in found.told.items()
        if not row.vendor
    )
    print_lines((*found.faults, *nameless))
    return {address: row for address, row in found.told.items() if row.vendor}, (*found.faults, *nameless)


def _run(order: _Order, known: "Settings") -> "tuple[Report, Path]":
    from canary.canaries.decoy_key import key_problem, prepare_key
    from canary.importing import backfill
    from canary.importing.import_store import quiet_store
    from canary.processes import stores
    from canary.processes.build import pipeline_context
    from canary.processes.mail_parser import MailParser
    from canary.processes.own_suppliers import DeclaredSuppliers

    in_map = {address.rpartition("@")[2] for address in order.mapped}
    domains = tuple(sorted({*(domain.lower() for domain in known.domains), *order.adopt, *in_map}))
    if not domains:
        raise CliError("no domains: set `domains` in canary.toml, or name yours with --adopt DOMAIN", 2)
    open_store(known).close()
    store = stores.open_store(known, quiet_store)
    with store.writing() as session:
        print_error(prepare_key(session) if known.decoys.count else key_problem(session))
    parser = MailParser()
    mine = [pipeline_context(known, store, parser=parser) for _ in range(2)]  # each loop has a resolver of its own
    parts = [DeclaredSuppliers(each.book).refreshed(each) for each in mine]
    if order.offline:
        parts = [replace(each, lookup=_offline) for each in parts]
    order.domains = domains
    unset = sorted(set(domains) - {domain.lower() for domain in known.domains})
    print_lines(
        [f"{name}: not among the domains in the settings; new mail to it is refused until it is" for name in unset]
    )
    with backfill.alone(known.data / "import"), closing(parser):
        progress, archive = _gathered(order, known, domains)
        _adopt(order, parts[0], archive, progress)
        with _shown(order) as show_stage:
            asyncio.run(backfill.judge_all(parts[1], archive, progress, show_stage))
            backfill.weigh_cases(store, clock(), show_stage)
        found = backfill.report(store, progress)
        backfill.note(store, progress, found, clock())
        progress.forget()
    store.close()
    return found, archive.aside


def _gathered(order: _Order, known: "Settings", domains: Sequence[str]) -> "tuple[ImportProgress, Archive]":
    from canary.importing import backfill
    from canary.importing.progress import SourceChanged

    progress, archive = _begin(order, known, domains)
    with _shown(order) as show_stage:
        try:
            backfill.gather(archive, progress, show_stage)
        except SourceChanged as changed:
            typer.echo(f"{changed}: changed since the import began to read it; everything is read again", err=True)
            progress.forget()
            progress, archive = _begin(order, known, domains)
            backfill.gather(archive, progress, show_stage)
    return progress, archive


def _offline() -> "Lookup":
    from canary.authenticate.lookup import OfflineLookup

    return OfflineLookup()


def _begin(order: _Order, known: "Settings", domains: Sequence[str]) -> "tuple[ImportProgress, Archive]":
    """Open the progress of this import, new the first time, with what is to be read and whose trace lines are trusted."""
    import secrets
    from datetime import datetime

    from canary.importing import backfill
    from canary.importing.archive import Reader
    from canary.importing.envelope_recovery import border
    from canary.mail.received import Trusted, read_trusted
    from canary.processes.judging import forwarder_registry

    folder = known.data / "import"
    asked_for = [*map(str, sorted(order.paths)), *domains, *order.adopt, *order.writers, str(order.offline)]
    progress = backfill.open_progress(folder, asked_for, secrets.token_hex(8), clock())
    trusted = read_trusted(known.smtp.trusted)
    ours = Trusted(trusted.networks, (*trusted.hosts, known.smtp.hostname.lower()))
    now = datetime.fromisoformat(progress.fact("begun"))
    reader = Reader(cap=known.smtp.max_size, scratch=folder)
    return progress, backfill.Archive(
        order.paths,
        border(domains, ours, order.writers, now, forwarder_registry(known.judge.forwarders)),
        reader,
        known.data / "aside",
    )


def _adopt(order: _Order, parts: "Context", archive: "Archive", progress: "ImportProgress") -> None:
    """Let the owner confirm once to which vendors the addresses belong, also for an import that is continued."""
    from canary.importing import adoption, import_store
    from canary.importing.stored_authentication import TrustedReceivers

    if not (order.adopt or order.mapped):
        return
    if not progress.fact("accepted"):
        domains = frozenset(order.adopt)
        witness = TrustedReceivers(archive.border.side, archive.border.now)
        asked = adoption.Asked(domains, order.mapped, witness, archive.border.side.domains)
        found, order.left = adoption.proposals(parts, progress, archive.reader, asked)
        _confirm(order, found)
        adoption.accept(progress, found)
    order.adopted = adoption.accepted(progress)
    with parts.store.writing() as session:
        import_store.adopt(session, order.adopted, archive.border.now)
    adoption.count_guesses(parts.store, progress, order.adopt)


def _confirm(order: _Order, found: "list[AdoptionProposal]") -> None:
    if not order.as_json:
        rows = [
            (p.address, p.name, " ".join(p.domains), p.channel, p.basis, p.bits, p.mails, p.issued.date())
            for p in found
        ]
        show_table(_COLUMNS, rows, "No address to adopt.")
    if not found or order.yes:
        return
    if sys.stdin.isatty() and sys.stdout.isatty() and not order.as_json:
        if typer.confirm(f"Adopt these {len(found)} addresses?"):
            return
        raise CliError("nothing was changed; correct what is wrong with --vendor-map FILE")
    if order.as_json:
        show_json({"proposed": [asdict(p) for p in found], "left": [asdict(p) for p in order.left]})
    raise CliError(f"{len(found)} addresses would be adopted: nothing was changed; accept the table with --yes")


def _shown(order: _Order) -> "AbstractContextManager[Tell]":
    return nullcontext(_print_stage) if order.progress else progress_bar()


def _print_stage(stage: str, done: int, total: int) -> None:
    typer.echo(json.dumps({"stage": stage, "done": done, "total": total}), err=True)


@contextmanager
def progress_bar() -> "Iterator[Tell]":
    """Show progress on a terminal, elsewhere nothing; yields what is called with a stage, what is done of it, and the whole."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, Any] = {}

        def show_stage(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show_stage


def _document(found: "Report", order: _Order) -> dict[str, Any]:
    from canary.importing import summary

    return {
        "read": found.read,
        "new": found.new,
        "known": found.known,
        "copies": found.copies,
        "elsewhere": found.elsewhere,
        "unissued": found.unissued,
        "aside": len(found.faults),
        "foreign": dict(found.foreign),
        "unplaced": {
            "mails": found.elsewhere + found.unissued,
            "elsewhere": dict(found.most_elsewhere),
            "unissued": dict(found.most_unissued),
            "addresses_unissued": found.addresses_unissued,
        },
        "summary": [
            text.replace("\n", " ") for text in summary.paragraphs(found, order.domains, order.adopt, order.left)
        ],
        "verdicts": found.verdicts,
        "cases": [
            {"id": c.id, "vendors": c.vendors, "hits": c.hits, "first": c.first, "suspect": c.suspect, "p": c.p}
            for c in found.cases
        ],
        "faults": [
            {**asdict(fault.place), "file": fault.place.shown, "reason": fault.reason, "kept": fault.kept}
            for fault in found.faults
        ],
        "adopted": [asdict(each) for each in order.adopted],
        "left": [asdict(each) for each in order.left],
        "map_faults": list(order.map_faults),
    }


def _print(found: "Report", order: _Order, aside: Path) -> None:
    from canary.importing import summary

    faults = found.faults
    if len(faults) <= FEW:
        for fault in faults:
            kept = f", kept as {aside / fault.kept}" if fault.kept else ""
            typer.echo(f"aside: {fault.place}: {fault.reason}{kept}")
    else:
        typer.echo("\n".join(summary.damage(faults)))
    counts = [
        ("read", found.read, ""),
        ("new", found.new, f"addresses adopted: {len(order.adopted):,}" if order.adopted else ""),
        ("known", found.known, f"{found.copies:,} of them twice in the archive" if found.copies else ""),
        ("elsewhere", found.elsewhere, "not to one of your domains" if found.elsewhere else ""),
        ("unissued", found.unissued, "to no canary" if found.unissued else ""),
        ("aside", len(faults), f"damaged; in {aside}" if any(fault.kept for fault in faults) else ""),
    ]
    show_table(("mails", "count", ""), [(name, f"{count:,}", note) for name, count, note in counts], "")
    if found.verdicts:
        show_table(("verdict", "hits"), [(name, f"{hits:,}") for name, hits in found.verdicts.items()], "")
    rows = [(c.id, ", ".join(c.vendors), f"{c.hits:,}", c.first.date(), c.answer) for c in found.cases]
    if rows:
        show_table(("case", "vendors", "hits", "since", "answer"), rows, "")
    for text in summary.paragraphs(found, order.domains, order.adopt, order.left):
        typer.echo(f"\n{text}")
