"""Deliver what the outbox holds: claim, send, then mark, so that a crash repeats a message under its id and never drops it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from canary.alert.channels import CHANNELS
from canary.alert.channels.base import Channel, NotSent, Post, Target
from canary.alert.compose import CONTROL
from canary.net.http import Http, Refused, Unreachable
from canary.store import bulletins, outbox
from canary.store.database import Database
from canary.store.outbox import Due
from canary.store.routing import route

log = logging.getLogger("canary.alert")

LEASE = timedelta(minutes=2)
LADDER = tuple(timedelta(seconds=s) for s in (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
"""Waits between tries; after the last one a message becomes a dead letter, which stays and can be sent again."""

_GUESSABLE = 6

LANES = 3
"""So many messages go to one destination at once, unless it has a pace."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What delivery works with; `jitter` returns a factor around 1, `passed` is told the name of each step."""

    store: Database
    http: Http
    targets: Sequence[Target]
    clock: Callable[[], datetime]
    url: str
    jitter: Callable[[], float] = lambda: 1.0
    passed: Callable[[str], None] = lambda _: None
    channels: Mapping[str, Channel] = field(default_factory=lambda: CHANNELS)

    def target(self, name: str) -> Target | None:
        """Return the destination of a name, if there is one."""
        return next((target for target in self.targets if target.name == name), None)


def deliver_due(desk: Desk) -> int:
    """Send everything that is due, one after the other; return how many messages were tried."""
    return sum(deliver_to(desk, name) for name in due_destinations(desk))


def due_destinations(desk: Desk) -> list[str]:
    """Route what nobody has routed, and return the destinations to which something may go now."""
    with desk.store.reading() as session:
        unrouted, names = outbox.waiting(session, desk.clock())
    while unrouted:
        _route(desk)
        with desk.store.reading() as session:
            unrouted, names = outbox.waiting(session, desk.clock())
    return names


def _route(desk: Desk) -> None:
    with desk.store.writing() as session:
        route(session, [target.view for target in desk.targets], desk.clock())


def deliver_to(desk: Desk, name: str) -> int:
    """Send what is due to one destination; return how many messages were tried."""
    target = desk.target(name)
    pace = desk.channels[target.kind].pace if target else None
    with desk.store.writing() as session:
        claimed = outbox.claim(session, desk.clock(), LEASE, name, pace=pace)
        told = bulletins.compile_all(session, claimed)
    if claimed:
        desk.passed("claimed")
    for due, bulletin in zip(claimed, told, strict=True):
        if target is None:
            _failed(desk, due, NotSent(f"destination {name!r} is no longer configured", permanent=True))
        else:
            _deliver(desk, due, Post(bulletin, target, desk.clock(), desk.url))
    return len(claimed)


def _deliver(desk: Desk, due: Due, post: Post) -> None:
    channel = desk.channels[post.target.kind]
    try:
        channel.send(desk.http, post)
    except (NotSent, Refused, Unreachable) as fault:
        _failed(desk, due, fault)
        return
    except Exception as fault:
        log.exception("alert %s to %s", due.alert.id, due.destination)
        _failed(desk, due, NotSent(f"{type(fault).__name__}: a fault of ours; the log has more", permanent=False))
        return
    desk.passed("sent")
    with desk.store.writing() as session:
        outbox.mark_sent(session, due.id, desk.clock())
        if channel.pace:
            outbox.hold_back(session, due.destination, desk.clock() + channel.pace)
    desk.passed("marked")


def _failed(desk: Desk, due: Due, fault: NotSent | Refused | Unreachable) -> None:
    permanent = isinstance(fault, Refused) or (isinstance(fault, NotSent) and fault.permanent)
    over = permanent or due.tries > len(LADDER)
    wait = LADDER[min(due.tries, len(LADDER)) - 1] * desk.jitter()
    asked = timedelta(seconds=min(fault.wait, 86400)) if isinstance(fault, NotSent) and fault.wait else None
    again = None if over else desk.clock() + max(wait, asked or wait)
    told = _masked(str(fault), desk.target(due.destination))
    log.warning("alert %s to %s: %s; %s", due.alert.id, due.destination, told, f"again at {again}" if again else "kept")
    with desk.store.writing() as session:
        outbox.mark_failed(session, due.id, told, again)
        if asked:
            # What a destination asks for holds for all that is to go there, whoever sends it.
            outbox.hold_back(session, due.destination, desk.clock() + asked)


def _masked(fault: str, target: Target | None) -> str:
    """Return a fault in which nothing can be read that a server may have echoed of our secrets."""
    text = " ".join(CONTROL.sub("", fault).split())
    for secret in (target.url, urlsplit(target.url).path.strip("/"), *target.secrets) if target else ():
        text = text.replace(secret, "***") if len(secret) >= _GUESSABLE else text
    return text


class Couriers:
    """Delivers beside each other: a destination that is slow holds up nobody but itself."""

    def __init__(self, desk: Desk, count: int = 16) -> None:
        """Begin with nothing on the way."""
        self.desk = desk
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="courier")
        self.busy: dict[str, list[Future[None]]] = {}
        self.greeted = False

    def look(self) -> None:
        """Set couriers on whatever is due; called again and again. The first time, destinations that are new are told."""
        if not self.greeted:
            _route(self.desk)
            self.greeted = True
        for name in due_destinations(self.desk):
            walking = [errand for errand in self.busy.get(name, []) if not errand.done()]
            while len(walking) < self._lanes(name):
                walking.append(self.pool.submit(self._carry, name))
            self.busy[name] = walking

    def _lanes(self, name: str) -> int:
        target = self.desk.target(name)
        return 1 if target is None or self.desk.channels[target.kind].pace else LANES

    def _carry(self, name: str) -> None:
        try:
            while deliver_to(self.desk, name):
                pass
        except Exception as fault:  # noqa: BLE001 - most likely the store is down: the next look tries again
            log.warning("alerts to %s wait: %s", name, type(fault).__name__)

    def close(self) -> None:
        """Let those on the way arrive."""
        self.pool.shutdown(wait=True, cancel_futures=True)
