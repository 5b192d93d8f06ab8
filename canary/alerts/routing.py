"""Which fact goes to which destination, when, and with which others in one message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from canary.cases import case_alerts
from canary.model.alert import Alert, DestinationView, Mode
from canary.model.case import OPEN, CaseState
from canary.store.locks import Lock, lock
from canary.store.queries import mutes, vendor_tags
from canary.store.queries.mutes import FOR_GOOD
from canary.store.queries.outbox import alert_of
from canary.store.tables import CaseRow, DeliveryFactRow, DeliveryRow, DestinationRow, OutboxRow, ThreadRow

BATCH = 500
SETTLE = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""How long no further message is sent after the first, second, third of one topic; what comes meanwhile joins the next."""

FORGIVEN = timedelta(hours=24)
"""A topic that was quiet for so long begins again."""

CATCH_UP = timedelta(days=7)
"""A new destination gets what is still open and not older than this, in one message."""

_PERIODS = {Mode.HOURLY: timedelta(hours=1), Mode.DAILY: timedelta(days=1)}


def route(session: Session, destinations: Sequence[DestinationView], now: datetime) -> int:
    """Route new facts to every destination that wants them; return how many facts there were."""
    lock(session, Lock.ROUTES)
    _welcome(session, destinations, now)
    query = select(OutboxRow).where(col(OutboxRow.routed).is_(False)).order_by(col(OutboxRow.at)).limit(BATCH)
    rows = session.exec(query).all()
    if rows:
        facts = [(row, alert_of(row)) for row in rows]
        sorter = _Sorter(session, now, facts)
        for row, fact in facts:
            for destination in destinations:
                sorter.route_fact(destination, row, fact)
            row.routed = True
        sorter.write()
        case_alerts.start_reminders(session, [fact.case for _, fact in facts if fact.kind == "case-opened"], now)
    return len(rows)


