"""Imports a planted stream as `canary import` does, and keeps for each hit what was known when it was judged."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from canary.authenticate.lookup import OfflineLookup
from canary.cases.weigh import weigh_all
from canary.importing import adoption, backfill, import_store
from canary.importing.archive import Reader
from canary.importing.envelope_recovery import border
from canary.importing.progress import ImportProgress, State
from canary.importing.stored_authentication import TrustedReceivers, fetch, look_at_all
from canary.judge.adoption_rules import MapRow
from canary.judge.hit_context import HitContext
from canary.judge.track_record import hit_context, signers
from canary.mail.received import Trusted
from canary.model.authenticated import AuthenticatedMail
from canary.model.sender import SenderState
from canary.model.verdict import Judgement, Verdict
from canary.pipeline.story import Context, process_batch
from canary.processes.judging import supplier_book
from canary.senders import profile
from canary.store.codec import reasons_of
from canary.store.queries import vendors
from canary.store.queries.recipients import read_recipients
from canary.store.tables import CanaryRow, HitRow, MailRow
from tests.quality.streams import RECEIVERS, Planting, StreamTruth

_NUMBER = re.compile(rb"\AX-Stream-Number: (\d+)\r?\n")


@dataclass(frozen=True, slots=True)
class StreamHit:
    """One hit: what it is, the verdict on it in the end, and all that was known when it was judged at first."""

    truth: StreamTruth
    judgement: Judgement
    context: HitContext


@dataclass(frozen=True, slots=True)
class StreamRun:
    """What came of a planted stream: its hits, how many questions wait, and the vendors of each case.

    `domains` are those that the vendor of each address has in truth.
    """

    hits: tuple[StreamHit, ...]
    questions: int
    cases: tuple[tuple[str, ...], ...]
    domains: dict[str, tuple[str, ...]]

    @property
    def cases_of_innocent(self) -> int:
        """How many cases name only vendors at whose addresses nothing was planted."""
        planted = {hit.truth.vendor for hit in self.hits if hit.truth.kind != "own"}
        return sum(planted.isdisjoint(names) for names in self.cases)


def import_stream(planting: Planting, folder: Path, *, declared: bool = True) -> StreamRun:
    """Import a planted stream into a store in an empty folder; undeclared, Canary has names and addresses only."""
    store = import_store.quiet_store(f"sqlite:///{folder}/canary.db")
    store.migrate()
    mailbox = folder / "mail.mbox"
    mailbox.write_bytes(planting.mailbox)
    try:
        return _Import(Context(store, OfflineLookup, supplier_book(), _now), planting, mailbox).run(declared=declared)
    finally:
        store.close()


def _now() -> datetime:
    return datetime.now(UTC)


class _Import:
    """One import on its way."""

    def __init__(self, parts: Context, planting: Planting, mailbox: Path) -> None:
        self.parts, self.planting, self.folder = parts, planting, mailbox.parent
        self.domains = frozenset(alias.rpartition("@")[2] for alias in planting.given)
        where = border(self.domains, Trusted(), RECEIVERS, parts.clock(), parts.forwarders)
        self.witness = TrustedReceivers(where.side, parts.clock())
        self.archive = backfill.Archive((mailbox,), where, Reader(scratch=self.folder), self.folder / "aside")
        self.contexts: dict[tuple[str, str], HitContext] = {}
        self.truths: dict[str, StreamTruth] = {}

    def run(self, *, declared: bool) -> StreamRun:
        if declared:
            with self.parts.store.writing() as session:
                for name, domains in self.planting.vendors.items():
                    vendors.add_vendor(session, name, domains, self.witness.now)
        progress = backfill.open_progress(self.folder, ["stream"], secrets.token_hex(8), self.witness.now)
        try:
            backfill.gather(self.archive, progress, lambda *_: None)
            self._adopt(progress)
            asyncio.run(self._judge(progress))
            return self._outcome(progress)
        finally:
            progress.forget()

    def _adopt(self, progress: ImportProgress) -> None:
        told = {alias: MapRow(vendor) for alias, vendor in self.planting.given.items()}
        asked = adoption.Asked(self.domains, told, self.witness, self.domains)
        found, _ = adoption.proposals(self.parts, progress, self.archive.reader, asked)
        with self.parts.store.writing() as session:
            import_store.adopt(session, found, self.witness.now)
        adoption.count_guesses(self.parts.store, progress, self.domains)

    async def _judge(self, progress: ImportProgress) -> None:
        """Judge mail after mail, in order of date."""
        progress.arrange(backfill.BATCH, backfill.BATCH_OCTETS)
        while (number := progress.waiting()) is not None:
            entries = progress.batch(number)
            raws = [
                fetch(self.archive.reader, progress, each, f"{backfill.prefix(progress)}{each.id}") for each in entries
            ]
            for found in await look_at_all(self.parts, [raw for raw in raws if raw], self.witness):
                if not isinstance(found, AuthenticatedMail):
                    raise found
                await asyncio.to_thread(self._conclude, found)
            with progress.writing():
                progress.settle((each.id, State.NEW) for each in entries)

    def _conclude(self, found: AuthenticatedMail) -> None:
        key, envelope = found.raw.key, found.raw.envelope
        marked = _NUMBER.match(found.raw.content)
        if marked:
            self.truths[key] = self.planting.truths[marked[1].decode()]
        with self.parts.store.reading() as session:
            recipients = read_recipients(session, envelope.rcpt_to, signers(found.identity.domains))
        for canary in recipients.reached(envelope.rcpt_to):
            if canary.vendor:
                owner, guesses = recipients.vendors[canary.vendor], recipients.guesses[canary.domain]
                self.contexts[key, canary.address] = hit_context(found, canary, owner, recipients.records, guesses)
        process_batch(replace(self.parts, clock=lambda: envelope.received), [found])

    def _outcome(self, progress: ImportProgress) -> StreamRun:
        weigh_all(self.parts.store, self.parts.clock())
        with self.parts.store.reading() as session:
            hits = tuple(self._hits(session))
            pending = {(each.vendor, each.key) for each in profile.list_senders(session, states=[SenderState.PENDING])}
            cases = import_store.suspected(session, backfill.prefix(progress))
        domains = {alias: self.planting.vendors[vendor] for alias, vendor in self.planting.given.items()}
        return StreamRun(hits, len(pending), tuple(case.vendors for case in cases), domains)

    def _hits(self, session: Session) -> Iterator[StreamHit]:
        """Yield the hit of each mail at the alias that it was sent or planted at."""
        query = (
            select(MailRow.key, CanaryRow.address, HitRow)
            .join(HitRow, col(HitRow.mail_id) == MailRow.id)
            .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
            .order_by(col(MailRow.id))
        )
        for key, address, row in session.exec(query):
            truth, context = self.truths.get(key), self.contexts.get((key, address))
            if truth and context and truth.alias == address:
                yield StreamHit(
                    truth, Judgement(Verdict(row.verdict), row.confidence, reasons_of(row.reasons)), context
                )
