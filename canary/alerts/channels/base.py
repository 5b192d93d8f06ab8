"""What a channel is: one function that sends a message to a target; the error it raises says whether retrying can help."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from canary.model.alert import EVERYTHING, AlertMessage, DestinationView, Mode, Route
from canary.net.http import Http, HttpAnswer


@dataclass(frozen=True, slots=True)
class Target:
    """A configured destination; address and secrets never show in a repr, a log or a fault.

    The first of `secrets` is the newest; the others are being retired.
    """

    name: str
    kind: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    mode: Mode = Mode.IMMEDIATE
    route: Route = EVERYTHING

    @property
    def view(self) -> DestinationView:
        """What anyone may see of it."""
        return DestinationView(self.name, self.kind, self.mode, self.route)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery: the message, its target, the time, and the address of the dashboard."""

    bulletin: AlertMessage
    target: Target
    now: datetime
    url: str

    @property
    def id(self) -> str:
        """The idempotency key."""
        return self.bulletin.lead.id


class DeliveryError(Exception):
    """A destination did not accept a message; permanent when trying again cannot help."""

    def __init__(self, why: str, *, permanent: bool, wait: float | None = None) -> None:
        """Keep why, whether it is permanent, and how many seconds the destination asked to wait."""
        super().__init__(why)
        self.permanent = permanent
        self.wait = wait


Send = Callable[[Http, Delivery], None]
"""Sends one delivery; raises DeliveryError, or what `Http` raises."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of destination: how to send, and the least time between two messages to one, from all processes together.

    Without a pace several are sent at once.
    """

    send: Send
    pace: timedelta | None = None


_FINAL = frozenset({401, 403, 404, 405, 410})
_MARKS = re.compile(r"([\\`*_~|>#\[\]()<:])")


def check(answer: HttpAnswer, word: object = None, words: Collection[object] = (), *, permanent: bool = False) -> None:
    """Raise DeliveryError unless an answer is a success; permanent if it is gone or forbidden, or the caller says so.

    It is permanent too, and named, if the word in the answer is one of `words`. Nothing else of an answer is told: its
    text is the receiver's, and may repeat our address and secrets.
    """
    if 200 <= answer.status < 300:
        return
    named = isinstance(word, str | int) and word in words
    final = permanent or named or answer.status in _FINAL
    text = f"HTTP {answer.status}" + (f" {word}" if named else "")
    raise DeliveryError(text, permanent=final, wait=answer.retry_after)


def json_body(answer: HttpAnswer) -> Mapping[str, Any]:
    """Return the JSON object that an answer holds, if any."""
    try:
        found = json.loads(answer.text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def post_json(http: Http, post: Delivery, document: object, **headers: str) -> HttpAnswer:
    """Post a document under the id of the message."""
    return http.post(
        post.target.url, json.dumps(document).encode(),
        {"Content-Type": "application/json", "X-Canary-Alert": post.id, **headers},
    )  # fmt: skip


def markdown(text: str, length: int = 2000) -> str:
    """Escape text for Markdown: markup, links, emoji and mentions; cut at a word."""
    escaped = _MARKS.sub(r"\\\1", text).replace("@", "@\N{ZERO WIDTH SPACE}")
    return escaped if len(escaped) <= length else escaped[: length - 2].rsplit(maxsplit=1)[0] + " …"


def link(text: str, url: str) -> str:
    """Return a link of ours for Markdown."""
    return f"[{markdown(text, 100)}]({url})"


def cut(text: str, length: int) -> str:
    """Cut text to a length."""
    return text if len(text) <= length else text[: length - 1] + "…"
