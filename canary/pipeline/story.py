"""One mail, from the spool to its case: the story in one place.

parse -> authenticate -> gather -> judge -> assign -> write, then one commit, then the spool may forget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session

from canary.attribute.campaigns.features import addressee, sending
from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.authenticate.lookup import Lookup, RecordingLookup
from canary.authenticate.message import Message, split
from canary.authenticate.same_mail import mail_digest
from canary.authenticate.vouching.side import ReceivingSide
from canary.campaigns.membership import CampaignBatch, MailSent
from canary.canaries import tentative
from canary.cases import answers, confirmation
from canary.cases.assign import NOWHERE, Assignment, CaseAssigner, CaseHit
from canary.cases.history import StoredCases
from canary.cases.keep_hits import AssignedHit, keep_hits
from canary.evidence.entries import HitEntry, MailEntry
from canary.evidence.leaves import log_mail
from canary.judge.providers import ProviderRegistry
from canary.judge.rules import judge
from canary.judge.senders import pending, sender_keys
from canary.judge.track_record import hit_context, is_own_way, shown_by, signers
from canary.mail.parse import parse
from canary.mail.received import Trusted
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Canary
from canary.model.mail import SET_ASIDE, ParsedMail, RawMail
from canary.model.party import Vendor
from canary.model.sender import LEARNED_FOR
from canary.model.verdict import FAMILIAR, Judgement, Reason, Verdict
from canary.pipeline.arrival import arrival_of, is_long_past
from canary.pipeline.authentication import AuthenticationGrounds, authenticate_mail
from canary.pipeline.copies import without_copies
from canary.senders.learn import SenderLessons, SenderSight
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.queries import mails, track_records
from canary.store.queries.outbox import QUIET
from canary.store.queries.recipients import NOBODY, Recipients, hold_decisions, read_recipients
from canary.store.queries.track_records import Shown

SMALL = 64 * 1024
"""Mails of fewer octets are parsed at once; a longer one in a thread, so that DNS answers are not kept waiting."""

Parser = Callable[[bytes], Awaitable[ParsedMail]]
"""What reads a mail: it never raises because of one, and never takes more than it may."""


async def parse_here(content: bytes) -> ParsedMail:
    """Parse a mail in this process, without limits."""
    return parse(content) if len(content) < SMALL else await asyncio.to_thread(parse, content)


NO_BORDER, NO_FORWARDERS = Trusted(), ForwarderRegistry()


@dataclass(frozen=True, slots=True)
class Context:
    """What the pipeline works with; `on_stage` is called with the name of each stage as it ends (for metrics)."""

    store: Database
    lookup: Callable[[], Lookup]
    book: ProviderRegistry
    clock: Callable[[], datetime]
    on_stage: Callable[[str], None] = lambda _: None
    trusted: Trusted = NO_BORDER
    key: bytes = b""
    learning: timedelta = LEARNED_FOR
    domains: frozenset[str] = frozenset()
    forwarders: ForwarderRegistry = NO_FORWARDERS
    parse: Parser = parse_here

    @property
    def side(self) -> ReceivingSide:
        """What belongs to us, and who may forward to us."""
        return ReceivingSide(self.domains, self.trusted, (), self.forwarders)


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """One canary's share of a mail: whose address it is, what the hit means there, and what it shows of the sender.

    `own_way` means that it shows by which way the vendor sends.
    """

    canary: Canary
    vendor_id: int
    vendor: Vendor
    judgement: Judgement
    shown: Shown
    own_way: bool = False


class DecidedMeanwhile(Exception):
    """The owner decided something about a vendor after its mails were judged."""


class JudgedMail:
    """A mail with what it means at each canary it reached."""

    def __init__(self, found: AuthenticatedMail, hits: Sequence[JudgedHit]) -> None:
        """Combine a mail and its hits; `sights` is what bears on who sends for the vendors it reached.

        `strange` means that the sender is neither a vendor whose address it reached nor the owner.
        """
        self.found, self.hits = found, hits
        self.shown: list[Shown] = []
        self.key, self.at = found.raw.key, found.raw.envelope.received
        self.strange = any(hit.judgement.verdict not in FAMILIAR for hit in hits)
        who, sender, subject = found.identity, found.mail.sender.address, found.mail.subject
        self.sights = [
            SenderSight(
                hit.vendor_id, hit.vendor, hit.canary, hit.judgement, who, self.at, sender, subject, own_way=hit.own_way
            )
            for hit in hits
            if hit.vendor_id
        ]

    @property
    def confirmed(self) -> frozenset[int]:
        """The tentative canaries that this mail, the vendor's own by proof, shows to have been given away."""
        return frozenset(hit.canary.id for hit in self.hits if hit.canary.tentative and hit.own_way)

    @property
    def hangs_on_dns(self) -> bool:
        """Whether DNS, which failed for the moment, may still overturn a verdict."""
        asked = (hit.judgement for hit in self.hits if hit.judgement.verdict is Verdict.NEW_SENDER)
        return any(reason.code is Reason.DNS_UNSETTLED for judgement in asked for reason in judgement.reasons)


