"""What a channel is: one function that sends a fact to a target and says in its type whether failing is for good."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from canary.model.alert import EVERYTHING, Bulletin, DestinationView, Mode, Route
from canary.net.http import Answer, Http


@dataclass(frozen=True, slots=True)
class Target:
    """A configured destination; address and secrets never show in a repr, a log or a fault.

    The first of `secrets` is the newest; the others are those that are being retired.
    """

    name: str
    kind: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    mode: Mode = Mode.IMMEDIATE
    route: Route = EVERYTHING

    @property
    def view(self) -> DestinationView:
        """What anybody may see of it."""
        return DestinationView(self.name, self.kind, self.mode, self.route)


@dataclass(frozen=True, slots=True)
class Post:
    """One delivery: the message, where it goes, when, and how people reach the dashboard."""

    bulletin: Bulletin
    target: Target
    now: datetime
    url: str

    @property
    def id(self) -> str:
        """The idempotency key."""
        return self.bulletin.lead.id


class NotSent(Exception):
    """A destination did not take a fact; permanent when trying again cannot help."""

    def __init__(self, why: str, *, permanent: bool, wait: float | None = None) -> None:
        """Say why, whether for good, and how many seconds the destination asked to wait."""
        super().__init__(why)
        self.permanent = permanent
        self.wait = wait


Send = Callable[[Http, Post], None]
"""Sends one post; raises NotSent, or what `Http` raises."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of destination: how to send, and the least time between two messages to one, whoever sends them.

    Without a pace a few are sent at once.
    """

    send: Send
    pace: timedelta | None = None


def check(answer: Answer, permanent: frozenset[str] = frozenset()) -> None:
    """Raise NotSent unless an answer is a success; gone, forbidden and the given error words are permanent."""
    if 200 <= answer.status < 300:
        return
    word = answer.text[:80]
    final = answer.status in _FINAL or word in permanent
    raise NotSent(f"HTTP {answer.status} {word}".strip(), permanent=final, wait=answer.retry_after)


_FINAL = frozenset({401, 403, 404, 405, 410})
