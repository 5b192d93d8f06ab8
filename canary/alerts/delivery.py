"""Deliver what the outbox holds: claim, send, then mark, so that a crash repeats a message under its id and never drops it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from canary.alerts import messages
from canary.alerts.channels import CHANNELS
from canary.alerts.channels.base import Channel, Delivery, DeliveryError, Target
from canary.alerts.compose import CONTROL
from canary.alerts.routing import route
from canary.model.alert import AlertMessage
from canary.net.http import AddressRefused, Http, Unreachable
from canary.net.masking import mask_of
from canary.store.database import Database
from canary.store.queries import outbox
from canary.store.queries.outbox import Due

log = logging.getLogger("canary.alerts")

LEASE = timedelta(minutes=3)
LADDER = tuple(timedelta(seconds=s) for s in (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
"""Waits between attempts; after the last one a message becomes a dead letter, which stays and can be sent again."""

Fault = DeliveryError | AddressRefused | Unreachable
LANES = 3
"""How many messages go to one destination at once, unless it has a pace."""


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What delivery works with; `jitter` returns a factor around 1, `passed` gets the name of each step."""

    store: Database
    http: Http
    targets: Sequence[Target]
    clock: Callable[[], datetime]
    url: str
    jitter: Callable[[], float] = lambda: 1.0
    passed: Callable[[str], None] = lambda _: None
    channels: Mapping[str, Channel] = field(default_factory=lambda: CHANNELS)

    def pace(self, name: str) -> timedelta | None:
        """Return the least time between two messages to a destination."""
        target = self.target(name)
        return self.channels[target.kind].pace if target else None

    def target(self, name: str) -> Target | None:
        """Return the destination of a name, if there is one."""
        return next((target for target in self.targets if target.name == name), None)


