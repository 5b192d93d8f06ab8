"""What a channel is: one function that sends a fact to a target and says in its type whether failing is for good."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from canary.model.alert import Alert
from canary.net.http import Answer, Http


@dataclass(frozen=True, slots=True)
class Target:
    """A configured destination; address and secret never show in a repr, a log or a fault."""

    name: str
    kind: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """One delivery: the fact, the link to its case, where it goes, and when."""

    alert: Alert
    link: str
    target: Target
    now: datetime


class NotSent(Exception):
    """A destination did not take a fact; permanent when trying again cannot help."""

    def __init__(self, why: str, *, permanent: bool, wait: float | None = None) -> None:
        """Say why, whether for good, and how many seconds the destination asked to wait."""
        super().__init__(why)
        self.permanent = permanent
        self.wait = wait


Channel = Callable[[Http, Post], None]
"""Sends one post; raises NotSent, or what `Http.post` raises."""


def check(answer: Answer, permanent: frozenset[str] = frozenset()) -> None:
    """Raise NotSent unless an answer is a success; gone, forbidden and the given error words are permanent."""
    if 200 <= answer.status < 300:
        return
    word = answer.text[:80]
    final = answer.status in (401, 403, 404, 410) or word in permanent
    raise NotSent(f"HTTP {answer.status} {word}".strip(), permanent=final, wait=answer.retry_after)
