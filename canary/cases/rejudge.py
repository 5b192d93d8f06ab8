"""Judging again: what the owner decided is applied to the mail that came before, and the cases follow."""

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import ColumnElement, Row, bindparam, func, update
from sqlmodel import Session, col, select

from canary.attribute.campaigns.features import addressee, worded
from canary.campaigns import membership
from canary.canaries import lifecycle
from canary.cases import records
from canary.cases.charge import CASES_LOCK, Charge, assess_and_record, charge
from canary.judge.rules import HitContext, judge
from canary.mail.parse import parse
from canary.model.alert import Alert
from canary.model.canary import Canary, CanaryState
from canary.model.case import CaseState
from canary.model.identity import Identity
from canary.model.party import Vendor
from canary.model.verdict import HINTS, LEAKS, Judgement, Reason, Verdict
from canary.senders.supplier_links import Use, uses
from canary.store.campaign_hits import restrike
from canary.store.codec import envelope_of, identity_of, proofs_of, suspects_of
from canary.store.counters import CountedHit, sums_of
from canary.store.database import lock
from canary.store.queries import attempts, canaries, mails, outbox, vendors
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailContentRow,
    MailRow,
    MailSenderRow,
)
from canary.store.tables.base import metadata

BATCH = 100
_OWN = (Verdict.EXPECTED, Verdict.SUPPLIER)
_OTHERS = (Verdict.SELF_TEST, Verdict.GUESS)
"""Verdicts that no decision on a vendor changes; what came to a decoy is none of the vendor's."""
_PASSING = frozenset({Reason.HARD_TO_GUESS, Reason.EASY_TO_GUESS, Reason.GUESS_BY_SHAPE, Reason.RSPAMD})
"""Reasons that change as guesses come in, or that stand beside the verdict; they alone make no new judgement."""


@dataclass(frozen=True, slots=True)
class RejudgeCause:
    """Why hits are judged again: what was decided, in words, by whom and when."""

    text: str
    who: str
    at: datetime


@dataclass(slots=True)
class RejudgeOutcome:
    """What came of it: hits looked at and changed, cases opened and closed, and the suppliers that own mail shows."""

    looked: int = 0
    changed: int = 0
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    uses: dict[tuple[str, str], Use] = field(default_factory=dict)

    def add(self, other: "RejudgeOutcome") -> None:
        """Count what another round did as well."""
        self.looked, self.changed = self.looked + other.looked, self.changed + other.changed
        self.opened += other.opened
        self.closed += other.closed

    def __str__(self) -> str:
        """Say it in words."""
        cases_told = [f"case {n} opened" for n in self.opened] + [f"case {n} closed" for n in self.closed]
        return ", ".join([f"{self.changed} of {self.looked} mails judged anew", *cases_told])


def of_sender(key: str) -> ColumnElement[bool]:
    """Choose the hits of mails whose sender proved a key."""
    return col(HitRow.mail_id).in_(select(MailSenderRow.mail_id).where(MailSenderRow.key == key))


def own_since(at: datetime) -> ColumnElement[bool]:
    """Choose the hits of the vendor's own mail since a time."""
    return (col(HitRow.at) >= at) & col(HitRow.verdict).in_(_OWN)


def rejudge(session: Session, vendor_id: int, which: ColumnElement[bool], cause: RejudgeCause) -> RejudgeOutcome:
    """Judge some hits of a vendor again by what is known now, and bring the cases in order; all in one transaction.

    Only a batch of mails is in memory at a time, however many there are.
    """
    lock(session, CASES_LOCK)
    session.flush()
    bench = _Bench(session, vendor_id, vendors.vendors_by_id(session, [vendor_id])[vendor_id], cause)
    for batch in _batches(session, vendor_id, which):
        bench.judge(batch)
    bench.settle()
    return bench.outcome


def _batches(session: Session, vendor_id: int, which: ColumnElement[bool]) -> Iterator[list[Row[Any]]]:
    query = (
        select(  # type: ignore[call-overload]
            HitRow.id, HitRow.at, HitRow.verdict, HitRow.reasons, HitRow.case_id, CanaryRow.address, HitRow.mail_id,
            HitRow.canary_id, MailRow.identity_domain,
            MailRow.key, MailRow.received_at, MailRow.subject, MailRow.envelope, MailRow.identity, MailRow.proofs,
            MailRow.campaign_id, MailRow.sender, MailContentRow.content,
        )
        .join(CanaryRow, CanaryRow.id == HitRow.canary_id)
        .join(MailRow, MailRow.id == HitRow.mail_id)
        .join(MailContentRow, MailContentRow.mail_id == MailRow.id)
        .where(CanaryRow.vendor_id == vendor_id, col(HitRow.verdict).not_in(_OTHERS), which)
        .order_by(HitRow.id)
        .limit(BATCH)
    )  # fmt: skip
    last = 0
    while batch := session.execute(query.where(col(HitRow.id) > last)).all():
        yield list(batch)
        last = batch[-1].id