def deliver_due(desk: DeliveryContext) -> int:
    """Send everything that is due, one after the other; return how many messages were tried."""
    tried = 0
    while errands := poll(desk):
        for errand in errands:
            send_batch(desk, errand)
            tried += len(errand.load)
    return tried


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Messages to one destination that were claimed together."""

    name: str
    load: Sequence[tuple[Due, AlertMessage]]


def poll(
    desk: DeliveryContext, lanes: Callable[[str], int] = lambda _: 1, *, greet: bool = False
) -> list[DeliveryBatch]:
    """Route what nobody has routed and claim what is due, in one transaction; no more batches than there are lanes.

    Where nothing is to be done nothing is written. With `greet` destinations that are new get what is open.
    """
    with desk.store.reading() as session:
        unrouted, names = outbox.waiting(session, desk.clock())
    names = [name for name in names if lanes(name) > 0]
    if not (unrouted or names or greet):
        return []
    with desk.store.writing() as session:
        if unrouted or greet:
            # One batch, so that no other writer waits long for the store; the next poll goes on.
            route(session, [target.view for target in desk.targets], desk.clock())
            _, names = outbox.waiting(session, desk.clock())
        errands = [_claim(session, desk, name) for name in names for _ in range(lanes(name))]
    found = [errand for errand in errands if errand.load]
    if found:
        desk.passed("claimed")
    return found


def _claim(session: Session, desk: DeliveryContext, name: str) -> DeliveryBatch:
    claimed = outbox.claim(session, desk.clock(), LEASE, name, pace=desk.pace(name))
    session.flush()
    return DeliveryBatch(name, list(zip(claimed, messages.read_messages(session, claimed), strict=True)))


def send_batch(desk: DeliveryContext, errand: DeliveryBatch) -> DeliveryBatch:
    """Send what was claimed, mark it, and in the same transaction claim what is due next."""
    target = desk.target(errand.name)
    done = [(due, _fault(desk, due, bulletin, target)) for due, bulletin in errand.load]
    with desk.store.writing() as session:
        for due, fault in done:
            _mark(session, desk, due, fault)
        pace = desk.pace(errand.name)
        if pace:
            outbox.hold_back(session, errand.name, desk.clock() + pace)
        again = DeliveryBatch(errand.name, []) if pace else _claim(session, desk, errand.name)
    if any(fault is None for _, fault in done):
        desk.passed("marked")
    return again


def _fault(desk: DeliveryContext, due: Due, bulletin: AlertMessage, target: Target | None) -> Fault | None:
    """Send a message; return what went wrong."""
    if target is None:
        return DeliveryError(f"destination {due.destination!r} is no longer configured", permanent=True)
    try:
        desk.channels[target.kind].send(desk.http, Delivery(bulletin, target, desk.clock(), desk.url))
    except (DeliveryError, AddressRefused, Unreachable) as fault:
        return fault
    except Exception as fault:  # a fault of ours in one message must not hold up the others
        log.exception("alert %s to %s", due.alert.id, due.destination)
        return DeliveryError(f"{type(fault).__name__}: a fault of ours; the log has more", permanent=False)
    desk.passed("sent")
    return None


def _mark(session: Session, desk: DeliveryContext, due: Due, fault: Fault | None) -> None:
    if fault is None:
        outbox.mark_sent(session, due.id, desk.clock())
        return
    permanent = isinstance(fault, AddressRefused) or (isinstance(fault, DeliveryError) and fault.permanent)
    over = permanent or due.tries > len(LADDER)
    wait = LADDER[min(due.tries, len(LADDER)) - 1] * desk.jitter()
    asked = timedelta(seconds=min(fault.wait, 86400)) if isinstance(fault, DeliveryError) and fault.wait else None
    again = None if over else desk.clock() + max(wait, asked or wait)
    text = _masked(str(fault), desk.target(due.destination))
    log.warning("alert %s to %s: %s; %s", due.alert.id, due.destination, text, f"again at {again}" if again else "kept")
    outbox.mark_failed(session, due.id, text, again)
    if asked:
        # What a destination asks for holds for all that goes there, from every process.
        outbox.hold_back(session, due.destination, desk.clock() + asked)


def _masked(fault: str, target: Target | None) -> str:
    """Return a fault as one line without any secret of ours."""
    text = " ".join(CONTROL.sub("", fault).split())
    return mask_of((target.url,), target.secrets)(text) if target else text


class DeliveryPool:
    """Delivers side by side: a destination that is slow holds up no other."""

    def __init__(
        self,
        desk: DeliveryContext,
        count: int = 16,
        follow: Callable[[DeliveryContext], DeliveryContext] = lambda same: same,
    ) -> None:
        """Begin with nothing to send; `follow` returns the context with the destinations that there are now."""
        self.desk, self._follow = desk, follow
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="courier")
        self.away: dict[str, list[Future[None]]] = {}
        self.greeted = False

    def look(self) -> datetime | None:
        """Begin to send what is due; return when to look again if nothing is committed before, None if only then."""
        followed = self._follow(self.desk)
        if followed is not self.desk:
            self.desk, self.greeted = followed, False
        errands = poll(self.desk, self._free, greet=not self.greeted)
        for errand in errands:
            self.away.setdefault(errand.name, []).append(self.pool.submit(self._walk, errand))
        self.greeted = True
        if errands:
            return self.desk.clock()
        with self.desk.store.reading() as session:
            return outbox.next_due(session)

    def _free(self, name: str) -> int:
        """Return how many more may go to a destination at once."""
        return (1 if self.desk.pace(name) else LANES) - len(self._away(name))

    def _away(self, name: str) -> list[Future[None]]:
        self.away[name] = [errand for errand in self.away.get(name, []) if not errand.done()]
        return self.away[name]

    def _walk(self, errand: DeliveryBatch) -> None:
        try:
            while errand.load:
                errand = send_batch(self.desk, errand)
        except Exception as fault:  # noqa: BLE001 - most likely the store is down: what was claimed is due again later
            log.warning("alerts to %s wait: %s", errand.name, type(fault).__name__)

    def close(self) -> None:
        """Wait for what is being sent."""
        self.pool.shutdown(wait=True, cancel_futures=True)
