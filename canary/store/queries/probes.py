"""Probes: canaries that were asked for and got no mail, one finding for each network and day."""

from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.model.attempt import Attempt
from canary.model.verdict import FAMILIAR
from canary.store.codec import envelope_of
from canary.store.tables import HitRow, MailRow, ProbeRow

MOST_A_DAY = 20
"""Findings at one canary on one day; whoever asks from more networks is counted with the attempts only."""

_LATELY = timedelta(days=90)


def seen_before(session: Session, canary: int, probe: Attempt) -> bool:
    """Count a probe that a finding of that day tells of already, or that is one too many; tell whether it is."""
    today = select(ProbeRow).where(ProbeRow.canary_id == canary, ProbeRow.day == _day(probe.at))
    known = session.exec(today.where(ProbeRow.source == probe.source)).first()
    if known is not None:
        known.count += probe.count
        session.add(known)
        return True
    many = (
        select(func.count()).select_from(ProbeRow).where(ProbeRow.canary_id == canary, ProbeRow.day == _day(probe.at))
    )
    return session.exec(many).one() >= MOST_A_DAY


def keep_probe(session: Session, canary: int, probe: Attempt) -> None:
    """Remember of the newest finding without a mail which network it came from on which day."""
    newest = select(func.max(HitRow.id)).where(HitRow.canary_id == canary, col(HitRow.mail_id).is_(None))
    hit = session.exec(newest).one() or 0
    session.add(ProbeRow(canary_id=canary, day=_day(probe.at), source=probe.source, count=probe.count, hit_id=hit))
    session.flush()


def own_clients(session: Session, canary: int, now: datetime) -> list[str]:
    """Return the hosts that brought the vendor's own mail to a canary lately, at most 50."""
    query = (
        select(col(MailRow.envelope), MailRow.received_at)
        .join(HitRow, col(HitRow.mail_id) == MailRow.id)
        .where(HitRow.canary_id == canary, HitRow.at >= now - _LATELY, col(HitRow.verdict).in_(sorted(FAMILIAR)))
        .order_by(col(HitRow.at).desc())
        .limit(50)
    )
    return [envelope_of(stored, at).client.ip for stored, at in session.exec(query)]


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
