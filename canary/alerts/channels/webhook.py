"""Generic webhooks, signed by the Standard Webhooks specification: HMAC-SHA256 (`v1`) and ed25519 (`v1a`)."""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from canary.alerts.channels.base import Channel, Delivery, DeliveryError, check
from canary.alerts.compose import event
from canary.net.http import Http

_SYMMETRIC, _PRIVATE = "whsec_", "whsk_"


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
        # While secrets are exchanged the event is signed with each of them, and either verifies it.
        "webhook-signature": " ".join(sign(secret, post.id, stamp, body) for secret in post.target.secrets),
    }
    check(http.post(post.target.url, body, headers))


def sign(secret: str, identifier: str, stamp: str, body: bytes) -> str:
    """Sign an event; the secret is base64 after `whsec_`, or an ed25519 key (seed, with or without public key) after `whsk_`."""
    signed = f"{identifier}.{stamp}.".encode() + body
    if secret.startswith(_PRIVATE):
        signature = Ed25519PrivateKey.from_private_bytes(_key(secret, _PRIVATE, (32, 64))[:32]).sign(signed)
        return "v1a," + base64.b64encode(signature).decode()
    return "v1," + base64.b64encode(hmac.digest(_key(secret, _SYMMETRIC), signed, hashlib.sha256)).decode()


def _key(secret: str, prefix: str, sizes: tuple[int, ...] = ()) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError:
        key = b""
    if not key or (sizes and len(key) not in sizes):
        raise DeliveryError(f"the secret is not a base64 key after {prefix}: generate a new one", permanent=True)
    return key


CHANNEL = Channel(send)
