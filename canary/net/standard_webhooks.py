"""Signatures of the Standard Webhooks specification: HMAC-SHA256 (`v1`) and ed25519 (`v1a`), made and checked."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

SYMMETRIC, PRIVATE = "whsec_", "whsk_"
TOLERANCE = timedelta(minutes=5)
"""How far the time of an event may be from ours, as the specification recommends."""
_MOST_SIGNATURES = 10
_LONGEST_ID = 200


class UnusableKey(ValueError):
    """A secret that nothing can be signed with."""


class ForgedEvent(Exception):
    """An event that is not from one who has the secret, or is too old."""


def sign(secret: str, identifier: str, stamp: str, body: bytes) -> str:
    """Sign an event; the secret is base64 after `whsec_`, or an ed25519 key (seed, with or without public key) after `whsk_`.

    Raises UnusableKey.
    """
    signed = f"{identifier}.{stamp}.".encode() + body
    if secret.startswith(PRIVATE):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - large

        signature = Ed25519PrivateKey.from_private_bytes(_key(secret, PRIVATE, (32, 64))[:32]).sign(signed)
        return "v1a," + base64.b64encode(signature).decode()
    return "v1," + base64.b64encode(hmac.digest(_key(secret, SYMMETRIC), signed, hashlib.sha256)).decode()


def check_key(secret: str) -> None:
    """Raise UnusableKey for a secret that is no symmetric one."""
    _key(secret, SYMMETRIC)


def stamped(headers: Mapping[str, str], now: datetime, prefix: str = "webhook") -> tuple[str, str, str]:
    """Return id, time and signatures of an event that claims to be of about now; raises ForgedEvent.

    The names of `headers` are lower case; those of Svix begin with `svix` instead.
    """
    identifier, stamp, signatures = (headers.get(f"{prefix}-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (identifier and len(identifier) <= _LONGEST_ID and identifier.isascii() and signatures):
        raise ForgedEvent(f"{prefix}-id, {prefix}-timestamp or {prefix}-signature is missing or no such thing")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise ForgedEvent(f"{prefix}-timestamp is no time in seconds")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise ForgedEvent(f"{prefix}-timestamp is more than five minutes from our time; check both clocks")
    return identifier, stamp, signatures


def verify(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime, prefix: str = "webhook"
) -> str:
    """Return the id of an event that was signed with one of these symmetric secrets; raises ForgedEvent."""
    identifier, stamp, signatures = stamped(headers, now, prefix)
    offered = [each.encode() for each in signatures.split(" ")[:_MOST_SIGNATURES]]
    wanted = [sign(secret, identifier, stamp, body).encode() for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in wanted for other in offered):
        raise ForgedEvent("the signature is not by the secret of this inlet")
    return identifier


def _key(secret: str, prefix: str, sizes: tuple[int, ...] = ()) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError:
        key = b""
    if not key or (sizes and len(key) not in sizes):
        raise UnusableKey(f"the secret is not a base64 key after {prefix}: generate a new one")
    return key
