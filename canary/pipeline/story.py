"""One mail, from the spool to its case: the story in one place.

parse -> authenticate -> judge -> campaign -> attribute -> decide, then one commit, then the spool may forget.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from canary.authenticate.lookup import Lookup, RecordingLookup
from canary.cases import records
from canary.cases.charge import CASES_LOCK
from canary.judge.guess import chance_of_guess
from canary.judge.probe import came_from, judge_probe
from canary.judge.providers import ProviderRegistry
from canary.judge.rules import HitContext, judge
from canary.judge.selftest import HEADER, is_own
from canary.judge.senders import pending
from canary.mail.parse import parse
from canary.mail.received import Trusted, trusted_hop
from canary.model.attempt import Attempt, AttemptKind
from canary.model.mail import Client, Envelope, ParsedMail, RawMail
from canary.model.sender import Learning
from canary.model.verdict import HINTS, Reason, Verdict
from canary.pipeline.authentication import authenticate_mail
from canary.pipeline.casework import AuthenticatedMail, JudgedHit, StoredMail, attribute, join_campaigns, queue_alerts
from canary.store.counters import CountedHit, count
from canary.store.database import Database, is_down, lock
from canary.store.queries import attempts, canaries, mails, probes, vendors
from canary.store.queries.mails import Mail
from canary.store.queries.recipients import RecipientLookup

log = logging.getLogger("canary.pipeline.story")

BATCH = 50
SMALL = 64 * 1024
"""Mails of so many octets are read at once; a longer one in a thread, so that DNS answers are not kept waiting."""

NOBODY, GENTLY = Trusted(), Learning()
DNS_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 20, 60))
"""How long a mail waits for DNS when its verdict hangs on an answer that failed for the moment."""


class Inbox(Protocol):
    """What the pipeline asks of a spool."""

    @property
    def uid(self) -> str:
        """The name of the spool, for good."""

    def waiting(self, limit: int, now: datetime) -> list[RawMail]:
        """Return mails that are due, oldest first."""

    def done(self, keys: Sequence[str]) -> None:
        """Forget mails for good."""

    def postpone(self, key: str, until: datetime, fault: str) -> None:
        """Let a mail wait, and say why."""

    def tries(self, key: str) -> int:
        """Return how often a mail was postponed."""

    def attempts(self, limit: int) -> list[tuple[int, Attempt]]:
        """Return numbered attempts, oldest first."""

    def forget_attempts(self, upto: int) -> None:
        """Forget attempts up to a number."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the pipeline works with; `passed` is told the name of each stage as it ends (for metrics)."""

    store: Database
    lookup: Callable[[], Lookup]
    book: ProviderRegistry
    clock: Callable[[], datetime]
    passed: Callable[[str], None] = lambda _: None
    trusted: Trusted = NOBODY
    key: bytes = b""
    learning: Learning = GENTLY


class Unsettled(Exception):
    """The verdict hangs on a DNS answer that failed for the moment."""


async def parse_and_authenticate(parts: Context, raw: RawMail) -> AuthenticatedMail:
    """Parse and authenticate a mail; the DNS answers used are kept with it."""
    small = len(raw.content) < SMALL
    mail = parse(raw.content) if small else await asyncio.to_thread(parse, raw.content)
    parts.passed("parse")
    lookup = RecordingLookup(parts.lookup())
    envelope = delivered(mail, raw.envelope, parts.trusted)
    proofs, identity = await authenticate_mail(raw.content, mail, envelope, lookup, parts.book)
    parts.passed("authenticate")
    return AuthenticatedMail(raw, mail, proofs, identity, lookup.answers, envelope.client)


def delivered(mail: ParsedMail, envelope: Envelope, trusted: Trusted) -> Envelope:
    """Return the envelope as it was at our border: behind a machine of ours, the client is the one it took the mail from.

    Where our own machine does not tell, the client is unknown, and nothing is held against the sender for that.
    """
    if not (trusted.networks or trusted.hosts):
        return envelope
    hop = trusted_hop(mail, trusted, envelope.client)
    return replace(envelope, client=hop.client if hop else Client(""))


