"""Alerts about cases: that one opened, what changed since the last alert, reminders, and that it is over."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import distinct, func, true
from sqlmodel import Session, col, select

from canary.attribute.summary import ended
from canary.cases.conclusions import conclusion_of
from canary.cases.escalation import NotifiedState, changes
from canary.model.alert import Alert, fact_id
from canary.model.case import OPEN, CaseState, likeliest, percent
from canary.model.verdict import LEAKS, Verdict
from canary.store.codec import findings_of, reasons_of, suspects_of
from canary.store.queries import audit, outbox
from canary.store.queries.canaries import shown_in_public
from canary.store.queries.vendors import Unknown
from canary.store.tables import (
    CampaignHitRow,
    CanaryRow,
    CaseNotificationRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    VendorRow,
)

REMIND = timedelta(hours=24)
"""How long after the alert people are reminded of a new case that nobody looked at; then twice as long, and so on."""

REMINDERS = 5
_OPEN = [state.value for state in OPEN]
_LEAKS = sorted(verdict.value for verdict in LEAKS)


CRIME = (Verdict.SPAM.value, Verdict.IMPERSONATION.value)
"""Verdicts that nobody lawful earns."""

RANDOM, SURE = 60.0, 0.9
"""So many bits nobody guesses; so sure a verdict has to be to be told of alone."""


def queue_opened(session: Session, case: CaseRow) -> None:
    """Put the alert that a case opened into the outbox, with its first leak hit as the evidence."""
    first = select(func.min(HitRow.id)).where(HitRow.case_id == case.id, col(HitRow.verdict).in_(_LEAKS))
    hit = session.exec(first).one() or case.opening_hit
    row = session.get_one(HitRow, hit)
    mail = session.get(MailRow, row.mail_id) if row.mail_id else None
    fact = _with_evidence(session, case, Alert(id="", kind="case-opened", at=row.at, case=case.id or 0), hit)
    # A case that a mail opened is announced under one id, however often the mail is processed.
    told = fact_id("case-opened", case.id, mail.key if mail else hit, fact.canary)
    opened = replace(fact, id=told, campaign=(mail.campaign_id if mail else 0) or 0)
    outbox.put(session, opened, quiet=case.quiet)


def queue_watched(session: Session, case: CaseRow) -> None:
    """Put the alert into the outbox, once, that crime came to an address nobody can guess or find, and is watched."""
    query = select(HitRow.id).join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
    query = query.join(VendorRow, col(VendorRow.id) == CanaryRow.vendor_id).where(HitRow.case_id == case.id)
    crime = col(HitRow.verdict).in_(CRIME) & (col(HitRow.confidence) >= SURE)
    hidden = (col(CanaryRow.bits) >= RANDOM) & shown_in_public().is_(False)
    hit = None if case.told else session.exec(query.where(crime, hidden).order_by(col(HitRow.id)).limit(1)).first()
    if hit is not None:
        case.told = True
        text = f"Crime came to an address that nobody can guess; a leak is {percent(case.leak)} likely"
        fact = Alert(
            id=_id(case, "watched", str(hit)), kind="watched", at=case.last_hit_at, case=case.id or 0, change=text
        )
        outbox.put(session, _with_evidence(session, case, fact, hit), quiet=case.quiet)


def record_assessment(session: Session, case: CaseRow, at: datetime | None = None) -> None:
    """Record the state of a case that was just weighed, and put changes that are worth an alert into the outbox."""
    now, watched = _stand(session, case), session.get(CaseNotificationRow, case.id)
    if watched is None:
        # The alert that it opened comes from `queue_opened`.
        session.add(
            CaseNotificationRow(
                case_id=case.id or 0, topic=_topic(session, case), told=asdict(now.after(NotifiedState()))
            )
        )
        session.flush()
        return
    before = NotifiedState.of(watched.told)
    watched.told = asdict(now.after(before))
    for change in changes(before, now):
        _queue(session, case, change.kind, change.mark, change.text, at or case.last_hit_at)


def acknowledge(session: Session, case: int, who: str, now: datetime) -> None:
    """Record that somebody saw a case, which ends its reminders; raises Unknown."""
    row = session.get(CaseNotificationRow, case)
    if row is None:
        raise Unknown(f"case {case}: no such case; see `canary cases`")
    row.acknowledged_at, row.acknowledged_by, row.remind_at = now, who[:100], None
    audit.audit(session, now, who, "alert-acknowledge", f"case:{case}", "")
    session.flush()


def start_reminders(session: Session, cases: Sequence[int], now: datetime) -> None:
    """Start the time after which people are reminded of cases that were opened."""
    query = select(CaseNotificationRow).where(
        col(CaseNotificationRow.case_id).in_(cases),
        col(CaseNotificationRow.remind_at).is_(None),
        col(CaseNotificationRow.acknowledged_at).is_(None),
    )
    for row in session.exec(query):
        row.remind_at = now + REMIND


def send_due_reminders(session: Session, now: datetime) -> None:
    """Queue reminders of cases that nobody has looked at, and alerts about those that were closed or reopened."""
    _remind(session, now)
    over = _watched().where(
        col(CaseNotificationRow.resolved_at).is_(None),
        col(CaseRow.state).not_in(_OPEN),
        col(CaseRow.merged_into).is_(None),
    )
    for row, case in session.exec(over.limit(100)).all():
        row.resolved_at, row.remind_at = now, None
        _queue(session, case, "case-resolved", now.isoformat(), ended(case.state, case.outcome), now)
    again = _watched().where(col(CaseNotificationRow.resolved_at).is_not(None), col(CaseRow.state).in_(_OPEN))
    for row, case in session.exec(again.limit(100)).all():
        row.resolved_at = None
        _queue(session, case, "case-reopened", now.isoformat(), "Reopened", now)


def _remind(session: Session, now: datetime) -> None:
    due = _watched().where(col(CaseNotificationRow.remind_at) <= now).limit(100)
    for row, case in session.exec(due).all():
        row.reminders += 1
        fresh = case.state == CaseState.NEW
        row.remind_at = now + REMIND * 2**row.reminders if fresh and row.reminders < REMINDERS else None
        if fresh:
            days = max(1, (now - case.opened_at).days)
            text = f"Nobody has looked at it for {days} day{'s' if days > 1 else ''}"
            _queue(session, case, "reminder", str(row.reminders), text, now)


def _watched() -> Any:
    return (
        select(CaseNotificationRow, CaseRow)
        .join(CaseRow, col(CaseRow.id) == CaseNotificationRow.case_id)
        .order_by(col(CaseRow.id))
    )


def _queue(session: Session, case: CaseRow, kind: str, mark: str, text: str, at: datetime) -> None:
    fact = Alert(id=_id(case, kind, mark), kind=kind, at=at, case=case.id or 0, change=text)
    outbox.put(session, _with_evidence(session, case, fact), quiet=case.quiet)


def _id(case: CaseRow, kind: str, mark: str) -> str:
    # The same change of the same case is reported once, however often it comes about.
    return fact_id(kind, case.id, case.opened_at.isoformat(), mark)


def _with_evidence(session: Session, case: CaseRow, fact: Alert, hit: int | None = None) -> Alert:
    """Add the vendors of a case to a fact about it, and a leak hit as the evidence, its last one if none is named."""
    last = session.exec(
        select(  # type: ignore[call-overload]
            HitRow, CanaryRow.address, MailRow.subject, MailRow.identity_domain, MailRow.sender
        )
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .outerjoin(MailRow, col(MailRow.id) == HitRow.mail_id)
        .where(HitRow.case_id == case.id, col(HitRow.verdict).in_([verdict.value for verdict in LEAKS]))
        .where(HitRow.id == hit if hit else true())
        .order_by(col(HitRow.id).desc())
        .limit(1)
    ).first()
    vendor = session.get_one(VendorRow, case.vendor_id)
    slugs = session.exec(
        select(VendorRow.slug)
        .join(CaseVendorRow, col(CaseVendorRow.vendor_id) == VendorRow.id)
        .where(CaseVendorRow.case_id == case.id)
        .order_by(VendorRow.slug)
        .limit(100)
    ).all()
    fact = replace(fact, vendor=vendor.name, vendors=tuple(slugs) or (vendor.slug,))
    if last is None:
        return fact
    row, address, subject, domain, sender = last
    suspects = suspects_of(case.suspects)
    answer = conclusion_of(case)
    return replace(
        fact, verdict=row.verdict, confidence=row.confidence, canary=address, sender=domain or sender or "",
        subject=(subject or "")[:300], reasons=tuple(reason.text for reason in reasons_of(row.reasons)),
        suspects=likeliest(suspects), mail=row.mail_id or 0, summary=answer.headline, leak=answer.leak,
        source=answer.kind or "", how=answer.manner or "",
    )  # fmt: skip


def _stand(session: Session, case: CaseRow) -> NotifiedState:
    top = next(iter(suspects_of(case.suspects)), None)
    vendors = select(func.count()).select_from(CaseVendorRow).where(CaseVendorRow.case_id == case.id)
    canaries = select(func.count(distinct(col(CampaignHitRow.canary_id)))).where(
        CampaignHitRow.case_id == case.id, CampaignHitRow.leaks > 0
    )
    return NotifiedState(
        vendors=session.exec(vendors).one(),
        canaries=session.exec(canaries).one(),
        fields=findings_of(case.findings).leaked_fields,
        top=f"{top.kind}:{top.id}" if top else "",
        name=top.name if top else "",
        p=top.p if top else 0.0,
    )


def _topic(session: Session, case: CaseRow) -> str:
    """Return the topic of a case: the campaign of its first hit, so that a campaign is one topic in all its cases."""
    query = (
        select(MailRow.campaign_id)
        .join(HitRow, col(HitRow.mail_id) == MailRow.id)
        .where(HitRow.case_id == case.id, col(MailRow.campaign_id).is_not(None))
        .order_by(col(HitRow.id))
        .limit(1)
    )
    campaign = session.exec(query).first()
    return f"campaign:{campaign}" if campaign else f"case:{case.id}"