@dataclass(frozen=True, slots=True)
class _Change:
    """A kept hit about which something else is said now."""

    hit: Row[Any]
    hearing: HitContext
    found: Judgement


@dataclass(slots=True)
class _Bench:
    """One vendor's hits being judged again, and what that does to cases and canaries."""

    session: Session
    vendor_id: int
    vendor: Vendor
    cause: RejudgeCause
    outcome: RejudgeOutcome = field(default_factory=RejudgeOutcome)
    left: Counter[int] = field(default_factory=Counter)
    joined: CaseRow | None = None
    opening: _Change | None = None
    burned: set[int] = field(default_factory=set)
    freed: dict[int, set[datetime]] = field(default_factory=dict)
    tried: dict[str, Counter[str]] = field(default_factory=dict)
    struck: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))

    def judge(self, batch: list[Row[Any]]) -> None:
        """Judge a batch and write what changed."""
        known = canaries.find_canaries(self.session, {hit.address for hit in batch})
        changed: list[_Change] = []
        for hit in batch:
            hearing = self._hearing(hit, known[hit.address])
            found = judge(hearing)
            if found.verdict in _OWN:
                self._use(hearing.canary, hit.at, hearing.identity)
            if not _same(hit, found):
                changed.append(_Change(hit, hearing, found))
        led = self._linked(changed)
        rows = [{"hit": c.hit.id, **_written(c.hit, c.found), "case": self._case(c, led)} for c in changed]
        if rows:
            self.session.connection().execute(_CHANGE, rows)
        for change, row in zip(changed, rows, strict=True):
            self._count(change, led.get(change.hit.mail_id) or change.hit.campaign_id or 0, row["case"] or 0)
        self.outcome.looked += len(batch)
        self.outcome.changed += len(changed)

    def _count(self, change: "_Change", campaign: int, case: int) -> None:
        """Count a hit as what it is now; which campaigns and cases it concerns is looked at when all is judged."""
        hit = change.hit
        sums = sums_of(self.session)
        sums.take(CountedHit(hit.canary_id, hit.at, hit.verdict, hit.identity_domain))
        sums.add(CountedHit(hit.canary_id, hit.at, change.found.verdict.value, hit.identity_domain))
        struck_by, of_cases = self.struck
        struck_by.add(campaign)
        of_cases.update({hit.case_id or 0, case} - {0})

    def _linked(self, changed: list["_Change"]) -> dict[int, int]:
        """Let mails that are charged now join their campaigns, which the vendor's own mail has none of."""
        lone = {c.hit.mail_id: c for c in changed if c.found.leak and c.hit.campaign_id is None}
        rows = mails.rows(self.session, list(lone))
        for number, change in lone.items():
            # By its text alone: whose platform a mail came through is not asked again here.
            to = addressee(change.hearing.mail, [(change.hearing.canary, self.vendor)])
            membership.join_campaign(self.session, rows[number], worded(change.hearing.mail, to))
        return {number: row.campaign_id or 0 for number, row in rows.items()}

    def _hearing(self, hit: Row[Any], canary: Canary) -> HitContext:
        tried = self._tried(canary.domain)
        return HitContext(
            parse(zlib.decompress(hit.content)), envelope_of(hit.envelope, hit.received_at), proofs_of(hit.proofs),
            identity_of(hit.identity), canary, self.vendor, attempts=tried.total(), shapes=tried,
        )  # fmt: skip

    def settle(self) -> None:
        """Bring cases and canaries in order after the last batch."""
        self.session.flush()
        restrike(self.session, *self.struck)
        for number in sorted(self.left):
            self._settle(self.session.get_one(CaseRow, number), self.left[number])
        if self.joined is not None:
            assess_and_record(self.session, self.joined)
            if self.opening is not None:
                outbox.put(self.session, _alert(self.joined, self.vendor, self.opening))
        for canary, times in sorted(self.freed.items()):
            self._free(canary, times)
        self.session.flush()

    def _tried(self, domain: str) -> Counter[str]:
        if domain not in self.tried:
            self.tried[domain] = attempts.guesses(self.session, domain)
        return self.tried[domain]

    def _use(self, canary: Canary, at: datetime, who: Identity) -> None:
        for use in uses(self.vendor_id, self.vendor, canary.channel, at, who):
            before = self.outcome.uses.setdefault((use.supplier, use.channel), use)
            if use.at < before.at:
                self.outcome.uses[use.supplier, use.channel] = use

    def _case(self, change: "_Change", led: dict[int, int]) -> int | None:
        """Return the case of a hit whose judgement changed: it joins one, leaves one or stays where it is."""
        hit, found = change.hit, change.found
        if hit.case_id is not None and (found.leak or found.verdict in HINTS):
            return int(hit.case_id)
        if hit.case_id is not None:
            self.left[hit.case_id] += 1
            self.freed.setdefault(change.hearing.canary.id, set()).add(hit.at)
            return None
        return self._charged(change, led).id if found.leak else None

    def _charged(self, change: "_Change", led: dict[int, int]) -> CaseRow:
        hit, canary = change.hit, change.hearing.canary
        if self.joined is None:
            campaign = hit.campaign_id or led.get(hit.mail_id)
            charged = Charge(self.vendor_id, self.vendor.name, canary.id, hit.at, campaign)
            self.joined, opened = charge(self.session, charged)
            if opened:
                self.outcome.opened.append(self.joined.id or 0)
                self.opening = change
        elif canary.id not in self.burned:
            lifecycle.mark_burned_by_leak(self.session, canary.id, hit.at)
        self.joined.last_hit_at = max(self.joined.last_hit_at, hit.at)
        self.burned.add(canary.id)
        return self.joined

    def _settle(self, case: CaseRow, gone: int) -> None:
        """Take the vendor out of a case that keeps no hit of it, and close a case that keeps no leak."""
        query = select(CanaryRow.vendor_id, HitRow.verdict, func.max(HitRow.at)).join(CanaryRow)
        rows = self.session.exec(
            query.where(HitRow.case_id == case.id).group_by(col(CanaryRow.vendor_id), col(HitRow.verdict))
        ).all()
        leaks = {vendor: at for vendor, verdict, at in sorted(rows, key=lambda row: row[2]) if verdict in LEAKS}
        why = f"{gone} {'mail' if gone == 1 else 'mails'} left the case: {self.cause.text}"
        records.add_event(self.session, case, self.cause.at, "judged-anew", why, self.cause.who)
        if not leaks:
            self._close(case)
            return
        case.last_hit_at = max(leaks.values())
        if self.vendor_id not in {vendor for vendor, _, _ in rows}:
            member = self.session.get(CaseVendorRow, (case.id, self.vendor_id))
            if member is not None:
                self.session.delete(member)
            if case.vendor_id == self.vendor_id:
                case.vendor_id = min(leaks)
        self.session.flush()
        assess_and_record(self.session, case)

    def _close(self, case: CaseRow) -> None:
        case.suspects = []
        self.session.add(case)
        if case.state in records.OPEN:
            case.state, case.outcome = CaseState.CLOSED.value, CaseState.FALSE_POSITIVE.value
            self.outcome.closed.append(case.id or 0)
            text = "No mail of anybody else is left in this case."
            records.add_event(self.session, case, self.cause.at, "closed", text, self.cause.who)

    def _free(self, canary: int, times: set[datetime]) -> None:
        """Let a canary that counted as burned by a hit which is no leak be as it was; who burned it by hand meant it."""
        row = self.session.get_one(CanaryRow, canary)
        if row.burned_at not in times:
            return
        query = select(func.min(HitRow.at)).where(HitRow.canary_id == canary, col(HitRow.verdict).in_(LEAKS))
        row.burned_at = self.session.exec(query).one()
        if row.burned_at is None:
            row.state = (CanaryState.ROTATED if row.rotated_at else CanaryState.ACTIVE).value
        self.session.add(row)