def process_mail(parts: Context, finding: AuthenticatedMail, *, patient: bool = False) -> None:
    """Judge a mail and commit all that follows from it as one; a mail that was concluded before changes nothing.

    A patient conclusion raises Unsettled rather than commit a verdict that DNS may still overturn.
    """
    if process_batch(parts, [finding], {finding.raw.key} if patient else ()):
        raise Unsettled(finding.raw.key)


def process_batch(
    parts: Context, findings: Sequence[AuthenticatedMail], patient: Collection[str] = ()
) -> frozenset[str]:
    """Conclude mails in their order, in one transaction; return which of the patient ones DNS may still overturn.

    Nothing is committed of those.
    """
    with parts.store.writing() as session:
        done = mails.kept(session, [finding.raw.key for finding in findings])
        fresh = [finding for finding in findings if finding.raw.key not in done]
        heard = store_and_judge(session, parts, fresh)
        waiting = {h.finding.raw.key: h.mail_id for h in heard if h.finding.raw.key in patient and _hangs_on_dns(h)}
        mails.forget(session, waiting.values())
        heard = [h for h in heard if h.mail_id not in waiting.values()]
        parts.passed("judge")
        led = join_campaigns(session, heard, parts.book)
        parts.passed("campaign")
        touched = attribute(session, heard, led)
        parts.passed("attribute")
        queue_alerts(session, touched, parts.learning)
        parts.passed("decide")
    parts.passed("commit")
    return frozenset(waiting)


def store_and_judge(session: Session, parts: Context, findings: Sequence[AuthenticatedMail]) -> list[StoredMail]:
    """Keep mails and judge them, one after the other, at each canary they reached."""
    register = RecipientLookup(session, {to for finding in findings for to in finding.raw.envelope.rcpt_to})
    kept = mails.keep_mails(session, [Mail(f.raw, f.mail, f.proofs, f.identity, f.answers) for f in findings])
    return [StoredMail(f, kept[f.raw.key], judge_hits(register, f, parts.key)) for f in findings]


def judge_hits(register: RecipientLookup, finding: AuthenticatedMail, key: bytes = b"") -> list[JudgedHit]:
    """Judge a mail at each canary it reached; `key` is what self-tests of this installation are signed with."""
    # A program says it in a header of its own; a person can only write a subject.
    token, received = finding.mail.header(HEADER) or finding.mail.subject, finding.raw.envelope.received
    judged = []
    for canary in register.reached(finding.raw.envelope.rcpt_to):
        vendor_id, vendor = register.owner(canary)
        tried = register.guesses(canary.domain)
        hearing = HitContext(
            finding.mail,
            finding.raw.envelope,
            finding.proofs,
            finding.identity,
            canary,
            vendor,
            attempts=tried.total(),
            shapes=tried,
            self_test=is_own(token, key, canary.address, received),
        )
        judged.append(JudgedHit(canary, vendor_id, vendor, judge(hearing)))
        register.ask(vendor, pending(finding.identity, vendor, judged[-1].judgement))
    return judged


async def run_pending(parts: Context, inbox: Inbox) -> int:
    """Process every mail that is due, and take over attempts; return how many mails were looked at.

    A fault of one mail lets that mail wait and the others pass; a store that is down raises, and all wait.
    """
    await asyncio.to_thread(take_attempts, parts, inbox)
    waiting = await asyncio.to_thread(inbox.waiting, BATCH, parts.clock())
    # DNS is asked for all of them at once; they are concluded in the order in which they came.
    found = await asyncio.gather(*(parse_and_authenticate(parts, raw) for raw in waiting), return_exceptions=True)
    for raw, fault in zip(waiting, found, strict=True):
        if isinstance(fault, BaseException):
            await asyncio.to_thread(_fail, parts, inbox, raw, fault)
    await asyncio.to_thread(
        commit_batch, parts, inbox, [finding for finding in found if isinstance(finding, AuthenticatedMail)]
    )
    return len(waiting)


