"""Sends a measured world through the pipeline into a store, the owner answering, and keeps what became of each hit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select

from canary.authenticate.message import split
from canary.authenticate.results.trusted import read_results
from canary.judge.identity import identify
from canary.mail.parse import parse
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import ParsedMail
from canary.model.party import Vendor
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, HitRow, MailRow, VendorRow
from tests.quality.houses import BEGIN
from tests.quality.naive import NAIVE
from tests.quality.owner import Owner
from tests.quality.post import Posting, Truth
from tests.quality.world import World

_BATCH, _TOGETHER = 100, 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """One hit: what it really is, what was said of it at first and in the end, and which naive rules accuse it."""

    truth: Truth
    first: str
    verdict: str
    confidence: float
    reasons: tuple[str, ...]
    sender: str
    subject: str
    naive: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a world."""

    outcomes: tuple[Outcome, ...]
    questions: int
    vendors: int
    years: float


class _Now:
    """The time of the mail at hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


async def replay(store: Database, world: World) -> Run:
    """Find out about every mail, conclude them in order, and let the owner answer what is a day old."""
    clock = _Now()
    parts = Context(store, lambda: world.lookup, supplier_book(), clock)
    owner = Owner(parts, {posting.raw.key: posting.truth for posting in world.postings})
    for start in range(0, len(world.postings), _BATCH):
        batch = world.postings[start : start + _BATCH]
        findings = await asyncio.gather(*(_found(parts, posting) for posting in batch))
        await asyncio.to_thread(_conclude, parts, clock, owner, findings)
    clock.now += timedelta(days=3)
    await asyncio.to_thread(owner.answer, clock.now)
    with store.reading():
        outcomes = await asyncio.to_thread(_outcomes, store, world.postings, owner.first)
    return Run(tuple(outcomes), owner.asked, len(world.houses), world.years)


async def _found(parts: Context, posting: Posting) -> AuthenticatedMail:
    """What is proven: by our own checks, or where DNS has long forgotten the sender, by what its receiver saw then."""
    raw = posting.raw
    proofs = read_results(split(raw.content), [posting.trusted]) if posting.trusted else None
    if proofs is None:
        return await parse_and_authenticate(parts, raw)
    mail = parse(raw.content)
    return AuthenticatedMail(raw, mail, proofs, identify(mail, proofs, raw.envelope, parts.book), {})


def _conclude(parts: Context, clock: _Now, owner: Owner, findings: Sequence[AuthenticatedMail]) -> None:
    """Conclude as a worker does, in groups; a day of the owner's begins between groups."""
    for start in range(0, len(findings), _TOGETHER):
        group = findings[start : start + _TOGETHER]
        clock.now = group[-1].raw.envelope.received
        process_batch(parts, group)
        owner.saw([finding.raw.key for finding in group])
        owner.answer(clock.now)


def _outcomes(store: Database, postings: Sequence[Posting], first: dict[int, str]) -> list[Outcome]:
    truths = {posting.raw.key: posting.truth for posting in postings}
    parsed = {posting.raw.key: parse(posting.raw.content) for posting in postings}
    with store.reading() as session:
        owners = vendors.with_senders(session, session.exec(select(VendorRow)).all())
        rows = session.exec(
            select(HitRow, MailRow, CanaryRow.vendor_id)
            .join(MailRow, MailRow.id == HitRow.mail_id)  # type: ignore[arg-type]
            .join(CanaryRow, CanaryRow.id == HitRow.canary_id)  # type: ignore[arg-type]
        ).all()
        return [
            Outcome(
                truths[mail.key], first[hit.id or 0], hit.verdict, hit.confidence,
                tuple(reason.text for reason in reasons_of(hit.reasons)), mail.sender, mail.subject,
                _naive(parsed[mail.key], owners[vendor or 0]),
            )
            for hit, mail, vendor in rows
        ]  # fmt: skip


def _naive(mail: ParsedMail, vendor: Vendor) -> tuple[bool, ...]:
    return tuple(accuses(mail, vendor.name, vendor.domains) for accuses in NAIVE.values())
