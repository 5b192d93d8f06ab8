"""The outbox: facts worth telling, and their way to each destination."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from canary.model.alert import Alert
from canary.store.tables import DeliveryRow, OutboxRow


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that one process has claimed for a while."""

    id: int
    destination: str
    tries: int
    alert: Alert


def put(session: Session, alert: Alert) -> None:
    """Put a fact into the outbox, in the transaction that made it true; the same id is never put twice."""
    if session.get(OutboxRow, alert.id) is None:
        fact = {**asdict(alert), "at": alert.at.isoformat()}
        session.add(OutboxRow(id=alert.id, at=alert.at, fact=fact))


def route(session: Session, destinations: Iterable[str], now: datetime) -> None:
    """Make a delivery for each destination of every fact that has none yet."""
    names = list(destinations)
    query = select(OutboxRow).where(col(OutboxRow.routed).is_(False)).limit(500).with_for_update(skip_locked=True)
    for row in session.exec(query).all():
        for name in names:
            session.add(DeliveryRow(outbox_id=row.id, destination=name, due_at=now))
        row.routed = True


def claim(session: Session, now: datetime, lease: timedelta, limit: int = 4) -> list[Due]:
    """Claim deliveries that are due; nobody else gets them before the lease ends, so a crash only delays them."""
    rows = session.exec(
        select(DeliveryRow)
        .where(DeliveryRow.state == "waiting", DeliveryRow.due_at <= now)
        .order_by(col(DeliveryRow.due_at), col(DeliveryRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claimed = []
    for row in rows:
        row.due_at, row.tries = now + lease, row.tries + 1
        outbox = session.get_one(OutboxRow, row.outbox_id)
        claimed.append(Due(row.id or 0, row.destination, row.tries, _alert(outbox)))
    return claimed


def mark_sent(session: Session, delivery: int, now: datetime) -> None:
    """Mark a delivery as done."""
    row = session.get_one(DeliveryRow, delivery)
    row.state, row.sent_at, row.fault = "sent", now, ""


def mark_failed(session: Session, delivery: int, fault: str, again: datetime | None) -> None:
    """Note why a delivery failed and when to try again; None gives up and keeps it as a dead letter."""
    row = session.get_one(DeliveryRow, delivery)
    row.fault = fault[:500]
    row.state, row.due_at = ("waiting", again) if again else ("dead", row.due_at)


def list_deliveries(session: Session, limit: int = 100) -> list[tuple[DeliveryRow, OutboxRow]]:
    """Return the newest deliveries with their facts."""
    query = select(DeliveryRow, OutboxRow).join(OutboxRow).order_by(col(DeliveryRow.id).desc()).limit(limit)
    return [(delivery, outbox) for delivery, outbox in session.exec(query).all()]


def revive(session: Session, now: datetime) -> int:
    """Send dead letters again; return how many there were."""
    statement = update(DeliveryRow).where(col(DeliveryRow.state) == "dead").values(state="waiting", due_at=now)
    result = session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0


def _alert(row: OutboxRow) -> Alert:
    fact = dict(row.fact)
    pairs = tuple((str(name), float(p)) for name, p in fact.pop("suspects"))
    reasons = tuple(fact.pop("reasons"))
    return Alert(**{**fact, "at": row.at, "reasons": reasons, "suspects": pairs})