async def parse_and_authenticate(context: Context, raw: RawMail) -> AuthenticatedMail:
    """Parse and authenticate a mail; the DNS answers used are kept with it."""
    mail = await context.parse(raw.content)
    context.on_stage("parse")
    return await _authenticated(context, raw, mail, split(raw.content))


async def authenticate_envelope(context: Context, raw: RawMail) -> AuthenticatedMail:
    """Authenticate the envelope of a mail that nobody reads any more, as work on it did not end before."""
    return await _authenticated(context, raw, ParsedMail(oddities=(SET_ASIDE,)), split(b""))


async def _authenticated(context: Context, raw: RawMail, mail: ParsedMail, message: Message) -> AuthenticatedMail:
    lookup = RecordingLookup(context.lookup())
    arrival, side = arrival_of(message, raw.envelope, context.side, context.clock())
    grounds = AuthenticationGrounds(context.book, side)
    mail, proofs, identity = await authenticate_mail(message, mail, arrival, lookup, grounds)
    context.on_stage("authenticate")
    if not raw.envelope.trust.sees_client:
        raw = replace(raw, envelope=arrival.envelope)  # with the client that the receiver's own line shows
    return AuthenticatedMail(raw, mail, proofs, identity, lookup.answers, arrival.envelope.client, mail_digest(message))


def process_batch(
    context: Context, found: Sequence[AuthenticatedMail], patient: Collection[str] = ()
) -> frozenset[str]:
    """Process mails in their order, in one transaction; mail that was processed before changes nothing.

    Return the keys of those among the `patient` whose verdict DNS may still overturn: nothing is written about them.
    What lay in a mailbox for long goes first, in a transaction of its own that alerts nobody.
    """
    now, waiting = context.clock(), frozenset[str]()
    past = [each for each in found if is_long_past(each.raw.envelope, now)]
    old = {each.raw.key for each in past}
    for quiet, part in ((True, past), (False, [each for each in found if each.raw.key not in old])):
        while part:
            # From the start, in a transaction of its own: what this one has locked, the next decision may wait for.
            with suppress(DecidedMeanwhile):
                waiting |= _process(context, part, patient, quiet=quiet)
                break
    return waiting


