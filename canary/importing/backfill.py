"""Stored mail, from archive to case: read all of it into the import's progress file, then judge it in order of date.

The result depends on the mail alone, not on the order of files, nor on how often the import was interrupted.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from canary.cases.due import count_due
from canary.cases.weigh import weigh_next
from canary.importing import import_store
from canary.importing.archive import ArchivePlace, ForeignFile, Reader, StoredOrUnreadable, UnreadableMail, walk
from canary.importing.delivered_to import delivered_to
from canary.importing.envelope_recovery import Border, Hints, origin
from canary.importing.final_mailbox import final_mailboxes
from canary.importing.foreign import MAIL_PROGRAMS
from canary.importing.progress import Entry, ImportFault, ImportProgress, ImportSource, State, to_json
from canary.importing.stored_authentication import TrustedReceivers, fetch, look_at_all
from canary.model.alert import Alert
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import RawMail
from canary.model.verdict import LEAKS, Verdict
from canary.pipeline.story import Context, process_batch
from canary.store.database import Database, is_down
from canary.store.queries import outbox
from canary.store.queries.recipients import reached_addresses

log = logging.getLogger("canary.importing.backfill")

STEP = 256
STEP_OCTETS = 8 << 20
BATCH = 50
BATCH_OCTETS = 8 << 20

_FOREIGN = "foreign "
NAMED = 3
"""How many cases the alert about an import names."""

MOST = 5
"""How many of the addresses that got mail and are no canaries are named."""

Tell = Callable[[str, int, int], None]
"""Called with a stage (`read`: octets, `judge`: batches, `weigh`: cases), how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is imported, whose trace lines are trusted, and where unreadable pieces are kept."""

    paths: tuple[Path, ...]
    border: Border
    reader: Reader
    aside: Path


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an import: every message read is new, known, aside, elsewhere or unissued.

    `copies` are those of the known that are in the archive more than once. `foreign` counts files that are no mail by
    kind. The addresses that got most of the mail elsewhere, and of the unissued, are named with their counts; `nameless` mails
    name no address at all.
    """

    read: int
    new: int
    known: int
    copies: int
    elsewhere: int
    unissued: int
    faults: tuple[ImportFault, ...]
    verdicts: dict[str, int]
    cases: tuple[import_store.Suspected, ...]
    foreign: Mapping[str, int] = field(default_factory=dict)
    most_elsewhere: tuple[tuple[str, int], ...] = ()
    most_unissued: tuple[tuple[str, int], ...] = ()
    addresses_unissued: int = 0
    nameless: int = 0

    @property
    def placed(self) -> int:
        """How many mails reached a canary."""
        return self.new + self.known

    @property
    def charged(self) -> int:
        """How many hits are charged to a vendor."""
        return sum(hits for name, hits in self.verdicts.items() if Verdict(name) in LEAKS)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one import at a time work in a folder; raises ValueError while another does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{folder}: another import is running: wait until it ends") from None
        yield


def open_progress(folder: Path, told: Sequence[str], fresh: str, now: datetime) -> ImportProgress:
    """Open the progress of the import with these arguments; `fresh` names it if it is new."""
    name = hashlib.sha256(to_json(list(told)).encode()).hexdigest()[:16]
    ledger = ImportProgress(folder / f"{name}.db")
    if not ledger.fact("id"):
        with ledger.writing():
            ledger.note("begun", now.isoformat())
            ledger.note("id", fresh)
    return ledger


def total(paths: Iterable[Path]) -> int:
    """Return how many octets are to be read."""
    return sum(path.stat().st_size for path in walk(paths) if path.is_file())


def gather(archive: Archive, ledger: ImportProgress, tell: Tell) -> None:
    """Read every file, continuing where it was interrupted; raises SourceChanged for a file that changed since."""
    whole, before, besides = total(archive.paths), 0, [0]
    for path in walk(archive.paths, besides):
        for reached in _gather(archive, ledger, path):
            tell("read", before + reached, whole)
        before += _stat(path)[0]
    ledger.set_aside_mailboxes(final_mailboxes(ledger.deliveries()))
    with ledger.writing():
        ledger.note("besides", str(besides[0]))


def _gather(archive: Archive, ledger: ImportProgress, path: Path) -> Iterator[int]:
    """Read one file, step by step; yield how many of its octets are done."""
    size, changed, written = _stat(path)
    source = ledger.source(path.absolute(), size, changed)
    if source.done:
        yield size
        return
    found = archive.reader.read(path, source.last, source.messages)
    for step, ended in _steps(found):
        with ledger.writing():
            for each in step:
                _enter(archive, ledger, source, each, written)
            last = step[-1].place if step and not step[-1].place.member else source.last
            source = replace(source, last=last, messages=source.messages + len(step))
            ledger.progress(source.id, last, source.messages, done=ended)
        yield size if ended else min(size, last.offset + last.length) if last else 0


def _stat(path: Path) -> tuple[int, int, datetime | None]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, None
    return stat.st_size, stat.st_mtime_ns, datetime.fromtimestamp(stat.st_mtime, UTC)


