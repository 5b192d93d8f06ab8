"""Deliver what the outbox holds: claim, send, then mark, so that a crash repeats a fact under its id and never drops it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from canary.alert.channels import slack, webhook
from canary.alert.channels.base import Channel, NotSent, Post, Target
from canary.alert.compose import link
from canary.net.http import Http, Refused, Unreachable
from canary.store import outbox
from canary.store.database import Database
from canary.store.outbox import Due

log = logging.getLogger("canary.alert")

CHANNELS: dict[str, Channel] = {"slack": slack.send, "webhook": webhook.send}
LEASE = timedelta(seconds=60)
LADDER = tuple(timedelta(seconds=s) for s in (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
"""Waits between tries; after the last one a fact becomes a dead letter, which stays and can be sent again."""


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


def deliver_due(desk: Desk) -> int:
    """Send everything that is due; return how many deliveries were tried."""
    with desk.store.writing() as session:
        outbox.route(session, [target.name for target in desk.targets], desk.clock())
        claimed = outbox.claim(session, desk.clock(), LEASE)
    if claimed:
        desk.passed("claimed")
    for due in claimed:
        _deliver(desk, due)
    return len(claimed)


def _deliver(desk: Desk, due: Due) -> None:
    target = next((t for t in desk.targets if t.name == due.destination), None)
    if target is None:
        _failed(desk, due, NotSent(f"destination {due.destination!r} is no longer configured", permanent=True))
        return
    try:
        post = Post(due.alert, link(due.alert, desk.url), target, desk.clock())
        desk.channels[target.kind](desk.http, post)
    except (NotSent, Refused, Unreachable) as fault:
        _failed(desk, due, fault)
        return
    desk.passed("sent")
    with desk.store.writing() as session:
        outbox.mark_sent(session, due.id, desk.clock())
    desk.passed("marked")


def _failed(desk: Desk, due: Due, fault: NotSent | Refused | Unreachable) -> None:
    permanent = isinstance(fault, Refused) or (isinstance(fault, NotSent) and fault.permanent)
    over = permanent or due.tries > len(LADDER)
    wait = LADDER[min(due.tries, len(LADDER)) - 1] * desk.jitter()
    if isinstance(fault, NotSent) and fault.wait:
        wait = max(wait, timedelta(seconds=min(fault.wait, 86400)))
    again = None if over else desk.clock() + wait
    log.warning(
        "alert %s to %s: %s; %s", due.alert.id, due.destination, fault, f"again at {again}" if again else "kept"
    )
    with desk.store.writing() as session:
        outbox.mark_failed(session, due.id, str(fault), again)
