"""One mail, from the spool to its case: the story in one place.

parse -> authenticate -> judge -> campaign -> attribute -> decide, then one commit, then the spool may forget.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import Session

from canary.attribute.features import addressee, sending
from canary.attribute.suspects import suspects
from canary.authenticate.everything import authenticate
from canary.authenticate.iprev import verified_name
from canary.authenticate.lookup import Lookup, RecordingLookup
from canary.authenticate.message import split
from canary.judge.identity import identify
from canary.judge.rules import Hearing, judge
from canary.judge.suppliers import SupplierBook
from canary.mail.parse import parse
from canary.mail.trace import Trusted, trusted_hop
from canary.model.alert import Alert
from canary.model.attempt import Attempt
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Client, Envelope, ParsedMail, RawMail
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.verdict import HINTS, Judgement, Reason, Verdict
from canary.store import attempts, campaigns, canaries, cases, mails, outbox, vendors
from canary.store.database import Database, is_down, lock
from canary.store.tables import CaseRow, HitRow, MailRow

log = logging.getLogger("canary.pipeline")

BATCH = 50
OWN = (Verdict.SELF_TEST, Verdict.EXPECTED, Verdict.SUPPLIER)
CASES_LOCK = 7203252
NOBODY = Trusted()
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
class Parts:
    """What the pipeline works with; `passed` is told the name of each stage as it ends (for metrics)."""

    store: Database
    lookup: Callable[[], Lookup]
    book: SupplierBook
    clock: Callable[[], datetime]
    passed: Callable[[str], None] = lambda _: None
    trusted: Trusted = NOBODY


@dataclass(frozen=True, slots=True)
class Finding:
    """What one mail says and what was proven about it, before anybody's address comes into it.

    `client` is the host that brought the mail to our border.
    """

    raw: RawMail
    mail: ParsedMail
    proofs: Proofs
    identity: Identity
    answers: Mapping[str, object]
    client: Client


@dataclass(frozen=True, slots=True)
class Judged:
    """One canary's share of a mail: whose address it is, and what the hit means there."""

    canary: Canary
    vendor_id: int
    vendor: Vendor
    judgement: Judgement


class Unsettled(Exception):
    """The verdict hangs on a DNS answer that failed for the moment."""


async def settle(parts: Parts, inbox: Inbox, finding: Finding) -> None:
    """Commit what was found, then let the spool forget the mail."""
    key = finding.raw.key
    patient = await asyncio.to_thread(inbox.tries, key) < len(DNS_WAITS)
    await asyncio.to_thread(conclude, parts, finding, patient=patient)
    await asyncio.to_thread(inbox.done, [key])
    parts.passed("done")


async def find(parts: Parts, raw: RawMail) -> Finding:
    """Parse and authenticate a mail; the DNS answers used are kept with it."""
    mail = await asyncio.to_thread(parse, raw.content)
    parts.passed("parse")
    lookup = RecordingLookup(parts.lookup())
    envelope = delivered(mail, raw.envelope, parts.trusted)
    proofs, identity = await examine(raw.content, mail, envelope, lookup, parts.book)
    parts.passed("authenticate")
    return Finding(raw, mail, proofs, identity, lookup.answers, envelope.client)


def delivered(mail: ParsedMail, envelope: Envelope, trusted: Trusted) -> Envelope:
    """Return the envelope as it was at our border: behind a machine of ours, the client is the one it took the mail from.

    Where our own machine does not tell, the client is unknown, and nothing is held against the sender for that.
    """
    if not (trusted.networks or trusted.hosts):
        return envelope
    hop = trusted_hop(mail, trusted, envelope.client)
    return replace(envelope, client=hop.client if hop else Client(""))


async def examine(
    content: bytes, mail: ParsedMail, envelope: Envelope, lookup: Lookup, book: SupplierBook
) -> tuple[Proofs, Identity]:
    """Find out what is proven about a mail, and who that makes the sender."""
    proofs = await authenticate(split(content), envelope, lookup, envelope.received)
    host = await verified_name(envelope.client.ip, lookup)
    return proofs, identify(mail, proofs, envelope, book, host)


def conclude(parts: Parts, finding: Finding, *, patient: bool = False) -> None:
    """Judge a mail and commit all that follows from it as one; a mail that was concluded before changes nothing.

    A patient conclusion raises Unsettled rather than commit a verdict that DNS may still overturn.
    """
    with parts.store.writing() as session:
        if mails.is_kept(session, finding.raw.key):
            return
        judged = judge_hits(session, finding)
        if patient and any(_hangs_on_dns(j.judgement) for j in judged):
            raise Unsettled(finding.raw.key)
        parts.passed("judge")
        row = mails.keep_mail(
            session, finding.raw, finding.mail, finding.proofs, finding.identity, answers=finding.answers
        )
        hits = [mails.keep_hit(session, row, j.canary.id, j.judgement) for j in judged]
        campaign = link(session, finding, row, judged, parts.book)
        parts.passed("campaign")
        touched = [take(session, row, hit, j, campaign) for hit, j in zip(hits, judged, strict=True)]
        parts.passed("attribute")
        decide(session, finding, judged, touched)
        parts.passed("decide")
    parts.passed("commit")


def judge_hits(session: Session, finding: Finding) -> list[Judged]:
    """Judge a mail at each canary it reached."""
    reached = canaries.find(session, finding.raw.envelope.rcpt_to)
    owners = {slug: vendors.vendor_row(session, slug).id or 0 for slug in {c.vendor for c in reached.values()} if slug}
    known = vendors.vendors_by_id(session, owners.values())
    judged = []
    for canary in reached.values():
        vendor_id = owners.get(canary.vendor or "", 0)
        vendor = known.get(vendor_id, Vendor("", ""))
        tried = attempts.guesses(session, canary.domain)
        hearing = Hearing(
            finding.mail, finding.raw.envelope, finding.proofs, finding.identity, canary, vendor, attempts=tried
        )
        judged.append(Judged(canary, vendor_id, vendor, judge(hearing)))
    return judged