def _process(
    context: Context, found: Sequence[AuthenticatedMail], patient: Collection[str], *, quiet: bool
) -> frozenset[str]:
    waiting: set[str] = set()
    with context.store.writing() as session:
        if quiet:
            session.info[QUIET] = True
        done = mails.kept(session, [each.raw.key for each in found])
        rest = without_copies(session, [each for each in found if each.raw.key not in done])
        while rest:
            signed_by = {signer for each in rest for signer in signers(each.identity.domains)}
            recipients = read_recipients(session, {to for each in rest for to in each.raw.envelope.rcpt_to}, signed_by)
            context.on_stage("gather")
            judged = judge_batch(recipients, rest, context.key, patient)
            context.on_stage("judge")
            settled = [mail for mail in judged if not (mail.key in patient and mail.hangs_on_dns)]
            waiting |= {mail.key for mail in judged} - {mail.key for mail in settled}
            written = write_batch(session, context, recipients, settled)
            rest = [mail.found for mail in settled[written:]]
    context.on_stage("commit")
    return frozenset(waiting)


def judge_batch(
    recipients: Recipients, found: Sequence[AuthenticatedMail], key: bytes = b"", patient: Collection[str] = ()
) -> list[JudgedMail]:
    """Judge mails one after the other: what one asks the owner, or shows of its sender, holds for those that follow."""
    vendors = dict(recipients.vendors)
    judged: list[JudgedMail] = []
    for each in found:
        before = dict(vendors) if each.raw.key in patient else vendors
        hits = [
            _judge_hit(recipients, vendors, each, canary, key)
            for canary in recipients.reached(each.raw.envelope.rcpt_to)
        ]
        judged.append(JudgedMail(each, hits))
        if each.raw.key in patient and judged[-1].hangs_on_dns:
            vendors = before  # it is not settled, and neither asks the owner nor shows anything yet
            continue
        judged[-1].shown = [new for hit in hits if (new := recipients.records.add(hit.shown))]
    return judged


def _judge_hit(
    recipients: Recipients, vendors: dict[str, tuple[int, Vendor]], found: AuthenticatedMail, canary: Canary, key: bytes
) -> JudgedHit:
    vendor_id, vendor = vendors[canary.vendor] if canary.vendor else NOBODY
    owner, guesses = (vendor_id, vendor), recipients.guesses[canary.domain]
    hit = hit_context(found, canary, owner, recipients.records, guesses, key)
    judgement = judge(hit)
    own_way = is_own_way(hit, judgement)
    if fresh := pending(found.identity, vendor, judgement) - vendor.pending:
        vendors[vendor.slug] = vendor_id, replace(vendor, pending=vendor.pending | fresh)
    shown = Shown(canary.id, vendor_id, hit.envelope.received, shown_by(hit, judgement, own_way=own_way))
    return JudgedHit(canary, vendor_id, vendor, judgement, shown, own_way)


def write_batch(session: Session, context: Context, recipients: Recipients, judged: Sequence[JudgedMail]) -> int:
    """Write mails and all that follows from them, up to the first that teaches something; return how many.

    Raises DecidedMeanwhile if the owner has decided something about their vendors since these were read.
    """
    lessons = SenderLessons(session, [sight for mail in judged for sight in mail.sights], context.learning)
    # In this order: a process that waits for the lock of the cases must not hold a vendor meanwhile.
    if lessons.may_teach or any(mail.strange or mail.confirmed for mail in judged):
        lock(session, Lock.CASES)
    if hold_decisions(session, recipients.decisions) != recipients.decisions:
        raise DecidedMeanwhile
    batch = _Batch(session, context, lessons, judged)
    written = batch.assign()
    context.on_stage("assign")
    batch.write(judged[written:])
    context.on_stage("write")
    return written


