"""The outbox: facts that are worth an alert, and the delivery of each message to its destination."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, String, cast, exists, func, or_, update
from sqlmodel import Session, col, select

from canary.model.alert import Alert, sample_alert
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseNotificationRow, DeliveryFactRow, DeliveryRow, DestinationRow, OutboxRow

MOST_FACTS = 500
"""How many facts of one message are read; a digest of more says how many there are."""

QUIET = "canary.quiet"
"""Under this name a session carries that what is written in it alerts nobody."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)
_UNROUTED = select(exists().where(col(OutboxRow.routed).is_(False)))
_KNOWN = {field.name for field in fields(Alert)}


@dataclass(frozen=True, slots=True)
class Due:
    """A message that one process has claimed for a while; `ordinal` is 0 for the first of its topic."""

    id: int
    destination: str
    tries: int
    topic: str
    ordinal: int
    facts: tuple[Alert, ...]

    @property
    def alert(self) -> Alert:
        """The leading fact, whose id the message has."""
        return self.facts[0]


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A message as a person sees it: subject, destination, and whether it arrived; `joined` counts further facts."""

    id: int
    fact: Alert
    destination: str
    state: str
    tries: int
    due: datetime
    sent: datetime | None
    fault: str
    joined: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which messages: of a kind, to a destination, about a vendor by its slug or name, of facts in a time."""

    kind: str = ""
    destination: str = ""
    vendor: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERY_DELIVERY = DeliveryFilter()


def put(session: Session, alert: Alert, *, quiet: bool = False, loud: bool = False) -> None:
    """Put a fact into the outbox, in the transaction that made it true; the same id is never written twice.

    A quiet one counts as reported already, and so does any in a quiet session but a loud one.
    """
    if session.get(OutboxRow, alert.id) is None:
        fact = {**asdict(alert), "at": alert.at.isoformat()}
        topic = topic_of(session, alert)
        told = quiet or (is_quiet(session) and not loud)
        session.add(OutboxRow(id=alert.id, at=alert.at, fact=fact, topic=topic, routed=told))


def is_quiet(session: Session) -> bool:
    """Whether what is written here happened long ago, and alerts nobody."""
    return bool(session.info.get(QUIET, False))


def topic_of(session: Session, alert: Alert) -> str:
    """Return the topic of a fact: its campaign, else its case or question; empty if it has none."""
    if not alert.case:
        return f"question:{alert.group}" if alert.group else ""
    watched = session.get(CaseNotificationRow, alert.case)
    if watched is not None:
        return watched.topic
    return f"campaign:{alert.campaign}" if alert.campaign else f"case:{alert.case}"


def waiting(session: Session, now: datetime) -> tuple[bool, list[str]]:
    """Return whether facts are to be routed, and to which destinations something may be sent now."""
    unrouted = session.execute(_UNROUTED).scalar_one()
    held = select(DestinationRow.name).where(DestinationRow.free_at > now)
    query = (
        select(DeliveryRow.destination)
        .where(DeliveryRow.state == "waiting", DeliveryRow.due_at <= now, col(DeliveryRow.destination).not_in(held))
        .distinct()
    )
    return bool(unrouted), list(session.exec(query).all())


def next_due(session: Session) -> datetime | None:
    """Return when the next message may go, which may be past; None while none waits. Facts to be routed are due at once."""
    first = func.min(DeliveryRow.due_at)
    query = (
        select(first, func.coalesce(func.max(DestinationRow.free_at), first))
        .outerjoin(DestinationRow, col(DestinationRow.name) == DeliveryRow.destination)
        .where(DeliveryRow.state == "waiting")
        .group_by(DeliveryRow.destination)
    )
    if session.execute(_UNROUTED).scalar_one():
        return LONG_AGO
    return min((max(due, free) for due, free in session.exec(query)), default=None)


