"""Mutes: cases and vendors that an owner wants no alerts about, for good or until a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session, col, select

from canary.model.alert import Alert
from canary.store.queries import audit, outbox
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CaseRow, DeliveryRow, MuteRow

FOR_GOOD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mutes:
    """What is muted now, by subject, and until when."""

    until: Mapping[str, datetime]

    def of(self, fact: Alert) -> datetime | None:
        """Return until when a fact is muted, if it is; a fact about several vendors is muted when all of them are."""
        case = self.until.get(f"case:{fact.case}")
        if case is not None:
            return case
        ends = [self.until.get(f"vendor:{slug}") for slug in fact.vendors]
        known = [end for end in ends if end is not None]
        return min(known) if known and len(known) == len(ends) else None


def active_mutes(session: Session, now: datetime) -> Mutes:
    """Return what is muted or snoozed."""
    rows = session.exec(select(MuteRow)).all()
    ends = {row.subject: row.until or FOR_GOOD for row in rows}
    return Mutes({subject: end for subject, end in ends.items() if end > now})


def mute(session: Session, subject: str, who: str, now: datetime) -> None:
    """Send no alerts about a subject (`case:7` or `vendor:play`) from now on, nor those that wait.

    Raises Unknown where there is no such case or vendor.
    """
    _hush(session, subject, None, who, now)
    for row in _waiting(session, subject):
        row.state = "muted"


def snooze(session: Session, subject: str, until: datetime, who: str, now: datetime) -> None:
    """Hold alerts about a subject until a time; raises Unknown, and ValueError for a past time."""
    if until <= now:
        raise ValueError(f"snooze until {until:%Y-%m-%d %H:%M}: is in the past; give a future time")
    _hush(session, subject, until, who, now)
    for row in _waiting(session, subject):
        row.due_at = until


def unmute(session: Session, subject: str, who: str, now: datetime) -> None:
    """Send alerts about a subject again; what was held goes out at once, what was muted stays unsent. Raises Unknown."""
    row = session.get(MuteRow, subject)
    if row is None:
        raise Unknown(f"{subject}: not muted or snoozed; see `canary alert muted`")
    if row.until:
        for waiting in _waiting(session, subject):
            waiting.due_at = now
    session.delete(row)
    audit.audit(session, now, who, "alert-unmute", subject, "")
    session.flush()


def list_mutes(session: Session, now: datetime) -> list[MuteRow]:
    """Return what is muted or snoozed now, newest first."""
    rows = session.exec(select(MuteRow).order_by(col(MuteRow.at).desc())).all()
    return [row for row in rows if row.until is None or row.until > now]


def _hush(session: Session, subject: str, until: datetime | None, who: str, now: datetime) -> None:
    _check_subject(session, subject)
    row = session.get(MuteRow, subject) or MuteRow(subject=subject, at=now)
    row.until, row.who, row.at = until, who[:100], now
    session.add(row)
    told = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "for good"
    audit.audit(session, now, who, "alert-snooze" if until else "alert-mute", subject, told)
    session.flush()


def _check_subject(session: Session, subject: str) -> None:
    kind, _, name = subject.partition(":")
    if kind == "vendor":
        vendor_row(session, name)
    elif kind != "case" or not _is_number(name) or session.get(CaseRow, int(name)) is None:
        raise Unknown(f"{subject}: no such case; see `canary cases`")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _waiting(session: Session, subject: str) -> list[DeliveryRow]:
    """Return the messages that are not being sent yet and that are about nothing else."""
    query = select(DeliveryRow).where(DeliveryRow.state == "waiting", DeliveryRow.tries == 0).with_for_update()
    rows = session.exec(query).all()
    alone, facts = Mutes({subject: FOR_GOOD}), outbox.facts_of(session, rows)
    return [row for row in rows if all(alone.of(fact) for fact in facts[row.id or 0])]
