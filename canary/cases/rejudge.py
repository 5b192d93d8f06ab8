"""Judging past mail again by what is known of a sender now; the cases follow."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, func, update
from sqlmodel import Session, col, select

from canary.attribute.campaigns.features import addressee, worded
from canary.campaigns.membership import CampaignBatch, MailSent
from canary.cases.history import newest_decision
from canary.cases.replay import RejudgeCause, replay
from canary.evidence.entries import EntryKind, HitEntry, codes_of, verdict_entry
from canary.evidence.leaves import log_entry
from canary.judge.rules import judge
from canary.judge.track_record import hit_context, is_own_way, signers
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Canary
from canary.model.mail import RawMail
from canary.model.party import Vendor
from canary.model.verdict import HINTS, LEAKS, OWN, Judgement, Reason, Verdict
from canary.senders import supplier_links
from canary.senders.supplier_links import Use, uses
from canary.store.campaign_hits import restrike
from canary.store.codec import envelope_of, identity_of, proofs_of, reasons_json, reasons_of
from canary.store.counters import CountedHit, sums_of
from canary.store.locks import Lock, lock
from canary.store.parsed_mail import unpacked
from canary.store.queries import attempts, canaries, vendors
from canary.store.queries.track_records import TrackRecords, read_track_records
from canary.store.tables import CanaryRow, HitRow, MailContentRow, MailRow, MailSenderRow, VendorRow
from canary.store.tables.base import metadata

BATCH = 100
_OTHERS = (Verdict.SELF_TEST, Verdict.GUESS)
"""Verdicts that no decision on a vendor changes; a decoy belongs to no vendor."""
_PASSING = frozenset({Reason.HARD_TO_GUESS, Reason.EASY_TO_GUESS, Reason.GUESS_BY_SHAPE, Reason.RSPAMD})
"""Reasons that change as guesses come in, or that stand beside the verdict; they alone make no new judgement."""


@dataclass(slots=True)
class RejudgeOutcome:
    """The outcome: hits checked and changed, cases opened and closed, addresses that were freed and burned.

    `waiting` hits are too many to be judged at once, and follow (`canary.cases.past_mail`).
    """

    looked: int = 0
    changed: int = 0
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    burned: list[str] = field(default_factory=list)
    waiting: int = 0

    def add(self, other: "RejudgeOutcome") -> None:
        """Add the outcome of another round."""
        self.looked, self.changed = self.looked + other.looked, self.changed + other.changed
        self.waiting += other.waiting
        self.opened, self.closed = self.opened + other.opened, self.closed + other.closed
        self.freed, self.burned = self.freed + other.freed, self.burned + other.burned

    def __str__(self) -> str:
        """Return it in words."""
        cases = [f"case {n} opened" for n in self.opened] + [f"case {n} closed" for n in self.closed]
        waits = [f"{self.waiting} mails will be judged again"] if self.waiting else []
        done = [f"{self.changed} of {self.looked} mails judged again"] if self.looked or not waits else []
        return ", ".join([*done, *waits, *cases])


def of_sender(key: str) -> ColumnElement[bool]:
    """Select the hits of mails whose sender proved a key, or claims it."""
    return col(HitRow.mail_id).in_(select(MailSenderRow.mail_id).where(MailSenderRow.key == key))


def own_since(at: datetime) -> ColumnElement[bool]:
    """Select the hits of the vendor's own mail since a time."""
    return (col(HitRow.at) >= at) & col(HitRow.verdict).in_(sorted(OWN))


def count_hits(session: Session, vendor_id: int, which: ColumnElement[bool]) -> int:
    """Count the hits of a vendor that a decision would have judged again."""
    return int(session.execute(_concerned(select(func.count()), vendor_id, which)).scalar_one())


def rejudge(
    session: Session, vendor_id: int, which: ColumnElement[bool], cause: RejudgeCause, counts_now: int | None = None
) -> RejudgeOutcome:
    """Judge some hits of a vendor again by what is known now, and bring the cases into line; all in one transaction.

    Only a batch of mails is in memory at a time, however many there are. The hits at a canary that `counts_now` begin to
    bear on cases, whatever becomes of their verdicts.
    """
    lock(session, Lock.CASES)
    session.flush()
    round_ = _Round(session, vendor_id, vendors.vendors_by_id(session, [vendor_id])[vendor_id])
    for batch in _batches(session, vendor_id, which):
        round_.judge(batch)
    if counts_now is not None:
        mine = update(_HIT).where(_HIT.c.canary_id == counts_now, _HIT.c.case_id.is_(None))
        session.execute(mine.values(decision=newest_decision(session)))
        round_.bearing = True
        round_.canaries.add(counts_now)
    outcome = round_.outcome
    restrike(session, round_.campaigns)
    lost = supplier_links.forget_shown(session, round_.lost.values())
    if supplier_links.learn(session, round_.uses.values()) or lost or round_.bearing:
        again = replay(session, vendor_id, round_.freed, round_.canaries, cause)
        restrike(session, again.campaigns, again.cases | set(round_.freed))
        again.conclude(session, cause)
        outcome.opened, outcome.closed, outcome.freed, outcome.burned = (
            again.opened,
            again.closed,
            again.freed,
            again.burned,
        )
    session.flush()
    return outcome


