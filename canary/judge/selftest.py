"""The self-test token: it proves that this installation sent a mail to one of its own addresses, a moment ago."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

HEADER = "X-Canary-Self-Test"
VALID = timedelta(hours=1)

_TOKEN = re.compile(r"v1\.([0-9]{10})\.([0-9a-f]{64})")


def make_token(key: bytes, address: str, now: datetime) -> str:
    """Return the value of the header for a mail to an address; it expires after an hour."""
    until = int((now + VALID).timestamp())
    return f"v1.{until}.{_signature(key, address, until)}"


def is_own(value: str, key: bytes, address: str, now: datetime) -> bool:
    """Whether a value was made with this key for this address and has not expired; without a key it never was."""
    found = _TOKEN.fullmatch(value.strip()[:100])
    if not key or found is None:
        return False
    until = int(found[1])
    # A token that is valid for longer than any of ours was not made by this clock.
    fresh = now.timestamp() <= until <= (now + 2 * VALID).timestamp()
    return hmac.compare_digest(found[2], _signature(key, address, until)) and fresh


def _signature(key: bytes, address: str, until: int) -> str:
    # The purpose is signed too, so that nothing else signed with the installation's key passes for a token.
    text = f"canary self-test v1\n{until}\n{address.lower()}"
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()
