"""Generic webhooks, signed by the Standard Webhooks specification (HMAC-SHA256, `v1`)."""

import base64
import hashlib
import hmac
import json

from canary.alert.channels.base import NotSent, Post, check
from canary.alert.compose import event
from canary.net.http import Http


def send(http: Http, post: Post) -> None:
    """Post the fact as a signed event; raises NotSent."""
    if not post.target.secret:
        raise NotSent(f"destination {post.target.name}: no secret to sign with; set one", permanent=True)
    body = json.dumps(event(post.alert, post.link), sort_keys=True).encode()
    stamp = str(int(post.now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": post.alert.id,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(post.target.secret, post.alert.id, stamp, body),
    }
    check(http.post(post.target.url, body, headers))


def sign(secret: str, identifier: str, stamp: str, body: bytes) -> str:
    """Sign an event; the secret is base64 after `whsec_`."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise NotSent("the secret is not base64 after whsec_: generate a new one", permanent=True) from None
    signed = f"{identifier}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