def decide_about(session: Session, vendor_id: int) -> None:
    """Count a decision about a vendor: a batch that was judged without it is judged again before it is written."""
    lock(session, Lock.CASES)
    session.execute(update(VendorRow).where(col(VendorRow.id) == vendor_id).values(decisions=VendorRow.decisions + 1))


def _concerned(chosen: Any, vendor_id: int, which: ColumnElement[bool]) -> Any:
    """Read of the hits of a vendor that are kept whole, and that a decision about the vendor can change."""
    return (
        chosen.select_from(HitRow)
        .join(CanaryRow, CanaryRow.id == HitRow.canary_id)
        .join(MailRow, MailRow.id == HitRow.mail_id)
        .join(MailContentRow, MailContentRow.mail_id == MailRow.id)
        .where(CanaryRow.vendor_id == vendor_id, col(HitRow.verdict).not_in(_OTHERS), which)
    )


def hits_after(session: Session, vendor_id: int, which: ColumnElement[bool], last: int, most: int) -> list[int]:
    """Return the ids of the next hits that a decision concerns, after one."""
    query = _concerned(select(HitRow.id), vendor_id, which).where(col(HitRow.id) > last)
    return list(session.execute(query.order_by(HitRow.id).limit(most)).scalars())


def _batches(session: Session, vendor_id: int, which: ColumnElement[bool]) -> Iterator[Sequence[Row[Any]]]:
    chosen: Any = select(  # type: ignore[call-overload]
            HitRow.id, HitRow.at, HitRow.verdict, HitRow.reasons, HitRow.case_id, CanaryRow.address, HitRow.mail_id,
            HitRow.canary_id, HitRow.decision, HitRow.burns, MailRow.identity_domain, MailRow.key, MailRow.sha256, MailRow.received_at, MailRow.envelope,
            MailRow.identity, MailRow.proofs, MailRow.campaign_id, MailRow.subject, MailRow.message_id, MailRow.text, MailRow.parts,
            MailContentRow.parsed,
    )  # fmt: skip
    query = _concerned(chosen, vendor_id, which).order_by(HitRow.id).limit(BATCH)
    last = 0
    while batch := session.execute(query.where(col(HitRow.id) > last)).all():
        yield batch
        last = batch[-1].id


@dataclass(frozen=True, slots=True)
class _Change:
    """A stored hit whose judgement changes."""

    hit: Row[Any]
    mail: AuthenticatedMail
    canary: Canary
    judgement: Judgement