def claim(
    session: Session,
    now: datetime,
    lease: timedelta,
    destination: str,
    limit: int = 10,
    pace: timedelta | None = None,
) -> list[Due]:
    """Claim messages to a destination that are due; no other process gets them before the lease ends.

    With a pace there is one at a time, however many processes send, and none before the pace has passed.
    """
    if pace and not _take_turn(session, destination, now, pace):
        return []
    rows = session.exec(
        select(DeliveryRow)
        .where(DeliveryRow.destination == destination, DeliveryRow.state == "waiting", DeliveryRow.due_at <= now)
        .order_by(col(DeliveryRow.due_at), col(DeliveryRow.id))
        .limit(1 if pace else limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.due_at, row.tries = now + lease, row.tries + 1
    facts = facts_of(session, rows)
    return [Due(d.id or 0, d.destination, d.tries, d.topic, d.ordinal, facts[d.id or 0]) for d in rows]


def _take_turn(session: Session, destination: str, now: datetime, pace: timedelta) -> bool:
    row = session.get(DestinationRow, destination, with_for_update=True)
    if row is None or row.free_at > now:
        return row is None
    row.free_at = now + pace
    return True


def hold_back(session: Session, destination: str, until: datetime) -> None:
    """Send nothing to a destination before a time."""
    row = session.get(DestinationRow, destination, with_for_update=True)
    if row is not None:
        row.free_at = max(row.free_at, until)


def mark_sent(session: Session, delivery: int, now: datetime) -> None:
    """Mark a message as arrived."""
    row = session.get_one(DeliveryRow, delivery)
    row.state, row.sent_at, row.fault = "sent", now, ""


def mark_failed(session: Session, delivery: int, fault: str, again: datetime | None) -> None:
    """Record why a message failed and when to try again; None gives up and keeps it as a dead letter."""
    row = session.get_one(DeliveryRow, delivery)
    row.fault = fault[:500]
    row.state, row.due_at = ("waiting", again) if again else ("dead", row.due_at)


def deliveries(
    session: Session,
    before: int | None = None,
    after: int | None = None,
    state: str | None = None,
    limit: int = 100,
    among: DeliveryFilter = EVERY_DELIVERY,
) -> list[DeliveryStatus]:
    """Return messages, newest first: those before or after one of them, or those in a state.

    A state is `waiting`, `sent`, `dead` or `muted`.
    """
    query = select(DeliveryRow)
    if among != EVERY_DELIVERY:
        query = query.join(OutboxRow, col(OutboxRow.id) == DeliveryRow.outbox_id).where(*_among(among))
    if before is not None:
        query = query.where(col(DeliveryRow.id) < before)
    if after is not None:
        query = query.where(col(DeliveryRow.id) > after)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    rows = session.exec(query.order_by(col(DeliveryRow.id).desc()).limit(limit)).all()
    facts = facts_of(session, rows)
    return [
        DeliveryStatus(
            row.id or 0, facts[row.id or 0][0], row.destination, row.state, row.tries, row.due_at, row.sent_at,
            row.fault, len(facts[row.id or 0]) - 1,
        )
        for row in rows
    ]  # fmt: skip


def _among(wanted: DeliveryFilter) -> Iterable[ColumnElement[bool]]:
    fact = col(OutboxRow.fact)
    if wanted.kind:
        yield fact["kind"].as_string() == wanted.kind
    if wanted.destination:
        yield col(DeliveryRow.destination) == wanted.destination
    if wanted.vendor:
        slug = cast(fact["vendors"], String).contains(json.dumps(wanted.vendor), autoescape=True)
        yield or_(slug, fact["vendor"].as_string() == wanted.vendor)
    if wanted.since:
        yield col(OutboxRow.at) >= wanted.since
    if wanted.until:
        yield col(OutboxRow.at) < wanted.until


def lost(session: Session) -> bool:
    """Whether a message never arrived and waits to be sent again by somebody."""
    return session.exec(select(DeliveryRow.id).where(DeliveryRow.state == "dead").limit(1)).first() is not None


def retry(session: Session, delivery: int, now: datetime) -> None:
    """Send a dead letter again, from the first attempt on; raises Unknown."""
    row = session.get(DeliveryRow, delivery, with_for_update=True)
    if row is None or row.state != "dead":
        raise Unknown(f"delivery {delivery}: not a dead letter; see `canary alert list --state dead`")
    row.state, row.due_at, row.tries = "waiting", now, 0


def revive(session: Session, now: datetime) -> int:
    """Send all dead letters again; return how many there were."""
    dead = update(DeliveryRow).where(col(DeliveryRow.state) == "dead").values(state="waiting", due_at=now, tries=0)
    result = session.execute(dead)
    return result.rowcount if isinstance(result, CursorResult) else 0


def put_test(session: Session, destination: str, now: datetime) -> int:
    """Queue a test of one destination, whatever alerts it wants; return the number of the delivery."""
    fact = sample_alert(str(uuid4()), now)
    put(session, fact)
    session.flush()
    session.get_one(OutboxRow, fact.id).routed = True
    row = DeliveryRow(outbox_id=fact.id, destination=destination, due_at=now)
    session.add(row)
    session.flush()
    return row.id or 0


def facts_of(session: Session, rows: Sequence[DeliveryRow]) -> dict[int, tuple[Alert, ...]]:
    """Return the facts of messages by the number of the delivery, the leading one first."""
    found: dict[int, list[Alert]] = {}
    leads = _alerts(session, {row.outbox_id for row in rows})
    for row in rows:
        found[row.id or 0] = [leads[row.outbox_id]]
    joined = (
        select(DeliveryFactRow.delivery_id, OutboxRow)
        .join(OutboxRow, col(OutboxRow.id) == DeliveryFactRow.outbox_id)
        .where(col(DeliveryFactRow.delivery_id).in_(found))
        .order_by(col(DeliveryFactRow.delivery_id), col(OutboxRow.at))
    )
    for number, fact in session.exec(joined.limit(MOST_FACTS * max(1, len(rows)))):
        found[number].append(alert_of(fact))
    return {number: tuple(facts[: MOST_FACTS + 1]) for number, facts in found.items()}


def _alerts(session: Session, ids: Collection[str]) -> dict[str, Alert]:
    query = select(OutboxRow).where(col(OutboxRow.id).in_(ids))
    return {row.id: alert_of(row) for row in session.exec(query)}


def alert_of(row: OutboxRow) -> Alert:
    """Return the fact in a row; an older version may have stored fewer values of it, a newer one more."""
    fact = {name: value for name, value in row.fact.items() if name in _KNOWN}
    pairs = tuple((str(name), float(p)) for name, p in fact.pop("suspects", ()))
    lists = {name: _texts(fact.pop(name, ())) for name in ("reasons", "vendors")}
    return Alert(**{**fact, "at": row.at, "suspects": pairs, **lists})


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