def link(session: Session, finding: Finding, row: MailRow, judged: Sequence[Judged], book: SupplierBook) -> int | None:
    """Let a mail of an outsider join its campaign; the vendor's own mail is no campaign."""
    if all(j.judgement.verdict in OWN for j in judged):
        return None
    to = addressee(finding.mail, ((j.canary, j.vendor) for j in judged))
    shown = sending(finding.mail, finding.proofs, finding.identity, finding.client, to, book)
    lock(session, CASES_LOCK)
    return campaigns.join_campaign(session, row, shown)


def take(
    session: Session, row: MailRow, hit: HitRow, judged: Judged, campaign: int | None
) -> tuple[CaseRow, bool] | None:
    """Bring a charged hit to its case, opening one if need be, and weigh the suspects; tell whether it is new.

    A hint (backscatter, probe) joins a case that is open and never opens one.
    """
    if not (judged.judgement.leak or judged.judgement.verdict in HINTS):
        return None
    case, opened = cases.open_case_of(session, judged.vendor_id), False
    if case is None and judged.judgement.leak and campaign is not None:
        case = cases.case_of_common_supplier(session, campaign, judged.vendor_id)
    if case is None and judged.judgement.leak:
        case, opened = cases.open_case(session, judged.vendor_id, row.received_at), True
    if case is None:
        return None
    if cases.add_to_case(session, case, hit, judged.vendor_id) and not opened:
        cases.note(session, case, row.received_at, "joined", f"{judged.vendor.name} was hit by the same campaign.")
    if judged.judgement.leak and canaries.mark_hit(session, judged.canary.id, row.received_at, case.id or 0):
        weigh(session, case)
    return case, opened


def weigh(session: Session, case: CaseRow) -> None:
    """Weigh the suspects of a case anew."""
    names = {v.slug: v.name for v in vendors.list_vendors(session)} | vendors.supplier_names(session)
    found = suspects(cases.evidence(session, case), vendors.supplies(session))
    cases.set_suspects(session, case, found, names)


def decide(
    session: Session, finding: Finding, judged: Sequence[Judged], touched: Sequence[tuple[CaseRow, bool] | None]
) -> None:
    """Put what is worth telling into the outbox: for now, that a case was opened."""
    for j, found in zip(judged, touched, strict=True):
        if found is not None and found[1]:
            outbox.put(session, _alert(finding, j, found[0]))


def _alert(finding: Finding, judged: Judged, case: CaseRow) -> Alert:
    # The id follows from the mail and the address, so that a mail concluded again after a crash says the same.
    stable = uuid5(NAMESPACE_URL, f"canary:case-opened:{finding.raw.key}:{judged.canary.address}")
    return Alert(
        id=str(stable),
        kind="case-opened",
        at=finding.raw.envelope.received,
        case=case.id or 0,
        vendor=judged.vendor.name,
        verdict=judged.judgement.verdict.value,
        confidence=judged.judgement.confidence,
        canary=judged.canary.address,
        sender=finding.identity.domain or finding.mail.sender.address,
        subject=finding.mail.subject[:300],
        reasons=tuple(reason.text for reason in judged.judgement.reasons),
        suspects=tuple((str(s["name"]), float(s["p"])) for s in case.suspects[:5]),
    )


async def run_pending(parts: Parts, inbox: Inbox) -> int:
    """Process every mail that is due, and take over attempts; return how many mails were looked at.

    A fault of one mail lets that mail wait and the others pass; a store that is down raises, and all wait.
    """
    await asyncio.to_thread(take_attempts, parts, inbox)
    waiting = await asyncio.to_thread(inbox.waiting, BATCH, parts.clock())
    # DNS is asked for all of them at once; they are concluded in the order in which they came.
    findings = [asyncio.create_task(find(parts, raw)) for raw in waiting]
    await asyncio.gather(*findings, return_exceptions=True)
    for raw, finding in zip(waiting, findings, strict=True):
        try:
            await settle(parts, inbox, await finding)
        except Unsettled:
            await _postpone(parts, inbox, raw, "DNS could not answer")
        except Exception as fault:  # one mail's fault must not stop the others
            if is_down(fault):
                raise
            log.exception("mail %s: %s; it stays in the spool and is tried again", raw.key, type(fault).__name__)
            await _postpone(parts, inbox, raw, f"{type(fault).__name__}: {fault}"[:300])
    return len(waiting)


def take_attempts(parts: Parts, inbox: Inbox) -> None:
    """Count the attempts of a spool in the store, each once."""
    numbered = inbox.attempts(1000)
    if not numbered:
        return
    with parts.store.writing() as session:
        attempts.take_attempts(session, inbox.uid, numbered)
    inbox.forget_attempts(numbered[-1][0])


async def _postpone(parts: Parts, inbox: Inbox, raw: RawMail, fault: str) -> None:
    tries = await asyncio.to_thread(inbox.tries, raw.key)
    until = parts.clock() + DNS_WAITS[min(tries, len(DNS_WAITS) - 1)]
    await asyncio.to_thread(inbox.postpone, raw.key, until, fault)


def _hangs_on_dns(judgement: Judgement) -> bool:
    return judgement.verdict is Verdict.NEW_SENDER and any(r.code is Reason.DNS_UNSETTLED for r in judgement.reasons)