def _steps(found: Iterator[StoredOrUnreadable]) -> Iterator[tuple[list[StoredOrUnreadable], bool]]:
    """Group what is read into steps that are written together; the last one is marked, and may be empty."""
    step, octets = list[StoredOrUnreadable](), 0
    for each in found:
        step.append(each)
        octets += len(each.content)
        if len(step) >= STEP or octets >= STEP_OCTETS:
            yield step, False
            step, octets = [], 0
    yield step, True


def _enter(
    archive: Archive, ledger: ImportProgress, source: ImportSource, found: StoredOrUnreadable, written: datetime | None
) -> None:
    if isinstance(found, ForeignFile):
        ledger.count(f"{_FOREIGN}{found.kind}", 1)
        return
    ledger.count("read", 1)
    if isinstance(found, UnreadableMail):
        ledger.spoil(ImportFault(found.place, found.reason, keep_aside(archive.aside, found.content)))
        return
    hints = Hints(found.line.decode("utf-8", "replace"), found.delivered, written)
    came = origin(found.content, hints, archive.border)
    if came is None:
        ledger.count("elsewhere", 1)
        ledger.count_address(delivered_to(found.content))
        return
    content = found.content if found.place.member else None  # a packed mail cannot be read again at its place
    if not ledger.add(source.id, hashlib.sha256(found.content).digest(), found.place, came, content):
        ledger.count("copies", 1)


def keep_aside(folder: Path, content: bytes) -> str:
    """Keep an unreadable piece under a name made from its content; return the name, empty where there is no content."""
    if not content:
        return ""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{hashlib.sha256(content).hexdigest()[:32]}.eml"
    if not (folder / name).exists():
        half = folder / f".{name}.{os.getpid()}"
        half.write_bytes(content)
        half.replace(folder / name)
    return name


async def judge_all(parts: Context, archive: Archive, ledger: ImportProgress, tell: Tell) -> None:
    """Process every mail that waits, in order of date; raises when the store is down."""
    batches = ledger.arrange(BATCH, BATCH_OCTETS)
    while (number := ledger.waiting()) is not None:
        tell("judge", number, batches)
        entries = ledger.batch(number)
        states = await _judge(parts, archive, ledger, entries)
        with ledger.writing():
            ledger.settle(states.items())
    tell("judge", batches, batches)


async def _judge(
    parts: Context, archive: Archive, ledger: ImportProgress, entries: Sequence[Entry]
) -> dict[int, State]:
    """Process one batch, in one transaction of the store; return what became of each mail."""
    batch = _ImportBatch(parts, archive, ledger)
    states, wanted = await asyncio.to_thread(_sort, parts.store, entries, prefix(ledger))
    raws = {entry.id: raw for entry in wanted if (raw := batch.fetch(entry)) is not None}
    found = await look_at_all(parts, list(raws.values()), TrustedReceivers(archive.border.side, archive.border.now))
    findings = [each for raw, each in zip(raws.values(), found, strict=True) if batch.sound(raw, each)]
    await asyncio.to_thread(batch.conclude, [each for each in findings if isinstance(each, AuthenticatedMail)])
    judged = {number: State.ASIDE if raw.key in batch.faults else State.NEW for number, raw in raws.items()}
    return states | {entry.id: State.ASIDE for entry in wanted} | judged


def prefix(ledger: ImportProgress) -> str:
    """Return the prefix of the keys of all mails of an import."""
    return f"import-{ledger.fact('id')}-"


def _sort(store: Database, entries: Sequence[Entry], ours: str) -> tuple[dict[int, State], list[Entry]]:
    """Settle mails that reached no canary or are in the store already; return the rest with their remaining recipients."""
    with store.reading() as session:
        reached_by = reached_addresses(session, {to for entry in entries for to in entry.envelope.rcpt_to})
        known = import_store.known_deliveries(session, {entry.sha.hex() for entry in entries}, ours)
    states, wanted = dict[int, State](), list[Entry]()
    for entry in entries:
        reached = _best_named(entry, reached_by)
        fresh = tuple(to for to in reached if (entry.sha.hex(), reached_by[to]) not in known)
        if fresh:
            wanted.append(replace(entry, envelope=replace(entry.envelope, rcpt_to=fresh)))
        else:
            states[entry.id] = State.KNOWN if reached else State.UNISSUED
    return states, wanted


def _best_named(entry: Entry, reached_by: Mapping[str, str]) -> list[str]:
    """Return the recipients that reach a canary, of those that are named best; one that reaches none ends no search."""
    reached = [(rank, to) for rank, to in zip(entry.ranks, entry.envelope.rcpt_to, strict=True) if to in reached_by]
    best = min((rank for rank, _ in reached), default=0)
    return [to for rank, to in reached if rank == best]