def _same(hit: Row[Any], found: Judgement) -> bool:
    before = {str(reason["code"]) for reason in hit.reasons} - _PASSING
    return bool(hit.verdict == found.verdict) and before == {reason.code.value for reason in found.reasons} - _PASSING


def _written(hit: Row[Any], found: Judgement) -> dict[str, Any]:
    beside = [reason for reason in hit.reasons if reason["code"] == Reason.RSPAMD]
    reasons = [{"code": reason.code.value, "text": reason.text} for reason in found.reasons]
    return {"to": found.verdict.value, "sure": found.confidence, "why": [*reasons, *beside]}


def _alert(case: CaseRow, vendor: Vendor, change: _Change) -> Alert:
    hit, found, address = change.hit, change.found, change.hearing.canary.address
    return Alert(
        id=str(uuid5(NAMESPACE_URL, f"canary:case-opened:anew:{case.id}")), kind="case-opened", at=hit.at,
        case=case.id or 0, vendor=vendor.name, verdict=found.verdict.value, confidence=found.confidence, canary=address,
        sender=str(hit.identity.get("domain") or hit.sender), subject=hit.subject[:300],
        reasons=tuple(reason.text for reason in found.reasons),
        suspects=suspects_of(case), vendors=(vendor.slug,),
    )  # fmt: skip


_HIT = metadata.tables["hit"]
_CHANGE = (
    update(_HIT)
    .where(_HIT.c.id == bindparam("hit"))
    .values(verdict=bindparam("to"), confidence=bindparam("sure"), reasons=bindparam("why"), case_id=bindparam("case"))
)