@dataclass(slots=True)
class _Round:
    """One vendor's hits being judged again: verdicts, counts, suppliers, hits that left a case, and whether any is affected."""

    session: Session
    vendor_id: int
    vendor: Vendor
    outcome: RejudgeOutcome = field(default_factory=RejudgeOutcome)
    freed: Counter[int] = field(default_factory=Counter)
    canaries: set[int] = field(default_factory=set)
    campaigns: set[int] = field(default_factory=set)
    bearing: bool = False
    uses: dict[tuple[str, str], Use] = field(default_factory=dict)
    lost: dict[tuple[str, str], Use] = field(default_factory=dict)
    guesses: dict[str, Counter[str]] = field(default_factory=dict)
    records: TrackRecords = field(default_factory=TrackRecords)

    def judge(self, batch: Sequence[Row[Any]]) -> None:
        """Judge a batch and write what changed."""
        known = canaries.find_canaries(self.session, {hit.address for hit in batch})
        signed_by = {signer for hit in batch for signer in signers(identity_of(hit.identity).domains)}
        self.records = read_track_records(self.session, {hit.canary_id for hit in batch}, [self.vendor_id], signed_by)
        changed = [change for hit in batch if (change := self._judge_one(hit, known[hit.address]))]
        self._link(changed)
        if changed:
            decision = newest_decision(self.session)
            rows = [_written(change, decision) for change in changed]
            self.session.connection().execute(_CHANGE, rows)
            for change, written in zip(changed, rows, strict=True):
                _log(self.session, change, written)
        for change in changed:
            self._count(change)
        self.outcome.looked += len(batch)
        self.outcome.changed += len(changed)

    def _judge_one(self, hit: Row[Any], canary: Canary) -> _Change | None:
        mail = stored_mail(hit)
        owner, guesses = (self.vendor_id, self.vendor), self._guesses(canary.domain)
        context = hit_context(mail, canary, owner, self.records, guesses)
        judgement = judge(context)
        own_way = is_own_way(context, judgement)
        if own_way or (hit.verdict in OWN and judgement.verdict not in OWN):
            for use in uses(self.vendor_id, self.vendor, canary.channel, hit.at, mail.identity):
                _add_use(self.uses if own_way else self.lost, use)
        return None if _same(hit, judgement) else _Change(hit, mail, canary, judgement)

    def _count(self, change: _Change) -> None:
        """Correct the counts for one changed hit."""
        hit, judgement = change.hit, change.judgement
        counters = sums_of(self.session)
        counters.remove(CountedHit(hit.canary_id, hit.at, hit.verdict, hit.identity_domain))
        counters.add(CountedHit(hit.canary_id, hit.at, judgement.verdict.value, hit.identity_domain))
        self.campaigns.add(hit.campaign_id or 0)
        if _weight(hit.verdict) != _weight(judgement.verdict):
            self.bearing = True
            self.canaries.add(hit.canary_id)
        if hit.case_id is not None and not _stays(hit, judgement):
            self.freed[hit.case_id] += 1

    def _link(self, changed: Sequence[_Change]) -> None:
        """Let mails that are charged now join their campaigns; the vendor's own mail had none."""
        lone = {c.hit.mail_id: c for c in changed if c.judgement.leak and c.hit.campaign_id is None}
        batch = CampaignBatch(self.session)
        for number, change in lone.items():
            # By its text alone: through whose platform a mail came is not determined again here.
            mail = change.mail.mail
            to = addressee(mail, [(change.canary, self.vendor)])
            batch.join(MailSent(number, change.hit.received_at, mail.subject), worded(mail, to))
        batch.write()
        self.campaigns.update(batch.campaigns.values())

    def _guesses(self, domain: str) -> Counter[str]:
        if domain not in self.guesses:
            self.guesses[domain] = attempts.guesses(self.session, domain)
        return self.guesses[domain]


def _add_use(seen: dict[tuple[str, str], Use], use: Use) -> None:
    """Keep the first use of a supplier on a channel."""
    before = seen.setdefault((use.supplier, use.channel), use)
    if use.at < before.at:
        seen[use.supplier, use.channel] = use


def stored_mail(row: Row[Any]) -> AuthenticatedMail:
    """Return a stored mail with all that was found out about it when it came, without its octets."""
    raw = RawMail(row.key, envelope_of(row.envelope, row.received_at), b"")
    return AuthenticatedMail(raw, unpacked(row, row.parsed), proofs_of(row.proofs), identity_of(row.identity))


def _weight(verdict: str) -> int:
    """Return how much a verdict charges the vendor: in full, weakly, or not."""
    return 2 if verdict in LEAKS else 1 if verdict in HINTS else 0


def _stays(hit: Row[Any], judgement: Judgement) -> bool:
    """Whether a hit keeps the case it was given: what charges the vendor more or less than before is assigned again."""
    return judgement.bears_on_a_case and _weight(hit.verdict) == _weight(judgement.verdict)


def _same(hit: Row[Any], judgement: Judgement) -> bool:
    before = {reason.code for reason in reasons_of(hit.reasons)} - _PASSING
    return bool(hit.verdict == judgement.verdict) and before == {reason.code for reason in judgement.reasons} - _PASSING


def _written(change: _Change, decision: int) -> dict[str, Any]:
    """Return what is kept of a hit now; one that bears on a case as it did not before gets its case when they are replayed."""
    hit, judgement = change.hit, change.judgement
    beside = (reason for reason in reasons_of(hit.reasons) if reason.code is Reason.RSPAMD)
    stays = _stays(hit, judgement)
    return {
        "hit": hit.id, "to": judgement.verdict.value, "sure": judgement.confidence, "why": reasons_json((*judgement.reasons, *beside)),
        "case": hit.case_id if stays else None, "since": hit.decision if stays else decision,
        "leaked": stays and hit.burns,
    }  # fmt: skip


def _log(session: Session, change: _Change, written: Mapping[str, Any]) -> None:
    canary, hit = change.canary, change.hit
    now = HitEntry(canary.id, canary.address, written["to"], written["sure"], codes_of(written["why"]))
    fields = verdict_entry(hit.sha256, now)
    log_entry(session, EntryKind.VERDICT, hit.id, lambda: fields)


_HIT = metadata.tables["hit"]
_CHANGE = (
    update(_HIT)
    .where(_HIT.c.id == bindparam("hit"))
    .values(
        verdict=bindparam("to"), confidence=bindparam("sure"), reasons=bindparam("why"), case_id=bindparam("case"),
        decision=bindparam("since"), burns=bindparam("leaked"),
    )
)  # fmt: skip