@dataclass
class _Sorter:
    """Puts facts into messages, with the unsent messages of their topics at hand."""

    session: Session
    now: datetime
    facts: Sequence[tuple[OutboxRow, Alert]]
    begun: dict[tuple[str, str], DeliveryRow] = field(default_factory=dict)
    threads: dict[tuple[str, str], ThreadRow] = field(default_factory=dict)
    made: list[DeliveryRow] = field(default_factory=list)
    joined: list[tuple[DeliveryRow, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        slugs = {slug for _, fact in self.facts for slug in fact.vendors}
        self.tags = vendor_tags.by_vendor(self.session, slugs)
        self.hushed = mutes.active_mutes(self.session, self.now)
        held = {_held(row, until) for row, fact in self.facts if (until := self.hushed.of(fact))}
        topics = {*(row.topic for row, _ in self.facts), *held, *_PERIODS} - {""}
        waiting = (
            select(DeliveryRow)
            .where(DeliveryRow.state == "waiting", DeliveryRow.tries == 0, col(DeliveryRow.topic).in_(topics))
            .with_for_update(skip_locked=True)
        )
        self.begun = {(row.destination, row.topic): row for row in self.session.exec(waiting)}
        known = select(ThreadRow).where(col(ThreadRow.topic).in_(topics))
        self.threads = {(row.destination, row.topic): row for row in self.session.exec(known)}

    def route_fact(self, destination: DestinationView, row: OutboxRow, fact: Alert) -> None:
        """Put a fact into a new message to a destination, into one that waits there, or into none if it is muted."""
        if not destination.route.wants(fact, _tags_of(fact, self.tags)):
            return
        until = self.hushed.of(fact)
        if until == FOR_GOOD:
            self.made.append(self._message(destination, row, "", self.now, state="muted"))
        elif until is not None:
            self._join(destination, row, _held(row, until), until)
        elif destination.mode is Mode.EVERY or not (row.topic or destination.mode in _PERIODS):
            self.made.append(self._message(destination, row, "", self.now))
        elif period := _PERIODS.get(destination.mode):
            self._join(destination, row, destination.mode.value, _next(self.now, period))
        else:
            self._join(destination, row, row.topic, None)

    def _join(self, destination: DestinationView, row: OutboxRow, topic: str, due: datetime | None) -> None:
        key = destination.name, topic
        if key in self.begun:
            self.joined.append((self.begun[key], row.id))
            return
        thread = self._thread(key)
        made = self._message(destination, row, topic, due or max(self.now, thread.next_at), ordinal=thread.messages)
        self.begun[key] = made
        self.made.append(made)
        thread.next_at = made.due_at + SETTLE[min(thread.step, len(SETTLE) - 1)]
        thread.messages, thread.step = thread.messages + 1, thread.step + 1

    def _thread(self, key: tuple[str, str]) -> ThreadRow:
        if key not in self.threads:
            self.threads[key] = ThreadRow(destination=key[0], topic=key[1], next_at=self.now)
            self.session.add(self.threads[key])
        thread = self.threads[key]
        if self.now > thread.next_at + FORGIVEN:
            thread.step = 0
        return thread

    def _message(
        self,
        to: DestinationView,
        row: OutboxRow,
        topic: str,
        due: datetime,
        *,
        ordinal: int = 0,
        state: str = "waiting",
    ) -> DeliveryRow:
        return DeliveryRow(outbox_id=row.id, destination=to.name, due_at=due, topic=topic, ordinal=ordinal, state=state)

    def write(self) -> None:
        """Write the messages, then the facts that joined them."""
        self.session.add_all(self.made)
        self.session.flush()
        self.session.add_all(
            DeliveryFactRow(delivery_id=message.id or 0, outbox_id=fact) for message, fact in self.joined
        )


def _tags_of(fact: Alert, known: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return frozenset(tag for slug in fact.vendors for tag in known.get(slug, ()))


def _held(row: OutboxRow, until: datetime) -> str:
    return f"{row.topic} from {until.isoformat()}"


def _next(now: datetime, period: timedelta) -> datetime:
    """Return the next full hour or midnight, in UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((now - midnight) // period + 1) * period


def _welcome(session: Session, destinations: Iterable[DestinationView], now: datetime) -> None:
    """Record new destinations, and send each what is open."""
    for destination in destinations:
        if session.get(DestinationRow, destination.name) is None:
            session.add(DestinationRow(name=destination.name, since=now, free_at=now))
            session.flush()
            _catch_up(session, destination, now)


def _catch_up(session: Session, destination: DestinationView, now: datetime) -> None:
    """Put the facts of the last days whose cases are open into one message, the newest leading."""
    query = (
        select(OutboxRow, CaseRow.state)
        .outerjoin(CaseRow, col(CaseRow.id) == OutboxRow.fact["case"].as_integer())
        .where(col(OutboxRow.routed).is_(True), OutboxRow.at >= now - CATCH_UP, OutboxRow.at <= now)
        .order_by(col(OutboxRow.at).desc())
        .limit(BATCH)
    )
    found = [(row, alert_of(row), state) for row, state in session.exec(query)]
    missed = [(row, fact) for row, fact, state in found if _still_matters(fact, state)]
    known = vendor_tags.by_vendor(session, {slug for _, fact in missed for slug in fact.vendors})
    wanted = [row for row, fact in missed if destination.route.wants(fact, _tags_of(fact, known))]
    if not wanted:
        return
    message = DeliveryRow(outbox_id=wanted[0].id, destination=destination.name, due_at=now, topic="catch-up")
    session.add(message)
    session.flush()
    session.add_all(DeliveryFactRow(delivery_id=message.id or 0, outbox_id=row.id) for row in wanted[1:])


def _still_matters(fact: Alert, state: str | None) -> bool:
    return fact.kind == "new-sender" or (fact.kind == "case-opened" and state is not None and CaseState(state) in OPEN)