class _Batch:
    """Judged mails on their way into campaigns, cases and sender profiles, one after the other."""

    def __init__(
        self, session: Session, context: Context, lessons: SenderLessons, judged: Sequence[JudgedMail]
    ) -> None:
        """Keep the mails."""
        self.session, self.book, self.clock = session, context.book, context.clock
        self.lessons, self.judged = lessons, judged
        self.rows = {mail.key: mails.row_of(mail.found) for mail in judged}
        found = [mail.found for mail in judged]
        self.ids = mails.keep_mails(session, found, sender_keys, list(self.rows.values()))
        self.stored = StoredCases(session)
        self.stored.look_up({hit.vendor_id for mail in judged for hit in mail.hits if hit.judgement.bears_on_a_case})
        self.assigner = CaseAssigner(self.stored)
        self.campaigns = CampaignBatch(session, self.assigner.merge_campaigns)
        self.assigned: list[tuple[JudgedMail, JudgedHit, Assignment]] = []

    def assign(self) -> int:
        """Assign the mails, up to the first that teaches something; return how many."""
        for number, mail in enumerate(self.judged, 1):
            campaign = self._campaign(mail) if mail.strange else 0
            for hit in mail.hits:
                self.assigned.append((mail, hit, self._assignment(mail, hit, campaign)))
            for sight in mail.sights:
                self.lessons.observe(sight, self.ids[mail.key])
            if self.lessons.have_taught or mail.confirmed:
                return number
        return len(self.judged)

    def write(self, left: Sequence[JudgedMail]) -> None:
        """Write what was assigned, without the mails that are left, then apply what was learned."""
        mails.forget(self.session, [self.ids[mail.key] for mail in left])
        self.campaigns.write()
        keep_hits(self.session, self.stored, [self._to_keep(*each) for each in self.assigned])
        self.lessons.write(self.session, self.clock())
        answers.apply_lessons(self.session, self.lessons.lessons)
        settled = self.judged[: len(self.judged) - len(left)]
        self._follow_tentative(settled)
        track_records.write_shown(self.session, [shown for mail in settled for shown in mail.shown])
        for mail in settled:
            log_mail(self.session, self.ids[mail.key], partial(_entry, self.rows[mail.key], mail))

    def _follow_tentative(self, settled: Sequence[JudgedMail]) -> None:
        """Show tentative addresses again to which mail came, and confirm those that the vendor itself wrote to."""
        tentative.wake(self.session, {h.canary.id for mail in settled for h in mail.hits if h.canary.tentative})
        for mail in settled:
            for canary in sorted(mail.confirmed):
                confirmation.confirm_by_mail(self.session, canary, mail.at)

    def _campaign(self, mail: JudgedMail) -> int:
        found = mail.found
        to = addressee(found.mail, ((hit.canary, hit.vendor) for hit in mail.hits))
        shown = sending(found.mail, found.proofs, found.identity, found.client, to, self.book)
        return self.campaigns.join(MailSent(self.ids[mail.key], mail.at, found.mail.subject), shown)

    def _assignment(self, mail: JudgedMail, hit: JudgedHit, campaign: int) -> Assignment:
        if not hit.judgement.bears_on_a_case or hit.canary.tentative:
            return NOWHERE
        bearing = CaseHit(hit.vendor_id, hit.vendor.name, hit.canary.id, mail.at, hit.judgement.leak, campaign)
        return self.assigner.assign(bearing)

    def _to_keep(self, mail: JudgedMail, hit: JudgedHit, made: Assignment) -> AssignedHit:
        number = self.ids[mail.key]
        # Asked at the end, as a later mail may have shown two campaigns to be one.
        campaign = self.campaigns.campaigns.get(number, 0)
        return AssignedHit(
            number, hit.canary.id, mail.at, hit.judgement, mail.found.identity.domain, hit.vendor_id, hit.vendor.name,
            campaign, made,
        )  # fmt: skip


def _entry(row: Mapping[str, Any], mail: JudgedMail) -> MailEntry:
    """Return what the log has of a mail, with what it meant at each address that it reached."""
    hits = tuple(_hit_entry(hit) for hit in mail.hits)
    return MailEntry(row["sha256"], row["size"], row["envelope"], row["proofs"], row["answers"], hits)


def _hit_entry(hit: JudgedHit) -> HitEntry:
    judged = hit.judgement
    codes = tuple(reason.code.value for reason in judged.reasons)
    return HitEntry(hit.canary.id, hit.canary.address, judged.verdict.value, judged.confidence, codes)
