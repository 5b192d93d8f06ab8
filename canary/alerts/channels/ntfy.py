"""ntfy, on your own server or at ntfy.sh: the address is that of the topic, the secret an access token."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, DeliveryError, check, cut, post_json
from canary.alerts.compose import Notice, notice
from canary.model.alert import Severity
from canary.net.http import Http

_PRIORITY = {Severity.LOW: 2, Severity.MEDIUM: 3, Severity.HIGH: 4}
_OCTETS = 3500
"""A message of more than 4,096 octets would become an attachment."""


def send(http: Http, post: Delivery) -> None:
    """Post the message as JSON, which unlike headers takes any text; raises DeliveryError."""
    root, _, topic = post.target.url.rstrip("/").rpartition("/")
    if not topic or root.endswith("/"):
        raise DeliveryError(
            f"destination {post.target.name}: its url names no topic; add one at its end", permanent=True
        )
    headers = {"Authorization": f"Bearer {post.target.secrets[0]}"} if post.target.secrets else {}
    at_root = replace(post, target=replace(post.target, url=f"{root}/"))
    answer = post_json(http, at_root, message(topic, notice(post.bulletin, post.url)), **headers)
    check(answer, permanent=answer.status in (400, 413))


def message(topic: str, told: Notice) -> dict[str, Any]:
    """Return the message: plain text, and the page that a tap opens."""
    return {
        "topic": topic,
        "title": cut(told.title, 200),
        "message": "\n".join(told.lines).encode()[:_OCTETS].decode(errors="ignore"),
        "priority": _PRIORITY[told.severity],
        "click": told.link,
        "actions": [{"action": "view", "label": told.button, "url": told.link}],
    }


CHANNEL = Channel(send, timedelta(seconds=1))