class _ImportBatch:
    """One batch being processed; `faults` has the mails that could not be judged, by key."""

    def __init__(self, parts: Context, archive: Archive, ledger: ImportProgress) -> None:
        self.parts, self.archive, self.ledger = parts, archive, ledger
        self.places: dict[str, ArchivePlace] = {}
        self.faults: set[str] = set()

    def fetch(self, entry: Entry) -> RawMail | None:
        key = f"{prefix(self.ledger)}{entry.id}"
        raw = fetch(self.archive.reader, self.ledger, entry, key)
        self.places[key] = entry.place
        if raw is None:
            self.ledger.spoil(ImportFault(entry.place, "is no longer there: the file changed while it was imported"))
        return raw

    def sound(self, raw: RawMail, found: AuthenticatedMail | BaseException) -> bool:
        """Whether a mail could be authenticated; raises a fault that is not the mail's."""
        if isinstance(found, AuthenticatedMail):
            return True
        if not isinstance(found, Exception) or is_down(found):
            raise found
        self._spoil(raw, found)
        return False

    def conclude(self, findings: Sequence[AuthenticatedMail]) -> None:
        """Process mails together; if that fails, each alone, so that the faulty one is kept aside."""
        if not findings:
            return
        now = findings[-1].raw.envelope.received
        try:
            process_batch(replace(self.parts, clock=lambda: now), findings)
        except Exception as fault:
            if is_down(fault):
                raise
            if len(findings) == 1:
                self._spoil(findings[0].raw, fault)
            else:
                for finding in findings:
                    self.conclude([finding])

    def _spoil(self, raw: RawMail, fault: Exception) -> None:
        log.error("%s: %s; it is kept aside", self.places[raw.key], type(fault).__name__, exc_info=fault)
        reason = f"could not be judged ({type(fault).__name__}: {str(fault)[:200]})"
        self.ledger.spoil(ImportFault(self.places[raw.key], reason, keep_aside(self.archive.aside, raw.content)))
        self.faults.add(raw.key)


def weigh_cases(store: Database, now: datetime, tell: Tell) -> None:
    """Weigh the cases that the mails bear on; a worker beside this may weigh some of them as well."""
    with store.reading() as session:
        whole = count_due(session)
    tell("weigh", 0, whole)
    left = whole
    while left and weigh_next(store, now):
        with store.reading() as session:
            left = count_due(session)
        tell("weigh", max(0, whole - left), whole)


def report(store: Database, ledger: ImportProgress) -> Report:
    """Return the result of an import, whether it ran once or was continued."""
    tallies, states = ledger.tallies(), ledger.states()
    with store.reading() as session:
        verdicts, cases = (
            import_store.verdicts(session, prefix(ledger)),
            import_store.suspected(session, prefix(ledger)),
        )
    copies = tallies.get("copies", 0)
    return Report(
        read=tallies.get("read", 0),
        new=states.get(State.NEW, 0),
        known=states.get(State.KNOWN, 0) + copies,
        copies=copies,
        elsewhere=tallies.get("elsewhere", 0),
        unissued=states.get(State.UNISSUED, 0),
        faults=tuple(ledger.faults()),
        verdicts=dict(sorted(verdicts.items())),
        cases=tuple(cases),
        foreign=_foreign(tallies, int(ledger.fact("besides") or 0)),
        most_elsewhere=tuple(ledger.most_addresses(MOST)),
        most_unissued=tuple(ledger.most_recipients(State.UNISSUED, MOST)),
        addresses_unissued=ledger.recipients(State.UNISSUED),
        nameless=ledger.nameless(),
    )


def _foreign(tallies: Mapping[str, int], besides: int) -> dict[str, int]:
    """Return how many files of each kind are no mail, most first."""
    counts = Counter(
        {name.removeprefix(_FOREIGN): count for name, count in tallies.items() if name.startswith(_FOREIGN)}
    )
    counts[MAIL_PROGRAMS] += besides
    return {kind: count for kind, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])) if count}


def _sum_up(found: Report) -> str:
    cases, aside = len(found.cases), len(found.faults)
    counts = (f"{found.read:,} mails read", f"{found.new:,} of them new", f"{aside:,} kept aside" if aside else "")
    opened = f"{cases:,} case{'' if cases == 1 else 's'}" if cases else "no case"
    return f"{', '.join(filter(None, counts))}; they belong to {opened}"


def note(store: Database, ledger: ImportProgress, found: Report, now: datetime) -> None:
    """Put the one alert about a whole import into the outbox, and let its questions count as asked now.

    The store is a quiet one: nothing else of the import alerts anybody.
    """
    fact = Alert(
        id=f"import-{ledger.fact('id')}", kind="import-finished", at=now, confidence=1.0, change=_sum_up(found),
        reasons=tuple(f"Case {case.id}, {', '.join(case.vendors[:3])}: {case.answer}." for case in found.cases[:NAMED]),
        suspects=tuple((case.suspect, case.p) for case in found.cases[:5] if case.suspect),
    )  # fmt: skip
    with store.writing() as session:
        outbox.put(session, fact, loud=True)
        import_store.ask_now(session, prefix(ledger), now)