def commit_batch(parts: Context, inbox: Inbox, findings: Sequence[AuthenticatedMail]) -> None:
    """Commit what was found, in one transaction, then let the spool forget the mails.

    If that fails, each mail gets a transaction of its own, so that the one at fault waits and the others pass.
    """
    patient = {f.raw.key for f in findings if f.proofs.unsettled and inbox.tries(f.raw.key) < len(DNS_WAITS)}
    try:
        unsettled = process_batch(parts, findings, patient) if findings else frozenset()
    except Exception as fault:
        if is_down(fault):
            raise
        if len(findings) == 1:
            return _fail(parts, inbox, findings[0].raw, fault)
        for finding in findings:
            commit_batch(parts, inbox, [finding])
        return None
    inbox.done([f.raw.key for f in findings if f.raw.key not in unsettled])
    parts.passed("done")
    for finding in findings:
        if finding.raw.key in unsettled:
            _postpone(parts, inbox, finding.raw, "DNS could not answer")
    return None


def take_attempts(parts: Context, inbox: Inbox) -> None:
    """Count the attempts of a spool in the store, each once."""
    numbered = inbox.attempts(1000)
    if not numbered:
        return
    with parts.store.writing() as session:
        fresh = attempts.take_attempts(session, inbox.uid, numbered)
        # Who asks for an address by VRFY checks a list as well.
        probed = [a for a in fresh if a.kind in (AttemptKind.PROBE, AttemptKind.VERIFY) and a.address]
        if probed:
            lock(session, CASES_LOCK)
        count(session, [counted for probe in probed if (counted := take_probe(session, probe))])
    inbox.forget_attempts(numbered[-1][0])


def take_probe(session: Session, probe: Attempt) -> CountedHit | None:
    """Keep a probe as a hit without a mail, which joins a case that is open; the vendor's own hosts probe nothing.

    Return what is to be counted.
    """
    canary = canaries.find_canaries(session, [probe.address]).get(probe.address)
    if canary is None or came_from(probe.source, probes.own_clients(session, canary.id, probe.at)):
        return None
    if probes.seen_before(session, canary.id, probe):
        return None
    tried = attempts.guesses(session, canary.domain)
    judgement = judge_probe(canary, probe.source, chance_of_guess(canary, tried.total(), tried))
    hit = probes.keep_probe(session, canary.id, probe, judgement)
    vendor_id = vendors.vendor_row(session, canary.vendor).id or 0 if canary.vendor else 0
    case = records.open_case_of(session, vendor_id)
    if case is not None and judgement.verdict in HINTS:
        hit.case_id = case.id
        records.add_to_case(session, case, hit.at, vendor_id)
    return CountedHit(canary.id, hit.at, hit.verdict, case=hit.case_id or 0)


def _fail(parts: Context, inbox: Inbox, raw: RawMail, fault: BaseException) -> None:
    """Let a mail wait that could not be concluded, and say why."""
    if not isinstance(fault, Exception) or is_down(fault):
        raise fault
    log.error("mail %s: %s; it stays in the spool and is tried again", raw.key, type(fault).__name__, exc_info=fault)
    _postpone(parts, inbox, raw, f"{type(fault).__name__}: {fault}"[:300])


def _postpone(parts: Context, inbox: Inbox, raw: RawMail, fault: str) -> None:
    until = parts.clock() + DNS_WAITS[min(inbox.tries(raw.key), len(DNS_WAITS) - 1)]
    inbox.postpone(raw.key, until, fault)


def _hangs_on_dns(heard: StoredMail) -> bool:
    return any(
        j.judgement.verdict is Verdict.NEW_SENDER and any(r.code is Reason.DNS_UNSETTLED for r in j.judgement.reasons)
        for j in heard.judged
    )
