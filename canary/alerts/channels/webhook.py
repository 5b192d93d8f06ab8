"""Generic webhooks, signed by the Standard Webhooks specification."""

import json

from canary.alerts.channels.base import Channel, Delivery, DeliveryError, check
from canary.alerts.compose import event
from canary.net.http import Http
from canary.net.standard_webhooks import UnusableKey, sign


def send(http: Http, post: Delivery) -> None:
    """Post the facts as a signed event; raises DeliveryError."""
    if not post.target.secrets:
        raise DeliveryError(f"destination {post.target.name}: no secret to sign with; set one", permanent=True)
    body = json.dumps(event(post.bulletin, post.url), sort_keys=True).encode()
    stamp = str(int(post.now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": post.id,
        "webhook-timestamp": stamp,
        "webhook-signature": _signatures(post, stamp, body),
    }
    check(http.post(post.target.url, body, headers))


def _signatures(post: Delivery, stamp: str, body: bytes) -> str:
    """While secrets are exchanged the event is signed with each of them, and either verifies it."""
    try:
        return " ".join(sign(secret, post.id, stamp, body) for secret in post.target.secrets)
    except UnusableKey as fault:
        raise DeliveryError(str(fault), permanent=True) from None


CHANNEL = Channel(send)
